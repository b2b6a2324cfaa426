"""fanout/media/decode_gate: few are decoded, and claims do not decide who is heard."""

import pytest

from spacescore._native import _core

AUDIBLE, SPARE = 3, 2
SILENT = 127


class Crowd:
    """Speakers with a true level and a claimed one, and the ranking that the gate works with."""

    def __init__(self, levels: dict[int, int], claims: dict[int, int] | None = None, mute=()):
        self.levels, self.claims = levels, {**levels, **(claims or {})}
        self.unleveled = set(mute)
        self.gate, self.ranking = _core.DecodeGate(AUDIBLE), _core.SpeakerRanking(AUDIBLE)
        for peer in levels:
            self.gate.add(peer)
            self.ranking.add(peer)
        self.now_us = 0
        self.open: list[set[int]] = []
        self.mixed: list[set[int]] = []

    def run(self, ticks: int) -> "Crowd":
        for _ in range(ticks):
            for peer, claim in self.claims.items():
                leveled = peer not in self.unleveled
                self.gate.claim(peer, claim if leveled or claim == SILENT else 0, leveled)
            chosen = self.gate.choose(self.ranking.audible(self.now_us))
            for peer in chosen:
                self.gate.measure(peer, self.levels[peer])
                claimed = SILENT if peer in self.unleveled else self.claims[peer]
                self.ranking.report(peer, self.levels[peer], self.now_us, claimed)
            self.open.append(set(chosen))
            self.mixed.append(set(self.ranking.audible(self.now_us)))
            self.now_us += 20_000
        return self


def test_of_a_silent_crowd_nobody_is_decoded():
    crowd = Crowd(dict.fromkeys(range(20), SILENT)).run(50)
    assert crowd.open == [set()] * 50


def test_who_begins_to_speak_is_decoded_in_the_same_tick():
    crowd = Crowd(dict.fromkeys(range(20), SILENT)).run(10)
    crowd.claims[7] = crowd.levels[7] = 20
    crowd.run(1)
    assert crowd.open[-1] == {7} == crowd.mixed[-1]


def test_three_who_speak_are_all_that_is_decoded():
    levels = {peer: 20 if peer < 3 else 60 for peer in range(20)}
    crowd = Crowd(levels).run(100)
    assert crowd.open[-50:] == [{0, 1, 2}] * 50


def test_however_many_shout_few_are_decoded():
    crowd = Crowd({peer: 5 + peer % 3 for peer in range(50)}).run(200)
    assert max(map(len, crowd.open)) <= AUDIBLE + SPARE
    begun = [len(now - before) for before, now in zip(crowd.open, crowd.open[1:], strict=False)]
    assert max(begun) <= 2


def test_the_loudest_of_twenty_are_heard():
    levels = dict.fromkeys(range(20), 30) | {17: 10, 4: 11, 9: 12}
    crowd = Crowd(levels).run(100)
    assert crowd.mixed[-1] == {4, 9, 17}


def test_who_claims_to_shout_and_is_silent_is_never_heard():
    levels = {1: SILENT, 2: 30, 3: 30, 4: 30}
    crowd = Crowd(levels, claims={1: 0}).run(500)
    assert not any(1 in mixed for mixed in crowd.mixed)
    tried = sum(1 in now for now in crowd.open)
    assert 0 < tried < 100  # it is tried again now and then


def test_who_exaggerates_takes_nobodys_place():
    levels = {1: 40, 2: 30, 3: 30, 4: 30}
    crowd = Crowd(levels, claims={1: 0}).run(200)
    assert crowd.mixed[-100:] == [{2, 3, 4}] * 100


def test_a_crowd_of_liars_keeps_nobody_out():
    levels = dict.fromkeys(range(1, 20), SILENT) | {20: 25}
    crowd = Crowd(levels, claims=dict.fromkeys(range(1, 20), 0))
    crowd.run(50)
    crowd.levels[20] = crowd.claims[20] = SILENT
    crowd.run(100)
    crowd.levels[20] = crowd.claims[20] = 25
    crowd.run(50)
    assert 20 in crowd.mixed[-1]
    heard = next(i for i, mixed in enumerate(crowd.mixed[150:]) if 20 in mixed)
    assert heard <= 25  # half a second


def test_a_liar_who_speaks_at_last_is_heard_within_two_seconds():
    crowd = Crowd({1: SILENT}, claims={1: 0}).run(100)
    crowd.levels[1] = 20
    crowd.run(100)
    assert 1 in crowd.mixed[-1]


def test_those_without_levels_are_always_decoded_where_they_are_few():
    crowd = Crowd({1: 90, 2: 90, 3: 90}, mute={1, 2, 3}).run(50)
    assert crowd.open[-1] == {1, 2, 3}
    crowd.levels[2] = 20
    crowd.run(1)
    assert 2 in crowd.mixed[-1]


def test_those_without_levels_are_listened_to_by_turns_where_they_are_many():
    levels = dict.fromkeys(range(20), 90)
    crowd = Crowd(levels, mute=set(levels)).run(100)
    assert set().union(*crowd.open[-50:]) == set(levels)
    crowd.levels[13] = 20
    crowd.run(50)
    assert 13 in crowd.mixed[-1]
    assert all(13 in mixed for mixed in crowd.mixed[-10:])


def test_silence_is_silence_with_levels_or_without():
    crowd = Crowd({1: SILENT, 2: SILENT}, mute={2}).run(20)
    assert crowd.open[-1] == set()


@pytest.mark.parametrize("how", ["leaves", "never came"])
def test_who_is_not_there_is_never_chosen(how):
    gate = _core.DecodeGate()
    if how == "leaves":
        gate.add(1)
        gate.claim(1, 0)
        assert gate.choose([]) == [1]
        gate.remove(1)
    gate.claim(1, 0)
    gate.measure(1, 0)
    assert gate.choose([1]) == []
