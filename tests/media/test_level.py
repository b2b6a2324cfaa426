"""Who is mixed and who is dominant, by the levels alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import pytest

from spacescore._native import _core

FRAME = 20_000
SILENCE, NOISE, SPEECH, LOUD = 127, 75, 35, 20


class Room:
    def __init__(self, *peers: int, audible: int = 3) -> None:
        self.ranking = _core.SpeakerRanking(audible)
        for peer in peers:
            self.ranking.add(peer)
        self.now = 1_000_000
        self.dominants: list[int | None] = []
        self.mixes: list[tuple[int, ...]] = []

    def hear(
        self,
        milliseconds: int,
        levels: Mapping[int, int | Callable[[], int]],
        claimed: int = SILENCE,
    ) -> Room:
        for _ in range(milliseconds // 20):
            for peer, level in levels.items():
                self.ranking.report(peer, level() if callable(level) else level, self.now, claimed)
            self.dominants.append(self.ranking.dominant)
            self.mixes.append(tuple(self.ranking.audible(self.now)))
            self.now += FRAME
        return self

    @property
    def audible(self) -> list[int]:
        return self.ranking.audible(self.now)


def test_nobody_is_heard_in_a_silent_room():
    room = Room(1, 2).hear(2000, {1: SILENCE, 2: SILENCE})
    assert room.audible == []
    assert room.ranking.dominant is None


def test_a_speaker_is_mixed_from_the_first_frame():
    room = Room(1, 2).hear(20, {1: SPEECH, 2: SILENCE})
    assert room.audible == [1]


def test_the_loudest_come_first_and_no_more_than_there_are_places():
    room = Room(*range(1, 7)).hear(400, {peer: 20 + 9 * peer for peer in range(6, 0, -1)})
    assert room.audible == [1, 2, 3]


def test_half_a_second_of_silence_frees_the_place():
    room = Room(1).hear(200, {1: SPEECH})
    room.hear(480, {1: SILENCE})
    assert room.mixes[-1] == (1,)
    room.hear(40, {1: SILENCE})
    assert room.audible == []


@pytest.mark.parametrize("claimed", [0, SPEECH, 69])
def test_silence_that_is_said_to_be_sound_frees_it_in_half_the_time(claimed):
    room = Room(1).hear(200, {1: SPEECH}, claimed)
    room.hear(240, {1: SILENCE}, claimed)
    assert room.mixes[-1] == (1,)
    room.hear(20, {1: SILENCE}, claimed)
    assert room.audible == []


@pytest.mark.parametrize(("level", "claimed"), [(SILENCE, 70), (NOISE, NOISE), (71, 66)])
def test_no_lie_is_what_nobody_would_hear_or_a_codec_may_change(level, claimed):
    room = Room(1).hear(200, {1: SPEECH}, claimed)
    room.hear(480, {1: level}, claimed)
    assert room.mixes[-1] == (1,)


def test_silence_that_is_not_reported_is_silence_too():
    room = Room(1).hear(200, {1: SPEECH})
    room.now += 500_000
    assert room.audible == []


def test_equal_voices_do_not_chase_each_other_out():
    draw = random.Random(1)
    voices = {peer: lambda: 30 + draw.randrange(-2, 3) for peer in (1, 2, 3, 4)}
    room = Room(1, 2, 3, 4).hear(5000, voices)
    assert {frozenset(mix) for mix in room.mixes[3:]} == {frozenset({1, 2, 3})}


def test_a_clearly_louder_voice_takes_the_quietest_place():
    room = Room(1, 2, 3, 4).hear(1000, {1: 25, 2: 30, 3: 45, 4: SILENCE})
    room.hear(100, {1: 25, 2: 30, 3: 45, 4: 25})
    assert set(room.audible) == {1, 2, 4}


def test_who_pauses_gives_way_to_who_speaks():
    room = Room(1, 2, 3, 4).hear(1000, {1: 25, 2: 30, 3: 20, 4: SILENCE})
    room.hear(200, {1: 25, 2: 30, 3: SILENCE, 4: 50})
    assert set(room.audible) == {1, 2, 4}


def test_the_first_to_speak_is_dominant_within_the_next_decision():
    room = Room(1, 2).hear(400, {1: SILENCE, 2: SPEECH})
    assert room.ranking.dominant == 2


def test_the_dominant_stays_so_in_silence():
    room = Room(1, 2).hear(3000, {1: SPEECH, 2: SILENCE})
    room.hear(10_000, {1: SILENCE, 2: SILENCE})
    assert room.ranking.dominant == 1


def test_the_floor_passes_to_who_goes_on_talking():
    room = Room(1, 2).hear(3000, {1: SPEECH, 2: SILENCE})
    room.hear(2000, {1: SILENCE, 2: SPEECH})
    golden = [1] * 150 + [1] * 30 + [2] * 70  # at the first decision after half a second
    assert room.dominants == golden


def log_score(count: int, of: int, rate: float) -> float:
    score = math.log(math.comb(of, count)) - of * math.log(2) - math.log(rate) + rate * count
    return math.log(max(score, 1e-10))


class Reference:
    """The paper as it is usually written: arrays of counts, shifted and summed for each frame."""

    def __init__(self, peers: int) -> None:
        self.units = [[0] * 50 for _ in range(peers)]
        self.dominant: int | None = None

    def hear(self, peer: int, level: int) -> None:
        self.units[peer] = [(127 - level) // 10, *self.units[peer][:-1]]

    def scores(self, peer: int) -> tuple[float, float, float]:
        units = self.units[peer]
        medium = [sum(unit > 7 for unit in units[i : i + 5]) for i in range(0, 50, 5)]
        long = sum(count > 4 for count in medium)
        return (
            log_score(units[0], 13, 0.78),
            log_score(medium[0], 5, 24),
            log_score(long, 10, 47),
        )

    def decide(self) -> None:
        if self.dominant is None:
            loud = [sum(unit > 7 for unit in units) for units in self.units]
            self.dominant = loud.index(max(loud)) if any(loud) else None
            return
        present = self.scores(self.dominant)
        best = 2.0
        for peer in range(len(self.units)):
            lead = [a - b for a, b in zip(self.scores(peer), present, strict=True)]
            if lead[0] > 3 and lead[1] > best and lead[2] > 0:
                self.dominant, best = peer, lead[1]


@pytest.mark.parametrize("seed", range(8))
def test_one_word_of_bits_decides_as_the_arrays_do(seed):
    draw = random.Random(seed)
    ranking, reference = _core.SpeakerRanking(), Reference(3)
    for peer in range(3):
        ranking.add(peer)
    talking = [False] * 3
    chosen = set()
    for frame in range(700):  # 14 s: before any level becomes the noise floor
        if frame % 15 == 0:
            talking = [draw.random() < 0.4 for _ in range(3)]
        for peer in (2, 1, 0):
            level = draw.randrange(20, 50) if talking[peer] else draw.randrange(60, 128)
            ranking.report(peer, level, frame * FRAME)
            reference.hear(peer, level)
            if frame % 15 == 0 and peer == 2:
                reference.decide()  # as the first report of a decision's frame decides
        assert ranking.dominant == reference.dominant, frame
        chosen.add(ranking.dominant)
    assert len(chosen) > 1


@pytest.mark.parametrize("milliseconds", [20, 60, 80])
def test_a_cough_does_not_take_the_floor(milliseconds):
    room = Room(1, 2).hear(3000, {1: SPEECH, 2: SILENCE})
    for _ in range(10):
        room.hear(milliseconds, {1: SPEECH, 2: 5})
        room.hear(500, {1: SPEECH, 2: SILENCE})
    assert set(room.dominants[50:]) == {1}


def test_steady_noise_is_no_speech():
    room = Room(1, 2).hear(20_000, {1: SILENCE, 2: 40})  # a fan: its floor is its level
    room.hear(1000, {1: SPEECH, 2: 40})
    assert room.ranking.dominant == 1


def test_who_leaves_is_neither_mixed_nor_dominant():
    room = Room(1, 2).hear(1000, {1: LOUD, 2: NOISE})
    room.ranking.remove(1)
    assert 1 not in room.audible
    assert room.ranking.dominant is None
    room.ranking.report(1, LOUD, room.now)
    assert 1 not in room.audible


def test_no_place_at_all_is_a_mistake():
    with pytest.raises(ValueError, match="audible"):
        _core.SpeakerRanking(0)
