import itertools
import random

import pytest

import netem
from mini_server import PASSWORD, UFRAG, MiniServer
from spacescore._native import _core

SECOND = 1_000_000
CERTIFICATE = _core.Certificate.generate()


def make_client(**options):
    context, engine = _core.DtlsContext(CERTIFICATE), _core.SrtpEngine()
    options = {"server_ufrag": UFRAG, "server_password": PASSWORD} | options
    return _core.VirtualClient(context, engine, **options)


def play(client, server, *, up=None, down=None, seconds=60.0, done=lambda: False, now_us=0):
    up, down = up or netem.Link(1), down or netem.Link(2)
    until = now_us + int(seconds * SECOND)
    return netem.run(client, server, up, down, now_us=now_us, until_us=until, done=done)


def connect(client, server):
    """Joins; returns the time, and sends what was to be sent at it."""
    now = play(client, server, done=lambda: client.state == "connected")
    assert (client.state, server.dtls.state) == ("connected", "connected")
    return now


def all_audio(client):
    return list(iter(client.poll_audio, None))


def test_a_listener_joins_and_hears_every_frame_in_order():
    client, server = make_client(), MiniServer(frames=100, csrc=(11, 12))
    play(client, server, seconds=4)
    audio = all_audio(client)
    assert [packet.payload for packet in audio] == [b"frame %d" % n for n in range(100)]
    assert [packet.index for packet in audio] == list(range(100))
    assert [packet.timestamp for packet in audio] == list(range(0, 96_000, 960))
    assert {tuple(packet.csrc) for packet in audio} == {(11, 12)}
    assert (client.stats.packets_received, client.stats.packets_lost) == (100, 0)
    assert client.drops == {}


def test_the_steps_of_a_join_are_timed():
    client, server = make_client(), MiniServer(frames=1)
    play(client, server, seconds=2)
    times = client.times
    assert times.first_check_us == 0
    assert times.answered_us == 40_000  # one round trip of the links, 20 ms each way
    assert times.connected_us == 120_000  # two more
    assert (
        times.first_audio_us == 140_000
    )  # the server is done 20 ms before us, and sends 20 ms later


def test_checks_are_repeated_until_one_is_answered_and_no_transaction_is_used_twice():
    client, server = make_client(), MiniServer()
    server.answers_checks = False
    play(client, server, seconds=1)
    assert client.state == "checking"
    assert len(server.checks) == 20
    server.answers_checks = True
    play(client, server, seconds=10, now_us=SECOND)
    assert client.state == "connected"
    assert len({check.transaction for _, check in server.checks}) == len(server.checks)
    assert all(check.username == f"{UFRAG}:load".encode() for _, check in server.checks)
    assert all(check.controlling and check.priority for _, check in server.checks)


@pytest.mark.parametrize(("nominates_always", "repeats"), [(True, True), (False, False)])
def test_consent_is_asked_for_as_chrome_or_firefox_do(nominates_always, repeats):
    client = make_client(consent_interval_us=5 * SECOND, nominates_always=nominates_always)
    server = MiniServer()
    play(client, server, seconds=21)
    first, *consent = server.checks
    assert first[1].use_candidate
    later = [(when, check) for when, check in consent if when > SECOND]
    assert [round(when / SECOND) for when, _ in later] == [5, 10, 15, 20]
    assert {check.use_candidate for _, check in later} == {repeats}
    assert client.stats.round_trip_us == 40_000


def test_a_server_that_falls_silent_is_given_up_after_thirty_seconds():
    client, server = make_client(), MiniServer()
    now = connect(client, server)
    server.answers_checks = False
    play(client, server, seconds=29, now_us=now)
    assert client.state == "connected"
    play(client, server, seconds=10, now_us=now + 29 * SECOND)
    assert (client.state, client.next_timeout) == ("failed", None)


@pytest.mark.parametrize("first", [0, 1, 32_767, 65_500, 65_535])
def test_audio_of_a_speaker_arrives_over_any_wrap(first):
    client = make_client(
        ssrc=9, payload_type=109, first_sequence=first, first_timestamp=2**32 - 960
    )
    server = MiniServer()
    now = connect(client, server)
    up = netem.Link(1)
    for number in range(100):
        assert client.send_audio(now + number * 20_000, b"%d" % number, marker=number == 0)
        play(client, server, up=up, seconds=0.02, now_us=now + number * 20_000)
    play(client, server, up=up, seconds=1, now_us=now + 2 * SECOND)
    assert [payload for _, payload, _ in server.received] == [b"%d" % n for n in range(100)]
    assert [index for _, _, index in server.received] == list(range(first, first + 100))
    head, following = server.received[0][0], server.received[1][0]
    assert (head.ssrc, head.payload_type, head.marker) == (9, 109, True)
    assert (head.timestamp, following.timestamp, following.marker) == (2**32 - 960, 0, False)


def test_a_pause_moves_the_timestamp_and_not_the_sequence():
    client, server = make_client(), MiniServer()
    now = connect(client, server)
    client.send_audio(now, b"before", samples=2880)
    client.skip_audio(48_000)
    client.send_audio(now, b"after", marker=True)
    play(client, server, seconds=1, now_us=now)
    (before, *_), (after, *_) = server.received
    assert (after.sequence, after.timestamp) == (1, 2880 + 48_000)
    assert before.timestamp == 0


def test_nothing_is_sent_before_the_keys_are_there():
    client = make_client()
    assert not client.send_audio(0, b"early")
    assert client.poll_transmit() is None
    with pytest.raises(ValueError, match="Opus"):
        client.send_audio(0, bytes(1_201))


def test_reports_tell_loss_as_it_was():
    client, server = make_client(), MiniServer(frames=1_000)
    lost = {200, 201, 202, 700}
    down = netem.Link(2, filter=lambda _, datagram: not is_frame(datagram, lost))
    play(client, server, down=down, seconds=21)
    reports = [block for _, packet in server.reports for block in packet.reports]
    assert [block.packets_lost for block in reports] == [3, 3, 4, 4]
    assert [block.fraction_lost for block in reports[:3]] == [3 * 256 // 249, 0, 256 // 250]
    assert (reports[-1].ssrc, reports[-1].highest_sequence, reports[-1].jitter) == (7, 999, 0)
    assert (client.stats.packets_lost, client.stats.packets_received) == (4, 996)
    assert client.stats.reports_sent == 4


def is_frame(datagram, numbers):
    is_rtp = 128 <= datagram[0] < 192 and not _core.is_rtcp(datagram)
    return is_rtp and _core.parse_rtp(datagram).sequence in numbers


def test_reports_come_every_five_seconds_and_echo_the_sender_report():
    client, server = make_client(), MiniServer(frames=1_000)
    play(client, server, seconds=18)
    times = [when for when, packet in server.reports if packet.type == 201]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [5 * SECOND] * 2
    (block,) = server.reports[0][1].reports
    delay = block.delay_since_sr / 65536
    sent = block.last_sr / 65536 % 65536
    now = _core.ntp_time(times[0]) / 2**32 % 65536
    assert now - sent - delay == pytest.approx(0.04, abs=1e-3)  # the round trip, RFC 3550 6.4.1


def test_a_speaker_reports_as_a_sender_and_hears_how_it_arrives():
    client, server = make_client(ssrc=9), MiniServer()
    now = connect(client, server)
    client.send_audio(now, b"12345")
    play(client, server, seconds=5.5, now_us=now)
    (when, report), (_, names) = server.reports
    assert (report.type, report.sender, names.type) == (200, 9, 202)
    assert (report.info.packets, report.info.octets) == (1, 5)
    since_sent = when - 20_000 - now
    assert report.info.rtp_timestamp == since_sent * 48 // 1_000
    server.send_rtcp(
        _core.write_receiver_report(7, [_core.ReportBlock(ssrc=9, packets_lost=2, jitter=48)])
    )
    play(client, server, seconds=0.1, now_us=when)
    assert (client.stats.remote.packets_lost, client.stats.reports_received) == (2, 1)


def test_jitter_is_estimated_as_rfc_3550_does():
    client, server = make_client(), MiniServer(frames=1_000)
    down = netem.Link(5, jitter_us=20_000)
    play(client, server, down=down, seconds=21)
    # Two uniform delays of 0 to 20 ms differ by a third of that on average.
    assert client.stats.jitter_us == pytest.approx(20_000 / 3, rel=0.35)
    assert client.stats.packets_late == 0


class Slowing(netem.Link):
    """Each second takes 15 ms longer than the one before."""

    def send(self, now_us, datagram):
        self._delay_us = 20_000 + 15 * now_us // 1_000
        super().send(now_us, datagram)


def test_who_falls_behind_little_by_little_is_late_against_the_start():
    client, server = make_client(), MiniServer(frames=1_000)
    play(client, server, down=Slowing(2), seconds=22)
    assert (client.stats.packets_received, client.stats.packets_lost) == (1_000, 0)
    behind = 200 / 15  # seconds until it is 200 ms
    assert client.stats.packets_late == pytest.approx(1_000 - 50 * behind, abs=25)


def test_reordered_duplicated_and_late_packets_are_told_apart():
    client, server = make_client(), MiniServer(frames=2_000)
    down = netem.Link(3, duplicate=0.1, reorder=0.05, reorder_us=300_000)
    play(client, server, down=down, seconds=41)
    stats = client.stats
    assert (stats.packets_received, stats.packets_lost) == (2_000, 0)
    assert stats.packets_duplicated == client.drops["replayed_rtp"]
    assert stats.packets_duplicated == pytest.approx(200, rel=0.25)
    assert stats.packets_late == pytest.approx(100, rel=0.4)
    assert stats.packets_reordered == stats.packets_late


@pytest.mark.parametrize("seed", range(5))
def test_a_join_survives_twenty_percent_loss(seed):
    client, server = make_client(), MiniServer(frames=500)
    links = netem.Link(seed, loss=0.2), netem.Link(seed + 100, loss=0.2)
    play(client, server, up=links[0], down=links[1], seconds=20)
    stats = client.stats
    assert client.state == "connected"
    assert stats.packets_lost / (stats.packets_received + stats.packets_lost) == pytest.approx(
        0.2, abs=0.06
    )


def test_a_certificate_is_shown_when_asked_for_and_willing():
    for willing, state in ((True, "connected"), (False, "failed")):
        client, server = make_client(shows_certificate=willing), MiniServer(asks_certificate=True)
        play(client, server, seconds=5)
        assert client.state == state
    assert server.dtls.peer_fingerprint is None


def test_a_server_with_another_fingerprint_is_refused():
    server = MiniServer()
    right = make_client(server_fingerprint=server.context.fingerprint)
    connect(right, server)
    wrong, server = make_client(server_fingerprint=bytes(32)), MiniServer()
    play(wrong, server, seconds=5)
    assert wrong.state == "failed"


def test_closing_sends_the_alert_that_ends_the_session():
    client, server = make_client(), MiniServer()
    now = connect(client, server)
    play(client, server, seconds=1, now_us=now)
    client.close()
    assert (client.state, client.next_timeout) == ("closed", None)
    play(client, server, seconds=1, now_us=now + SECOND)
    assert server.closed
    client.close()
    assert client.poll_transmit() is None


def test_the_server_may_end_the_session_by_bye():
    client, server = make_client(), MiniServer(frames=10)
    now = connect(client, server)
    play(client, server, seconds=1, now_us=now)
    server.send_rtcp(_core.write_receiver_report(7) + _core.write_bye(7))
    play(client, server, seconds=1, now_us=now + SECOND)
    assert client.state == "closed"


def test_answers_of_a_stranger_are_dropped_and_counted():
    client = make_client()
    client.handle_timeout(0)
    request = _core.parse_stun(client.poll_transmit())
    unasked = _core.write_binding_success(bytes(12), ("192.0.2.7", 1))
    asked = _core.write_binding_success(request.transaction, ("192.0.2.7", 1))
    client.handle_datagram(1, _core.seal_stun(unasked, PASSWORD))
    client.handle_datagram(1, _core.seal_stun(asked, "some+other+password/"))
    assert client.state == "checking"
    assert client.drops == {"unexpected_stun": 1, "bad_integrity": 1}
    client.handle_datagram(2, _core.seal_stun(asked, PASSWORD))
    assert client.state == "handshaking"


def test_another_payload_type_is_dropped_and_counted():
    client, server = make_client(payload_type=109), MiniServer(frames=5)
    play(client, server, seconds=2)
    assert client.drops == {"wrong_payload_type": 5}
    assert client.times.first_audio_us is None


@pytest.mark.parametrize("joined", [False, True])
def test_garbage_changes_nothing_but_a_counter(joined, mutations):
    client, server = make_client(), MiniServer(frames=20)
    down = netem.Link(2)
    now = play(client, server, down=down, seconds=2) if joined else 0
    before = client.state, client.stats.packets_received
    packets = [bytes([first]) + random.Random(first).randbytes(80) for first in range(0, 256, 5)]
    if joined:
        packets += [packet for _, packet in down.sent if packet[0] >= 128]
    dropped = sum(client.drops.values())
    for damaged in mutations(packets, count=2_000, seed=4):
        client.handle_datagram(now, damaged)
    assert (client.state, client.stats.packets_received) == before
    assert sum(client.drops.values()) - dropped > 1_500


class Skipping(MiniServer):
    """Leaves frames out by `leave_out`, sequence number → frames, as an overloaded server does."""

    def __init__(self, leave_out: dict[int, int], marked: bool, **options):
        super().__init__(**options)
        self.leave_out, self.marked, self.left_out = leave_out, marked, 0

    def _send_frame(self, now_us: int) -> None:
        gap = self.leave_out.get(self.index, 0)
        self.left_out += gap
        header = _core.write_rtp_header(
            payload_type=111,
            sequence=self.index,
            timestamp=(self.index + self.left_out) * 960,
            ssrc=7,
            csrc=[],
            marker=bool(gap) and self.marked,
        )
        silence = bytes([0xF8, 0xFF, 0xFE])  # an Opus packet of 20 ms
        self._out += self.engine.seal_rtp([(self._keys[0], header, silence, 7, self.index)])
        self.index += 1
        self._next_frame = now_us + 20_000 * (1 + gap) if self.index < self.frames else None


@pytest.mark.parametrize(("marked", "skipped"), [(False, 5), (True, 0)])
def test_frames_that_were_never_sent_are_missed_unless_silence_is_announced(marked, skipped):
    client, server = make_client(), Skipping({10: 1, 30: 4}, marked, frames=60)
    play(client, server, seconds=4)
    stats = client.stats
    assert (stats.packets_received, stats.packets_lost) == (60, 0)
    assert stats.frames_skipped == skipped


def test_a_lost_packet_is_lost_and_not_skipped_too():
    client, server = make_client(), Skipping({}, False, frames=60)
    down = netem.Link(2, filter=lambda _, datagram: not is_frame(datagram, {20, 21}))
    play(client, server, down=down, seconds=4)
    assert (client.stats.packets_lost, client.stats.frames_skipped) == (2, 0)


def full_agents(**controlled):
    """Two clients that are each other's server: who offers, and who answers."""
    contexts = [_core.DtlsContext(_core.Certificate.generate()) for _ in range(2)]
    names = [("ufragA", "a password of twenty-two A"), ("ufragB", "a password of twenty-two B")]

    def agent(me, them, **options):
        return _core.VirtualClient(
            contexts[me],
            _core.SrtpEngine(),
            server_ufrag=names[them][0],
            server_password=names[them][1],
            client_ufrag=names[me][0],
            client_password=names[me][1],
            server=(f"10.0.0.{them + 1}", 5000),
            server_fingerprint=contexts[them].fingerprint,
            shows_certificate=True,
            ssrc=me + 1,
            **options,
        )

    return agent(0, 1), agent(1, 0, controlling=False, **controlled)


@pytest.mark.parametrize("seed", range(3))
def test_full_agents_answer_each_others_checks_and_either_may_say_hello(seed):
    offerer, answerer = full_agents(passive=True)
    lossy = netem.Link(seed, loss=0.1), netem.Link(seed + 10, loss=0.1)
    now = play(
        offerer,
        answerer,
        up=lossy[0],
        down=lossy[1],
        done=lambda: (offerer.state, answerer.state) == ("connected",) * 2,
    )
    for number in range(20):
        offerer.send_audio(now, b"%d" % number)
        answerer.send_audio(now, b"-%d" % number)
    play(offerer, answerer, seconds=1, now_us=now)
    assert [audio.payload for audio in all_audio(answerer)] == [b"%d" % n for n in range(20)]
    assert [audio.payload for audio in all_audio(offerer)] == [b"-%d" % n for n in range(20)]


def test_a_controlled_agent_waits_for_the_nomination():
    client = make_client(client_password="of our own", controlling=False)
    client.handle_timeout(0)
    request = _core.parse_stun(client.poll_transmit())
    assert (request.controlling, request.use_candidate) == (False, False)
    answer = _core.write_binding_success(request.transaction, ("192.0.2.7", 1))
    client.handle_datagram(1, _core.seal_stun(answer, PASSWORD))
    assert client.state == "checking"
    for nominates, state in ((False, "checking"), (True, "handshaking")):
        check = _core.write_binding_request(
            transaction=bytes(12),
            username="load:server",
            priority=1,
            tie_breaker=1,
            use_candidate=nominates,
        )
        client.handle_datagram(2, _core.seal_stun(check, "of our own"))
        assert client.state == state
        assert _core.parse_stun(client.poll_transmit()).type == "success"


def test_a_check_with_another_password_is_not_answered():
    client = make_client(client_password="of our own")
    check = _core.write_binding_request(
        transaction=bytes(12), username="load:server", priority=1, tie_breaker=1
    )
    client.handle_datagram(1, _core.seal_stun(check, "of somebody else"))
    assert client.poll_transmit() is None
    assert client.drops == {"bad_integrity": 1}


@pytest.mark.parametrize("dead", ["silence", "certificate", "handshake"])
def test_a_client_that_failed_says_why(dead):
    client = make_client(server_fingerprint=bytes(32) if dead == "certificate" else None)
    server = MiniServer(asks_certificate=dead == "handshake")
    if dead == "silence":
        now = connect(client, server)
        server.answers_checks = False
        play(client, server, seconds=40, now_us=now)
    else:
        play(client, server, seconds=5)
    assert (client.state, client.failure) == ("failed", dead)
