"""Many virtual clients in virtual time, against an engine."""

import itertools
from typing import Any

import numpy as np
import pytest

from spacescore._native import _core
from world import SECOND_US, SPACE, TICK_US, UNIX_US, World, tone

SERVER = ("10.0.0.1", 7881)
FRAME = 960


class Gathering:
    """A crowd before an engine's door; datagrams take no time."""

    def __init__(self, *, reachable: bool = True, space: int = SPACE, **options: Any) -> None:
        self.world = World()
        self.reachable = reachable
        self.ticket = self.world.tickets.mint(
            space=space, role="listener", expiry=UNIX_US // SECOND_US + 600
        )
        context = _core.DtlsContext(_core.Certificate.generate())
        self.crowd = _core.Crowd(context, _core.SrtpEngine(), **options)
        self.now_us = 0
        self.loses = lambda datagram: False
        self.sessions = itertools.count(1)

    def member(self, *, fingerprint: bytes | None = None, **options: Any) -> Any:
        session = next(self.sessions).to_bytes(12, "big")
        return _core.Member(
            server=SERVER,
            ufrag=_core.make_ufrag(self.ticket, session, 111),
            password=self.world.tickets.password(self.ticket),
            fingerprint=fingerprint or self.world.engine.fingerprint,
            **options,
        )

    def speaker(self, playlist: Any) -> Any:
        ticket = self.world.tickets.mint(
            space=SPACE, role="speaker", peer=7, expiry=UNIX_US // SECOND_US + 600, personal=True
        )
        return _core.Member(
            server=SERVER,
            ufrag=_core.make_ufrag(ticket, bytes(12), 111),
            password=self.world.tickets.password(ticket),
            ssrc=9,
            playlist=playlist,
        )

    def run(self, seconds: float, *, step_us: int = 1_000, starts: int = 1_000) -> None:
        for now in range(self.now_us, self.now_us + int(seconds * SECOND_US), step_us):
            self.crowd.handle_timeout(now)
            self.crowd.start(now, starts)
            self._up(now)
            self.world.engine.handle_timeout(now)
            self._down(now)
            self._up(now)
        self.now_us += int(seconds * SECOND_US)

    def _up(self, now: int) -> None:
        while (out := self.crowd.poll_transmit()) is not None:
            member, datagram = out
            if self.reachable:
                address = (f"127.1.{member >> 8}.{member & 255}", 5000)
                self.world.engine.handle_datagram(now, address, datagram)

    def _down(self, now: int) -> None:
        while sent := self.world.engine.poll_transmits(now):
            for (ip, _), datagram in sent:
                high, low = ip.split(".")[2:]
                if not self.loses(datagram):
                    self.crowd.handle_datagram(now, int(high) << 8 | int(low), datagram)
            self._up(now)

    @property
    def fates(self) -> dict[str, int]:
        return {name: n for name, n in self.crowd.totals()["fates"].items() if n}


def speech(frames: int) -> Any:
    return _core.Playlist(list(itertools.islice(tone(440), frames)))


def test_everybody_joins_and_hears_the_speaker():
    gathering = Gathering()
    gathering.crowd.add([gathering.speaker(speech(50))])
    gathering.run(1)
    gathering.crowd.add([gathering.member(start_us=SECOND_US + n * 10_000) for n in range(30)])
    gathering.run(3)
    assert gathering.fates == {"joined": 31}
    totals, rows = gathering.crowd.totals(), gathering.crowd.results()
    assert totals["audible"] == 31  # a speaker hears the mix without their own voice
    assert totals["lost"] == totals["skipped"] == totals["late"] == totals["strays"] == 0
    assert rows["speaker"].tolist() == [True] + [False] * 30
    assert rows["received"].sum() == totals["received"] == rows["expected"].sum()
    assert (rows["received"][1:] > 2 * 50).all()
    assert rows["sent"][0] == totals["sent"] == pytest.approx(4 * 50, abs=2)
    steps = [rows[f"{name}_us"][1:] for name in ("first_check", "answered", "connected")]
    assert (steps[0] == SECOND_US + 10_000 * np.arange(30)).all()
    assert (steps[0] <= steps[1]).all()
    assert (steps[1] <= steps[2]).all()
    assert (rows["first_audio_us"][1:] - steps[2] <= 2 * TICK_US).all()
    assert (4 * SECOND_US - rows["last_audio_us"] <= 2 * TICK_US).all()
    assert (rows["last_answer_us"][1:] >= steps[1]).all()


def test_nobody_starts_before_their_time_or_beyond_what_is_asked_for():
    gathering = Gathering()
    gathering.crowd.add([gathering.member(start_us=5_000)] + [gathering.member()] * 3)
    assert gathering.crowd.next_timeout == 0
    gathering.crowd.start(0, 2)
    assert gathering.fates == {"waiting": 2, "joining": 2}
    gathering.crowd.start(0, 2)
    assert gathering.fates == {"waiting": 1, "joining": 3}
    gathering.crowd.start(4_999, 2)
    assert gathering.fates == {"waiting": 1, "joining": 3}
    gathering.crowd.start(5_000, 2)
    assert gathering.fates == {"joining": 4}


def test_at_most_so_many_shake_hands_at_once_and_the_delay_is_the_crowds_own():
    gathering = Gathering(reachable=False, most_joining=2, join_timeout_us=SECOND_US)
    gathering.crowd.add([gathering.member() for _ in range(4)])
    gathering.run(0.5)
    assert gathering.fates == {"waiting": 2, "joining": 2}
    gathering.run(1)
    assert gathering.fates == {"joining": 2, "no_answer": 2}
    assert gathering.crowd.lateness()["largest_us"] == SECOND_US


def test_a_door_that_stays_shut_is_no_answer():
    gathering = Gathering(reachable=False, join_timeout_us=2 * SECOND_US)
    gathering.crowd.add([gathering.member()])
    gathering.run(1.9)
    assert gathering.fates == {"joining": 1}
    gathering.run(0.2)
    assert gathering.fates == {"no_answer": 1}
    assert gathering.crowd.next_timeout is None


def test_a_foreign_ticket_is_no_answer_either():
    gathering = Gathering(space=SPACE + 1, join_timeout_us=SECOND_US)
    gathering.crowd.add([gathering.member()])
    gathering.run(1.1)
    assert gathering.fates == {"no_answer": 1}
    assert gathering.world.drops()["foreign_space"] >= 10


def test_another_certificate_than_announced_is_told_from_a_refused_handshake():
    gathering = Gathering()
    gathering.crowd.add([gathering.member(fingerprint=bytes(32)), gathering.member()])
    gathering.run(1)
    assert gathering.fates == {"joined": 1, "wrong_certificate": 1}


def test_a_handshake_that_comes_to_no_end_times_out():
    gathering = Gathering(join_timeout_us=SECOND_US)
    gathering.loses = lambda datagram: 20 <= datagram[0] < 64
    gathering.crowd.add([gathering.member()])
    gathering.run(1.1)
    assert gathering.fates == {"handshake_timeout": 1}
    assert gathering.crowd.results()["answered_us"].tolist() == [0]


def test_whoever_is_sent_away_or_forgotten_has_joined_all_the_same():
    gathering = Gathering()
    gathering.crowd.add([gathering.member()])
    gathering.run(0.5)
    gathering.world.engine.close_space(SPACE)
    gathering.run(0.5)
    assert gathering.fates == {"sent_away": 1}
    gathering = Gathering()
    gathering.crowd.add([gathering.member()])
    gathering.run(0.5)
    gathering.reachable = False
    gathering.run(40, step_us=10_000)
    assert gathering.fates == {"lost": 1}


def test_loss_is_counted_where_it_happens():
    gathering = Gathering()
    gathering.crowd.add([gathering.speaker(speech(50)), gathering.member()])
    gathering.run(1)
    media = itertools.count()
    gathering.loses = lambda datagram: 128 <= datagram[0] < 192 and next(media) % 10 == 0
    gathering.run(2)
    gathering.loses = lambda datagram: False
    gathering.run(0.5)
    totals, rows = gathering.crowd.totals(), gathering.crowd.results()
    assert totals["lost"] == rows["lost"].sum() == pytest.approx(next(media) / 10, abs=2)
    assert (rows["expected"] == rows["received"] + rows["lost"]).all()
    assert totals["skipped"] == 0


def test_the_first_packet_after_silence_is_timed_at_both_ends():
    word, pause = list(itertools.islice(tone(440), 10)), [(b"", FRAME)] * 40
    gathering = Gathering()
    gathering.crowd.add([gathering.speaker(_core.Playlist(word + pause)), gathering.member()])
    gathering.run(4)
    said, heard = gathering.crowd.said(), gathering.crowd.heard()
    assert np.diff(said["at_us"]) == pytest.approx(SECOND_US, abs=1_000)
    assert np.diff(said["timestamp"]).tolist() == [48_000] * (len(said["at_us"]) - 1)
    assert len(said["at_us"]) in (3, 4)
    mine = heard["at_us"][heard["member"] == 1]
    for at in said["at_us"][1:]:
        delay = mine[mine > at].min() - at
        assert delay < 200_000


def test_a_pause_may_be_longer_than_a_minute_and_a_half():
    gathering = Gathering()
    word, pause = next(tone(440)), (b"", 100 * 48_000)
    gathering.crowd.add([gathering.speaker(_core.Playlist([word, pause]))])
    gathering.run(20, step_us=10_000)
    assert gathering.crowd.totals()["sent"] == 1


def test_after_the_goodbye_nothing_is_counted():
    gathering = Gathering()
    gathering.crowd.add([gathering.speaker(speech(50)), gathering.member()])
    gathering.run(1)
    before = gathering.crowd.totals()
    gathering.crowd.leave()
    gathering._up(gathering.now_us)
    gathering.run(1)
    assert gathering.crowd.totals() == before
    assert gathering.crowd.next_timeout is None
    gathering.run(10, step_us=10_000)  # a goodbye shortens consent
    kinds = [event.kind for event in gathering.world.engine.poll_events()]
    assert "speaker_left" in kinds
    assert gathering.world.engine.listeners == 0


def test_what_is_for_nobody_is_a_stray():
    gathering = Gathering()
    gathering.crowd.add([gathering.member(start_us=SECOND_US)])
    for member in (0, 1, 2**32 - 1):
        gathering.crowd.handle_datagram(0, member, b"\x80")
    assert gathering.crowd.totals()["strays"] == 3


def test_durations_are_counted_within_an_eighth():
    gathering = Gathering()
    ends = gathering.crowd.delays()["ends_us"]
    assert ends == sorted(set(ends))
    assert ends[0] == 1
    ratios = [(b - a) / a for a, b in itertools.pairwise(ends) if a >= 16]
    assert max(ratios) <= 1 / 8


@pytest.mark.parametrize(
    ("packets", "reason"),
    [([], "nothing to say"), ([(b"x", 0)], "time"), ([(bytes(1_201), 960)], "datagram")],
)
def test_a_playlist_must_have_something_to_say(packets, reason):
    with pytest.raises(ValueError, match=reason):
        _core.Playlist(packets)
