"""Bad input: whatever arrives, from wherever, moves a drop counter and nothing else."""

import itertools
import random
from collections import Counter
from types import SimpleNamespace

import pytest

from handmade import HandmadeClient
from spacescore._native import _core
from world import SPACE, World, strength, tone

LOUD = 0.2
STRANGER = ("203.0.113.66", 6_666)
AMPLIFICATION = 3
MAX_LAST_FLIGHTS = 5
MUTATIONS = 100_000

KINDS = ["stun", "dtls", "rtp", "rtcp"]


def kind_of(datagram: bytes) -> str:
    if datagram[0] < 4:
        return "stun"
    if datagram[0] < 64:
        return "dtls"
    return "rtcp" if _core.is_rtcp(datagram) else "rtp"


def state_of(world):
    """All that a datagram could change but for drops and traffic."""
    stats = world.engine.space_stats(SPACE)
    counters = world.engine.counters()
    steady = ("addresses_moved", "handshakes_started", "handshakes_completed", "reports_received")
    return (
        [world.engine.listeners, world.engine.speakers, world.engine.handshakes, stats.listeners],
        [counters[name] for name in (*steady, "consents_expired", "outbox_overflows")],
        [(s.peer, s.muted, s.packets_received, s.packets_lost) for s in stats.speakers],
        [event.kind for event in world.engine.poll_events()],
    )


def drops_of(world) -> Counter:
    """With the reports that nobody opened, for there were too many at once."""
    return Counter(world.drops() | {"skipped": world.counters().get("reports_skipped", 0)})


@pytest.fixture
def scene():
    """A speaker heard by a listener, and what each of them has sent so far, by kind."""
    world = World()
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(440))
    world.run(6)
    world.engine.poll_transmits(world.now_us)
    world.engine.poll_events()
    sent = {
        person.address: {
            kind: [packet for _, packet in person.up.sent if kind_of(packet) == kind]
            for kind in KINDS
        }
        for person in (speaker, listener)
    }
    return SimpleNamespace(world=world, speaker=speaker, listener=listener, sent=sent)


def assert_nothing_changed(scene, before):
    world, listener = scene.world, scene.listener
    assert state_of(world) == before
    at = len(listener.heard)
    world.run(8)  # longer than an alert leaves one to live
    heard = listener.heard[at:]
    assert world.engine.listeners == world.engine.speakers == 1
    assert strength(listener.samples()[-48_000:], 440) > LOUD
    assert heard[-1].audio.index - heard[0].audio.index == len(heard) - 1
    assert listener.client.stats.packets_lost == 0
    assert world.engine.space_stats(SPACE).speakers[0].packets_lost == 0
    assert world.counters().get("addresses_moved", 0) == 0


def feed(world, source, datagrams):
    """Each on its own; how many were answered, none by more than it may be."""
    answered = 0
    for datagram in datagrams:
        world.engine.handle_datagram(world.now_us, source, datagram)
        answers = world.engine.poll_transmits(world.now_us)
        if answers:
            answered += 1
            assert sum(len(answer) for _, answer in answers) <= AMPLIFICATION * len(datagram)
    return answered


def truncations(packet):
    return (packet[:size] for size in range(len(packet)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spoofed", [False, True], ids=["own", "spoofed"])
def test_every_truncation_is_dropped_and_counted(scene, kind, spoofed):
    world = scene.world
    for address, packets in scene.sent.items():
        source = STRANGER if spoofed else address
        for packet in packets[kind][-3:]:
            before, drops = state_of(world), drops_of(world)
            answered = feed(world, source, truncations(packet))
            assert answered <= (MAX_LAST_FLIGHTS if kind == "dtls" and not spoofed else 0)
            silent = drops_of(world) - drops
            assert kind == "dtls" or silent.total() == len(packet)
            assert state_of(world) == before
    assert_nothing_changed(scene, state_of(world))


@pytest.mark.parametrize("spoofed", [False, True], ids=["own", "spoofed"])
@pytest.mark.parametrize("kind", KINDS)
def test_mutations_change_nothing(scene, kind, spoofed, mutations):
    world = scene.world
    before, drops = state_of(world), drops_of(world)
    fed = answered = 0
    for address, packets in scene.sent.items():
        originals = packets[kind][-4:]
        if not originals:  # a listener sends no RTP
            originals = scene.sent[scene.speaker.address][kind][-4:]
        damaged = [
            packet
            for packet in mutations(originals, count=MUTATIONS // 2, seed=len(kind))
            if packet not in originals
        ]
        answered += feed(world, STRANGER if spoofed else address, damaged)
        fed += len(damaged)
    dropped = (drops_of(world) - drops).total()
    assert dropped + answered <= fed
    if spoofed:
        assert answered == 0
        assert dropped == fed
    elif kind == "stun":  # FINGERPRINT is not covered by the integrity: without it, a repeat
        assert answered < fed / 50
    else:
        assert answered <= 2 * MAX_LAST_FLIGHTS
    alerts = fed - dropped - answered  # all else that is heeded, until the next check
    assert alerts < fed / (20 if kind == "dtls" else 1_000)
    assert_nothing_changed(scene, before)


@pytest.mark.parametrize("size", [1_473, 1_500, 2_047, 2_048])
def test_an_oversized_datagram_is_dropped(scene, size):
    world = scene.world
    before = state_of(world)
    rng = random.Random(size)
    for head in itertools.product((0, 3, 20, 22, 63, 128, 144, 191), (0, 1, 111, 200, 255)):
        datagram = bytes(head) + rng.randbytes(size - 2)
        for source in (scene.speaker.address, scene.listener.address, STRANGER):
            assert world.inject(source, datagram) == []
    assert world.drops() == {"oversized": 120}
    assert_nothing_changed(scene, before)


def test_an_oversized_check_with_valid_integrity_is_dropped(world):
    listener = world.join()
    request = _core.write_binding_request(
        transaction=bytes(12), username=f"{listener.ufrag}:load", priority=1, tie_breaker=1
    )
    software = b"\x80\x22" + (1_400).to_bytes(2, "big") + bytes(1_400)
    padded = request[:2] + (len(request) + len(software) - 20).to_bytes(2, "big") + request[4:]
    check = _core.seal_stun(padded + software, listener.password)
    assert len(check) > 1_472
    assert world.inject(STRANGER, check) == []
    assert world.drops() == {"oversized": 1}


@pytest.fixture
def stage():
    """A speaker and a listener whose keys the test holds."""
    world = World()
    speaker = world.join("speaker", peer=7, made_by=HandmadeClient)
    listener = world.join(made_by=HandmadeClient)
    speaker.say(0, tone(440))
    world.run(1)
    assert (speaker.client.state, listener.client.state) == ("connected", "connected")
    return SimpleNamespace(world=world, speaker=speaker, listener=listener)


def flipped(packet, at):
    return packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]


OPUS = next(tone(440))[0]


def test_srtp_replayed_by_a_speaker_is_dropped_and_counted(stage):
    world, speaker = stage.world, stage.speaker
    old = [packet for _, packet in speaker.up.sent if kind_of(packet) == "rtp"]
    received = world.engine.space_stats(SPACE).speakers[0].packets_received
    for packet in old[-20:-2]:
        assert world.inject(speaker.address, packet) == []
    assert world.drops() == {"replayed_rtp": 18}
    assert world.engine.space_stats(SPACE).speakers[0].packets_received == received


def test_srtp_forged_is_dropped_and_counted(stage):
    world, speaker = stage.world, stage.speaker
    packet = speaker.client.rtp(OPUS)
    for at in (12, len(packet) - 17, len(packet) - 1):
        world.inject(speaker.address, flipped(packet, at))
    assert world.drops() == {"forged_rtp": 3}
    world.inject(speaker.address, packet)
    assert world.drops() == {"forged_rtp": 3}  # the true one still passes


@pytest.mark.parametrize("who", ["speaker", "listener"])
def test_srtcp_replayed_or_forged_is_dropped_and_counted(stage, who):
    world, person = stage.world, getattr(stage, who)
    report = _core.write_receiver_report(person.client.ssrc)
    sealed = person.client.rtcp(report)
    for at in (8, len(sealed) - 1):
        world.inject(person.address, flipped(sealed, at))
    assert world.drops() == {"forged_rtcp": 2}
    before = world.counters().get("reports_received", 0)
    world.inject(person.address, sealed)
    world.inject(person.address, sealed)
    assert world.drops() == {"forged_rtcp": 2, "replayed_rtcp": 1}
    assert world.counters()["reports_received"] == before + 1


def test_sealed_nonsense_is_malformed_and_no_more(stage):
    world, client = stage.world, stage.speaker.client
    world.inject(stage.speaker.address, client.rtp(b"\xff"))  # code 3 without a count
    client.index += 1
    world.inject(stage.speaker.address, client.rtp(b""))
    world.inject(stage.speaker.address, client.rtcp(bytes([0x81, 203, 0, 1, 0, 0, 0, 0])))
    world.inject(stage.listener.address, stage.listener.client.rtcp(bytes(12)))
    assert world.drops() == {"malformed_rtp": 2, "malformed_rtcp": 1, "malformed_stun": 1}


def test_media_from_a_listener_is_not_even_opened(stage):
    world, listener = stage.world, stage.listener
    for _ in range(3):
        world.inject(listener.address, listener.client.rtp(OPUS))
    assert world.drops() == {"unexpected_media": 3}


def test_another_payload_type_is_dropped_and_counted(stage):
    world, speaker = stage.world, stage.speaker
    world.inject(speaker.address, speaker.client.rtp(OPUS, payload_type=96))
    assert world.drops() == {"wrong_payload_type": 1}


def test_keys_of_one_session_open_nothing_in_another(stage):
    world, speaker, listener = stage.world, stage.speaker, stage.listener
    packet = listener.client.rtp(OPUS, index=speaker.client.index, ssrc=speaker.client.ssrc)
    world.inject(speaker.address, packet)
    world.inject(speaker.address, listener.client.rtcp(_core.write_bye(speaker.client.ssrc)))
    assert world.drops() == {"forged_rtp": 1, "forged_rtcp": 1}


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_any_header_at_any_short_length_is_safe(stage, filler):
    """All of V, P, X, CC, M and PT over the lengths where parsers fall (CVE-2025-49140)."""
    world, feed = stage.world, stage.world.engine.handle_datagram
    before = state_of(world)
    rest = filler * 64
    for first, second in itertools.product(range(256), range(0, 256, 17)):
        for size in range(2, 66, 1 if first >= 128 else 9):
            datagram = bytes([first, second]) + rest[: size - 2]
            feed(0, stage.speaker.address, datagram)
            feed(0, stage.listener.address, datagram)
    assert state_of(world) == before
    world.run(3)
    assert world.engine.speakers == world.engine.listeners == 1


def test_a_listeners_repeated_flight_is_answered_five_times_at_most(scene):
    world, listener = scene.world, scene.listener
    flight = scene.sent[listener.address]["dtls"][-1]
    answers = [world.inject(listener.address, flight) for _ in range(20)]
    assert [len(answer) for answer in answers] == [1] * MAX_LAST_FLIGHTS + [0] * 15
    assert world.drops() == {"rate_limited": 15}
    assert_nothing_changed(scene, state_of(world))


def test_plaintext_after_the_handshake_is_dropped(scene):
    """CVE-2019-20786: application data in epoch 0, taken for the peer's."""
    world, listener = scene.world, scene.listener
    record = bytes([23, 0xFE, 0xFD]) + bytes(8) + (40).to_bytes(2, "big") + bytes(40)
    assert world.inject(listener.address, record) == []
    assert world.drops() == {"malformed_dtls": 1}


# One row per reason: what makes it, told by (world, speaker, listener), from which address.
def check(world, person, **changes):
    ufrag = changes.pop("ufrag", person.ufrag)
    request = _core.write_binding_request(
        transaction=random.Random(7).randbytes(12),
        username=f"{ufrag}:load",
        priority=1,
        tie_breaker=1,
    )
    return _core.seal_stun(request, changes.pop("password", person.password))


REASONS = {
    "empty": lambda w, s, _: (s.address, b""),
    "unknown_protocol": lambda w, s, _: (s.address, b"GET / HTTP/1.1"),
    "malformed_stun": lambda w, s, _: (s.address, bytes(20)),
    "malformed_rtp": lambda w, s, _: (s.address, b"\x80\x6f\0"),
    "malformed_rtcp": lambda w, s, _: (s.address, b"\x80\xc9\0\1"),
    "malformed_dtls": lambda w, s, _: (s.address, b"\x17\xfe\xfd"),
    "unexpected_stun": lambda w, s, _: (
        s.address,
        _core.seal_stun(_core.write_binding_success(bytes(12), s.address), s.password),
    ),
    "bad_ticket": lambda w, s, _: (STRANGER, check(w, s, ufrag="short")),
    "bad_integrity": lambda w, s, _: (s.address, check(w, s, password="0" * 32)),
    "unknown_address": lambda w, s, _: (STRANGER, b"\x16\xfe\xfd"),
    "unexpected_media": lambda w, s, li: (li.address, s.client.rtp(OPUS)),
    "forged_rtp": lambda w, s, _: (s.address, flipped(s.client.rtp(OPUS), 20)),
    "forged_rtcp": lambda w, s, li: (
        li.address,
        s.client.rtcp(_core.write_receiver_report(s.client.ssrc)),
    ),
    "wrong_payload_type": lambda w, s, _: (s.address, s.client.rtp(OPUS, payload_type=1)),
    "oversized": lambda w, s, _: (s.address, b"\x80" + bytes(1_472)),
}

ELSEWHERE = {  # test_join.py, test_path.py and above
    "expired_ticket",
    "foreign_space",
    "replayed_check",
    "certificate_mismatch",
    "handshake_failed",
    "handshake_limit",
    "not_admitted",
    "not_invited",
    "node_full",
    "node_draining",
    "replayed_rtp",
    "replayed_rtcp",
    "address_taken",
    "rate_limited",
    "handshake_backlog",
    "relay_full",  # test_mesh.py
    "malformed_red",  # wire/test_red.py
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_counts_what_it_names(stage, reason):
    source, datagram = REASONS[reason](stage.world, stage.speaker, stage.listener)
    assert stage.world.inject(source, datagram) == []
    assert stage.world.drops() == {reason: 1}


def test_every_reason_has_a_test():
    assert {*REASONS, *ELSEWHERE} == set(_core.drop_names())
