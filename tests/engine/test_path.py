"""Paths: who stays, who is let go, and what moves a stream to another address."""

import itertools
from types import SimpleNamespace

import pytest

from handmade import HandmadeClient, sealed_check
from netem import Link
from spacescore._native import _core
from world import SECOND_US, SPACE, World, hears, tone

NEW = ("198.51.100.9", 9_999)
STRANGER = ("203.0.113.66", 6_666)
ALERT = bytes([21, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 0, 26]) + bytes(26)
CLIENT_HELLO = bytes([22, 0xFE, 0xFF]) + bytes(8) + (120).to_bytes(2, "big") + b"\1" + bytes(119)


@pytest.fixture
def scene():
    world = World()
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(440))
    world.run(3)
    return SimpleNamespace(world=world, speaker=speaker, listener=listener)


def checks_of(person):
    return [(when, packet) for when, packet in person.up.sent if packet[0] < 4]


def lifetime(world, person, count):
    """Seconds from the last check to the end."""
    last = checks_of(person)[-1][0] + 10_000
    while count() and world.now_us < 60 * SECOND_US:
        world.run(0.1)
    return (world.now_us - last) / SECOND_US


@pytest.mark.parametrize(("who", "patrol"), [("listener", 5), ("speaker", 0.1)])
def test_whoever_falls_silent_is_let_go_after_thirty_seconds(scene, who, patrol):
    world, person = scene.world, getattr(scene, who)
    world.leave(person)
    lived = lifetime(world, person, lambda: getattr(world.engine, f"{who}s"))
    assert 30 <= lived <= 30 + patrol + 0.1
    assert world.counters()["consents_expired"] == 1


@pytest.mark.parametrize(("who", "patrol"), [("listener", 5), ("speaker", 0.1)])
def test_after_an_alert_silence_counts_after_six_seconds(scene, who, patrol):
    world, person = scene.world, getattr(scene, who)
    person.client.close()
    world.run(0.1)
    lived = lifetime(world, person, lambda: getattr(world.engine, f"{who}s"))
    assert 6 <= lived <= 6 + patrol + 0.1


@pytest.mark.parametrize("who", ["listener", "speaker"])
def test_a_spoofed_alert_ends_nobody_who_goes_on_checking(scene, who):
    world, person = scene.world, getattr(scene, who)
    for _ in range(8):
        world.inject(person.address, ALERT)
        world.run(3)
    assert world.engine.listeners == world.engine.speakers == 1
    assert hears(world, scene.listener)


def test_a_goodbye_by_rtcp_shortens_consent(world):
    listener = world.join(made_by=HandmadeClient)
    world.run(1)
    listener.client.close()
    report = _core.write_receiver_report(listener.client.ssrc)
    listener.client.send(listener.client.rtcp(report, _core.write_bye(listener.client.ssrc)))
    world.run(0.1)
    assert 5.9 <= lifetime(world, listener, lambda: world.engine.listeners) <= 11.1


def test_a_thousand_joins_and_leaves_leave_nothing_behind():
    world = World(max_listeners=25, max_handshakes=25)
    for batch in range(40):
        addresses = [("10.3.0.1", 10_000 + 25 * batch + i) for i in range(25)]
        people = [world.join(address=address, ttl_s=3_600) for address in addresses]
        world.run(1)
        assert [p.client.state for p in people] == ["connected"] * 25
        assert world.engine.listeners == world.engine.space_stats(SPACE).listeners == 25
        for person in people:
            if batch % 2:
                assert world.engine.end_session(world.now_us, person.session)
            else:
                person.client.close()
        world.run(0.1 if batch % 2 else 11.2)
        for person in people:
            world.leave(person)
        assert world.engine.listeners == world.engine.space_stats(SPACE).listeners == 0
    counters = world.counters()
    assert counters["handshakes_started"] == counters["handshakes_completed"] == 1_000
    assert counters["consents_expired"] == 500
    assert "handshakes_failed" not in counters
    for person in people:  # their addresses are nobody's
        world.inject(person.address, CLIENT_HELLO)
    assert world.drops()["unknown_address"] == 25


def test_a_hundred_speakers_come_and_go(world):
    for number in range(1, 101):
        speaker = world.join("speaker", peer=number)
        world.run(0.3)
        assert world.engine.speakers == 1
        assert world.engine.remove_peer(SPACE, number)
        world.leave(speaker)
    world.run(0.1)
    assert world.engine.speakers == 0
    assert world.engine.space_stats(SPACE).speakers == []
    assert len(world.events) == 200


# Migration.


FIREFOX = {"nominates_always": False, "consent_interval_us": 5 * SECOND_US}


@pytest.mark.parametrize(
    ("habit", "within"),
    [
        pytest.param({}, 2.6, id="Chrome, at the next check"),
        pytest.param(FIREFOX, 5.1, id="Firefox, which nominates once, at the next check"),
    ],
)
def test_a_rebound_nat_resumes(world, habit, within):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**habit)
    world.run(7)
    world.move(listener, NEW)
    moved, at = world.now_us, len(listener.heard)
    world.run(within)
    assert listener.heard[at].at_us - moved <= within * SECOND_US
    assert world.counters()["addresses_moved"] == 1
    assert hears(world, listener)


@pytest.mark.parametrize("habit", [{}, FIREFOX], ids=["Chrome", "Firefox"])
@pytest.mark.parametrize("new", [("10.0.0.1", 60_000), NEW], ids=["new port", "new IP"])
def test_the_next_packet_follows_the_first_check_from_elsewhere(world, habit, new):
    """What a listener misses is what it was silent itself: who checks at once misses nothing."""
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**habit)
    world.run(11)
    world.move(listener, new)
    moved = world.now_us
    nominates = habit.get("nominates_always", True)
    check = sealed_check(listener.ufrag, listener.password, b"\7" * 12, nominates=nominates)
    world.inject(new, check)
    world.run(1)
    heard = [heard for heard in listener.heard if heard.at_us > moved]
    assert heard[0].at_us - moved <= 35_000  # a tick, and the way
    assert len(heard) >= 48
    assert listener.client.stats.packets_lost <= 1
    assert world.counters()["addresses_moved"] == 1


@pytest.mark.parametrize(
    ("habit", "seconds"),
    [({}, 11), (FIREFOX, 3), ({"nominates_always": False}, 0.1)],
    ids=["Chrome, for ever", "Firefox, before its consent", "while it chooses"],
)
def test_a_pair_that_is_only_tried_takes_nothing_along(world, habit, seconds):
    """Chrome looks at its other networks now and then, Firefox before it has chosen one."""
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**habit)
    world.run(seconds)
    check = sealed_check(listener.ufrag, listener.password, b"\7" * 12, nominates=False)
    assert world.inject(NEW, check)
    world.run(1)
    assert "addresses_moved" not in world.counters()
    assert hears(world, listener)


def test_a_captured_consent_check_moves_nothing(world):
    """Of a listener that settled on a pair, too."""
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**FIREFOX)
    world.run(11)
    for _, captured in checks_of(listener)[-3:]:
        assert world.inject(STRANGER, captured) == []
    assert world.drops() == {"replayed_check": 3}
    assert hears(world, listener)


def test_a_stream_moved_by_one_check_and_no_second_ends_after_twelve_seconds(scene):
    """Who points the stream at somebody else's address cannot check from there again."""
    world, listener = scene.world, scene.listener
    world.leave(listener)
    assert world.inject(NEW, sealed_check(listener.ufrag, listener.password, b"\7" * 12))
    last = world.now_us
    while world.engine.listeners and world.now_us < 60 * SECOND_US:
        world.run(0.1)
    assert 12 <= (world.now_us - last) / SECOND_US <= 12 + 5.2


def test_a_speaker_is_heard_again_after_a_rebound(scene):
    world, speaker = scene.world, scene.speaker
    world.move(speaker, NEW)
    world.run(4)
    assert hears(world, scene.listener)
    assert set(world.drops()) == {"unknown_address"}  # what came before the check


def test_a_handshake_moves_with_its_checks(world):
    lets_through = {"dtls": False}
    path = {"filter": lambda _, packet: packet[0] < 4 or lets_through["dtls"]}
    listener = world.join(up=path)
    world.run(0.3)
    assert world.engine.handshakes == 1
    world.move(listener, NEW)
    lets_through["dtls"] = True
    world.run(6)
    assert listener.client.state == "connected"
    assert world.engine.listeners == 1


def test_a_captured_check_replayed_from_elsewhere_moves_nothing(scene):
    world, listener = scene.world, scene.listener
    _, captured = checks_of(listener)[-1]
    for _ in range(3):
        assert world.inject(STRANGER, captured) == []
    assert world.drops() == {"replayed_check": 3}
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, listener)


def test_a_captured_check_does_not_keep_a_silent_listener(scene):
    world, listener = scene.world, scene.listener
    _, captured = checks_of(listener)[-1]
    world.leave(listener)
    for _ in range(36):
        world.inject(listener.address, captured)
        world.run(1)
    assert world.engine.listeners == 0


def test_media_from_a_foreign_address_moves_nothing(scene):
    """CVE-2025-53399: endpoints learnt from RTP."""
    world, speaker = scene.world, scene.speaker
    captured = [packet for _, packet in speaker.up.sent if packet[0] >= 128][-20:]
    for packet in captured:
        assert world.inject(STRANGER, packet) == []
    assert world.drops() == {"unknown_address": 20}
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, scene.listener)


def test_hellos_from_other_addresses_do_not_disturb_a_join(world):
    """CVE-2023-49786, CVE-2023-51443: a ClientHello race for the peer's session."""
    listener = world.join()
    sprayed = 0
    for port in range(1, 200):
        world.run(0.001)
        assert world.inject(("203.0.113.7", port), CLIENT_HELLO) == []
        sprayed += 1
    assert listener.client.state == "connected"
    assert world.drops() == {"unknown_address": sprayed}
    assert world.counters()["handshakes_started"] == 1


def nonces():
    return (number.to_bytes(12, "big") for number in itertools.count(1 << 90))


def fresh_check(world, person, nonce, **session):
    """A valid check of a session of one's own, with the public ticket everybody may have."""
    ticket = world.tickets.mint(space=SPACE, role="listener", expiry=1_700_000_600)
    ufrag = _core.make_ufrag(ticket, nonce, 111, None)
    return sealed_check(ufrag, world.tickets.password(ticket), nonce[::-1], **session)


@pytest.mark.parametrize("who", ["listener", "speaker"])
def test_a_session_does_not_take_an_address_where_another_lives(scene, who):
    """Anybody with a public ticket can forge a source address."""
    world, person = scene.world, getattr(scene, who)
    for nonce in itertools.islice(nonces(), 5):
        assert world.inject(person.address, fresh_check(world, person, nonce)) == []
        world.run(1)
    assert world.drops() == {"address_taken": 5}
    assert world.engine.handshakes == 0
    assert hears(world, scene.listener)
    assert world.drops() == {"address_taken": 5}


def test_a_session_does_not_move_to_an_address_where_another_lives(scene):
    world, speaker = scene.world, scene.speaker
    rogue = world.join(made_by=HandmadeClient)
    world.run(1)
    assert world.inject(speaker.address, rogue.client.check()) == []
    assert world.drops() == {"address_taken": 1}
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, scene.listener)


def test_a_join_is_not_taken_over_at_its_own_address(world):
    listener = world.join()
    world.run(0.025)
    assert world.engine.handshakes == 1
    world.inject(listener.address, fresh_check(world, listener, bytes(11) + b"\7"))
    world.run(1)
    assert listener.client.state == "connected"
    assert world.drops() == {"address_taken": 1}


def test_an_address_left_behind_is_free_for_the_next(scene):
    world, listener = scene.world, scene.listener
    listener.client.close()
    world.run(0.1)
    world.leave(listener)
    heir = world.join(address=listener.address)
    world.run(12)
    assert heir.client.state == "connected"
    assert world.engine.listeners == 1
    assert hears(world, heir)


def test_idle_slots_give_way_to_whoever_comes(world):
    """Holders of a public ticket who never send a ClientHello do not close the door."""
    world = World(max_handshakes=64)
    for number, nonce in enumerate(itertools.islice(nonces(), 64)):
        assert world.inject((f"203.0.113.{number}", 9), fresh_check(world, None, nonce))
    assert world.engine.handshakes == 64
    assert world.inject(STRANGER, fresh_check(world, None, bytes(12))) == []
    assert world.drops() == {"handshake_limit": 1}  # they may still come
    world.run(1.2)  # their hello was lost, and comes again
    assert world.inject(STRANGER, fresh_check(world, None, bytes(12))) == []
    world.run(0.9)
    people = [world.join(address=("10.4.0.1", 2_000 + i)) for i in range(20)]
    world.run(1)
    assert [p.client.state for p in people] == ["connected"] * 20


def test_an_idle_slot_does_not_give_way_to_a_forged_check():
    world = World(max_handshakes=64)
    for number, nonce in enumerate(itertools.islice(nonces(), 64)):
        assert world.inject((f"203.0.113.{number}", 9), fresh_check(world, None, nonce))
    world.run(3)
    ticket = world.tickets.mint(space=SPACE, role="listener", expiry=1_700_000_600)
    for nonce in itertools.islice(nonces(), 50):
        forged = sealed_check(_core.make_ufrag(ticket, nonce, 111, None), "x" * 32, nonce)
        assert world.inject(STRANGER, forged) == []
    assert world.drops() == {"bad_integrity": 50}
    assert world.engine.handshakes == 64


def test_one_source_does_not_take_all_the_slots():
    world, flood = World(max_handshakes=64), nonces()
    for port in range(1, 65):
        world.inject(("203.0.113.8", port), fresh_check(world, None, next(flood)))
    assert world.engine.handshakes == 33  # half of them, and one to notice it
    assert world.drops() == {"handshake_limit": 31}
    neighbours = [(f"2001:db8::{i:x}", 9) for i in range(1, 20)]
    for address in neighbours:  # a /64 is one source
        world.inject(address, fresh_check(world, None, next(flood)))
    assert world.engine.handshakes == 33 + 64 // 16
    assert world.inject(STRANGER, fresh_check(world, None, next(flood)))


def test_a_source_gets_its_share_back_when_its_slots_are_free(world):
    world, flood = World(max_handshakes=64), nonces()
    for port in range(1, 65):
        world.inject(("203.0.113.8", port), fresh_check(world, None, next(flood)))
    world.run(16)
    assert world.engine.handshakes == 0
    assert world.inject(("203.0.113.8", 9), fresh_check(world, None, next(flood)))


def test_a_flood_of_idle_sessions_stops_nobody():
    """A hundred a second for ten, where 64 slots of 15 seconds each would take four."""
    world = World(max_handshakes=64)
    source, flood = itertools.count(1), nonces()
    for number in range(1_000):
        world.inject(("203.0.113.8", next(source)), fresh_check(world, None, next(flood)))
        if number == 500:
            person = world.join()
        world.run(0.01)
    assert person.client.state == "connected"
    assert world.engine.handshakes <= 64


def test_a_handshake_that_moves_while_its_hello_waits_goes_on(world):
    person = world.join()
    world.engine.hold_handshakes()
    world.run(1)
    world.move(person, NEW)
    world.run(6)  # the next check moves it; what waits is from where nobody is any more
    assert world.counters()["addresses_moved"] == 1
    for _ in range(400):
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.02)
    assert person.client.state == "connected"
    assert world.engine.listeners == 1


def test_whoever_waits_in_the_line_is_not_taken_for_idle():
    world = World(max_handshakes=4)
    world.engine.hold_handshakes()
    early = [world.join(address=(f"10.{i}.0.1", 9)) for i in range(2)]
    world.run(2.3)
    late = [world.join(address=(f"10.5{i}.0.1", 9)) for i in range(4)]
    world.run(0.3)
    for _ in range(100):
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.02)
    assert [person.client.state for person in early] == ["connected"] * 2
    assert "unknown_address" not in world.drops()
    assert world.engine.listeners == 6, [person.client.state for person in late]


def test_a_hello_repeated_while_it_waits_makes_the_line_no_longer(world):
    world.engine.hold_handshakes()
    assert world.inject(STRANGER, fresh_check(world, None, bytes(11) + b"\1"))
    for _ in range(10):
        assert world.inject(STRANGER, CLIENT_HELLO) == []
    assert world.drops() == {"handshake_backlog": 10 - 2}


def test_a_line_too_long_is_cut_and_counted():
    world, flood = World(max_handshakes=64, max_waiting=200), nonces()
    world.engine.hold_handshakes()
    for number in range(230):
        source = (f"203.0.113.{number}", 9)
        assert world.inject(source, fresh_check(world, None, next(flood)))
        for _ in range(4):
            assert world.inject(source, CLIENT_HELLO) == []
    assert world.drops() == {"handshake_backlog": 4 * 230 - 2 * 200}
    assert world.engine.handshakes == 230


def test_one_source_does_not_take_all_the_handshakes():
    """Each of them is begun at once, and then kept waiting."""
    world, flood = World(max_handshakes=64), nonces()
    context = _core.DtlsContext(_core.Certificate.generate())
    hello = _core.DtlsSession(context, role="client").poll_transmit()
    for port in range(1, 129):
        source = ("203.0.113.8", port)
        world.inject(source, fresh_check(world, None, next(flood)))
        world.inject(source, hello)
        world.run(0.001)
    assert world.counters()["handshakes_started"] == 33
    person = world.join()
    world.run(1)
    assert person.client.state == "connected"


def forge_hellos(world, count, flood=None):
    """From as many addresses, each after a valid check."""
    flood = flood or nonces()
    context = _core.DtlsContext(_core.Certificate.generate())
    hello = _core.DtlsSession(context, role="client").poll_transmit()
    for _ in range(count):
        nonce = next(flood)
        source = (f"203.0.{nonce[-2]}.{nonce[-1]}", 9)
        world.inject(source, fresh_check(world, None, nonce))
        world.inject(source, hello)


def test_forged_hellos_hold_sessions_for_four_seconds_while_others_wait():
    world = World(max_handshakes=64)
    forge_hellos(world, 64)
    assert world.counters()["handshakes_started"] == 64
    person = world.join()
    world.run(3.9)
    assert person.client.state == "handshaking"
    world.run(0.5)
    assert person.client.state == "connected"


def test_a_flood_of_forged_hellos_gets_less_than_it_brings_and_who_means_it_still_joins():
    """Each would get three times its bytes, to a victim, if nobody counted who broke that trust."""
    world, flood = World(max_handshakes=8_192, max_listeners=10_000), nonces()
    context = _core.DtlsContext(_core.Certificate.generate())
    hello = _core.DtlsSession(context, role="client").poll_transmit()

    def gain(sources):
        came = went = 0
        for source in sources:
            for datagram in (fresh_check(world, None, next(flood)), hello):
                came += len(datagram)
                went += sum(len(answer) for _, answer in world.inject(source, datagram))
        return went / came

    assert 1 < gain([NEW]) < 3
    sources = [(f"203.0.{number // 250}.{number % 250}", 9) for number in range(2_000)]
    assert gain(sources[:500]) < 1
    assert gain(sources[500:]) < 0.5
    assert world.counters()["cookies_asked"] == 2_001 - 128
    person = world.join()
    world.run(1)
    assert person.client.state == "connected"
    assert world.counters()["cookies_asked"] == 2_002 - 128
    world.run(40)  # they have timed out, and nobody else has come
    assert gain([("203.0.113.7", 9)]) > 1


def test_who_is_what_they_say_opens_the_way_for_more():
    world, ports, flood = World(max_handshakes=1_024), itertools.count(1), nonces()
    forge_hellos(world, 120, flood)
    for crowd in 8, 16, 32:  # each leaves room for twice as many, without a cookie
        people = [world.join(address=("10.9.0.1", next(ports))) for _ in range(crowd)]
        world.run(0.2)
        assert {person.client.state for person in people} == {"connected"}
    forge_hellos(world, 64, flood)
    assert world.counters()["handshakes_started"] == 120 + 56 + 64
    assert "cookies_asked" not in world.counters()


def test_a_slow_join_keeps_its_session_though_others_wait():
    """Over a round trip of two seconds, where a flight is lost."""
    world = World(max_handshakes=64)
    slow = world.join()
    world.run(0.035)  # the hello is there; its answer is lost with the fast path
    slow.up, slow.down = Link(1, delay_us=1_000_000), Link(2, delay_us=1_000_000)
    forge_hellos(world, 63)
    person = world.join(address=("10.7.0.1", 9))
    world.run(2.9)
    assert person.client.state == "handshaking"
    world.run(1.2)
    assert [slow.client.state, person.client.state] == ["connected"] * 2


@pytest.mark.parametrize("noise", [b"\x14", b"\x16", CLIENT_HELLO[:24], b"\x17" + CLIENT_HELLO[1:]])
def test_whatever_is_no_hello_does_not_take_a_place_in_the_line(noise):
    world, flood = World(max_handshakes=4, max_waiting=4), nonces()
    world.engine.hold_handshakes()
    for number in range(40):
        source = (f"203.0.113.{number}", 9)
        world.inject(source, fresh_check(world, None, next(flood)))
        world.inject(source, noise)
    assert world.engine.handshakes == 4
    assert world.drops()["malformed_dtls"] == 4


def test_who_waited_long_in_the_line_has_all_the_time_for_the_handshake(world):
    world.engine.hold_handshakes()
    person = world.join()
    world.run(14)
    for _ in range(100):
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.02)
    assert person.client.state == "connected"


def test_one_source_does_not_take_the_whole_line():
    world, flood = World(max_handshakes=64, max_waiting=64), nonces()
    world.engine.hold_handshakes()
    for port in range(1, 65):
        source = ("203.0.113.8", port)
        world.inject(source, fresh_check(world, None, next(flood)))
        world.inject(source, CLIENT_HELLO)
    assert world.drops() == {"handshake_backlog": 31}
    assert world.inject(STRANGER, fresh_check(world, None, next(flood)))
    assert world.inject(STRANGER, CLIENT_HELLO) == []
    assert world.drops() == {"handshake_backlog": 31}


def test_a_slot_that_saw_a_hello_is_not_taken():
    world = World(max_handshakes=1)
    lets_through = {"dtls": True}
    path = {"filter": lambda _, packet: packet[0] < 4 or lets_through["dtls"]}
    person = world.join(up=path)
    world.run(0.035)  # the hello is there
    lets_through["dtls"] = False
    world.run(2.5)
    assert person.client.state == "handshaking"
    assert world.counters()["handshakes_started"] == 1
    for number in range(1, 4):  # one silent place: each of them has it for two seconds
        stranger = f"10.9.9.{number}", 9
        assert world.inject(stranger, fresh_check(world, None, bytes(11) + bytes([number])))
        assert world.inject(STRANGER, fresh_check(world, None, bytes(12))) == []
        world.run(2.1)
    assert world.engine.handshakes == 2
    lets_through["dtls"] = True
    world.run(6)
    assert person.client.state == "connected"


# Ends.


@pytest.mark.parametrize("after", [0.025, 1.0], ids=["handshaking", "connected"])
def test_an_ended_session_does_not_come_back(world, after):
    person = world.join()
    world.run(after)
    assert world.engine.end_session(world.now_us, person.session)
    world.run(20)
    assert world.engine.listeners == world.engine.handshakes == 0
    assert set(world.drops()) <= {"expired_ticket", "unknown_address"}


def test_a_space_made_anew_while_its_listeners_are_told_goodbye():
    world = World()
    people = [world.join(address=("10.1.0.1", 2_000 + i)) for i in range(40)]
    world.run(1)
    assert world.engine.close_space(SPACE)
    world.engine.create_space(world.now_us, SPACE)  # before a single goodbye is out
    for person in people[30:]:
        world.engine.end_session(world.now_us, person.session)
    world.run(0.1)
    assert world.engine.listeners == 0
    assert all(person.client.state == "closed" for person in people)
    heir = world.join(address=NEW)
    world.run(1)
    assert heir.client.state == "connected"
    assert world.engine.space_stats(SPACE).listeners == world.engine.listeners == 1


def test_ends_of_the_unknown_do_not_pile_up(world):
    for number in range(20_000):
        world.engine.end_session(world.now_us, number.to_bytes(12, "big"))
    person = world.join()
    world.engine.end_session(world.now_us, person.session)
    world.run(1)
    assert world.engine.handshakes == 0
