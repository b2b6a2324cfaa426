"""fanout/engine/auto_tier: down fast while media runs late, up slowly when it does not."""

import itertools
import random

import pytest

from spacescore._native import _core

TICK_US, MS, SECOND_US = 20_000, 1_000, 1_000_000
LATE, CALM = 11 * MS, 10 * MS
AS_WISHED, NO_RED, MS40, MS60, MS120 = range(5)


class Worker:
    """A worker's ticks, each with a lateness; the level after each tick and when it changed."""

    def __init__(self):
        self.auto, self.now, self.level = _core.AutoTier(), SECOND_US, AS_WISHED
        self.steps = []  # (when, level)

    def run(self, microseconds, lateness):
        end = self.now + microseconds
        while self.now < end:
            late = lateness() if callable(lateness) else lateness
            level = self.auto.update(self.now, late)
            if level != self.level:
                self.steps.append((self.now, level))
            self.level = level
            self.now += TICK_US
        return self

    def gaps(self):
        """How long each level was kept."""
        times = [when for when, _ in self.steps]
        return [after - before for before, after in itertools.pairwise(times)]


@pytest.fixture
def worker():
    return Worker()


def test_a_worker_in_time_gives_everybody_what_they_wish(worker):
    assert worker.run(60 * SECOND_US, CALM).steps == []


def test_lateness_goes_down_every_level_within_a_second_and_no_further(worker):
    worker.run(SECOND_US, LATE)
    assert [level for _, level in worker.steps] == [NO_RED, MS40, MS60, MS120]
    assert worker.steps[0][0] - SECOND_US == 100 * MS
    assert worker.gaps() == [200 * MS] * 3
    worker.run(60 * SECOND_US, LATE)
    assert worker.level == MS120


def test_it_stops_where_a_level_was_enough(worker):
    worker.run(320 * MS, LATE).run(2 * SECOND_US, CALM)
    assert worker.level == MS40


def test_a_hiccup_takes_nothing_away(worker):
    for _ in range(100):
        worker.run(80 * MS, LATE).run(TICK_US, CALM)
    assert worker.steps == []


def test_a_pause_takes_nothing_away_however_many_ticks_it_owes(worker):
    for late in range(400 * MS, 0, -TICK_US):
        assert worker.auto.update(worker.now + 400 * MS, late) == AS_WISHED


def test_ten_calm_seconds_give_back_one_level_each(worker):
    worker.run(SECOND_US, LATE)
    worker.steps.clear()
    worker.run(50 * SECOND_US, CALM)
    assert [level for _, level in worker.steps] == [MS60, MS40, NO_RED, AS_WISHED]
    assert worker.gaps() == [10 * SECOND_US] * 3


def test_the_ten_seconds_begin_anew_with_lateness_but_not_with_a_hiccup(worker):
    worker.run(SECOND_US, LATE)
    for _ in range(20):
        worker.run(9 * SECOND_US, CALM).run(60 * MS, LATE)
    assert worker.level == MS120
    worker.run(5 * SECOND_US, CALM).run(TICK_US, LATE).run(5 * SECOND_US, CALM)
    assert worker.level == MS60


def test_up_too_early_doubles_the_wait_up_to_a_bound(worker):
    """The load is such that 120 ms are enough, and 60 are not."""
    worker.run(1_500 * SECOND_US, lambda: LATE if worker.level < MS120 else CALM)
    kept = [
        gap for gap, (_, level) in zip(worker.gaps(), worker.steps, strict=False) if level == MS120
    ]
    assert kept[:7] == [seconds * SECOND_US for seconds in (10, 20, 40, 80, 160, 160, 160)]
    assert all(level >= MS60 for _, level in worker.steps[3:])


def test_a_step_up_that_holds_for_half_a_minute_forgives(worker):
    worker.run(200 * SECOND_US, lambda: LATE if worker.level < MS120 else CALM)
    worker.run(400 * SECOND_US, CALM)
    assert worker.level == AS_WISHED
    worker.steps.clear()
    worker.run(SECOND_US, LATE)
    worker.run(11 * SECOND_US, CALM)
    assert [level for _, level in worker.steps] == [NO_RED, MS40, MS60, MS120, MS60]


def test_levels_change_by_one_and_down_at_most_five_times_a_second(worker):
    rng = random.Random(5)
    for _ in range(300):
        worker.run(rng.randrange(3 * SECOND_US), rng.choice([LATE, CALM, LATE * 9]))
    levels = [AS_WISHED, *(level for _, level in worker.steps)]
    assert {abs(b - a) for a, b in itertools.pairwise(levels)} == {1}
    assert min(worker.gaps()) >= 200 * MS


def test_a_relief_never_shortens_a_packet_and_leaves_longer_wishes():
    table = {
        level: [_core.relieved(wish, level) for wish in (20, 40, 60, 120)] for level in range(5)
    }
    assert table == {
        AS_WISHED: [20, 40, 60, 120],
        NO_RED: [20, 40, 60, 120],
        MS40: [40, 40, 60, 120],
        MS60: [60, 60, 60, 120],
        MS120: [120, 120, 120, 120],
    }


@pytest.mark.parametrize("milliseconds", [0, 10, 30, 80, 100, 121, -20])
def test_there_are_four_tiers(milliseconds):
    with pytest.raises(ValueError, match=r"^a tier is 20, 40, 60 or 120 ms$"):
        _core.is_due(milliseconds, 0, 0)
