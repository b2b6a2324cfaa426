"""How often pages ask: as often as is good for them, as seldom as the node needs it."""

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore.errors import InvalidRequestError
from spacescore.polling import (
    ASKS_PER_SECOND,
    Bounds,
    Pacing,
    Strain,
    live_pace,
    next_pace,
    pace_of,
)

BOUNDS = Bounds()
CALM = Strain()


class Pages:
    """So many clients, each of which asks again when it was told to; no cache answers for it."""

    def __init__(self, count):
        self.pacing, self.second, self.waits = Pacing(), 0, [0.0] * count

    def run(self, seconds):
        for _ in range(seconds):
            self.second += 1
            due = [n for n, at in enumerate(self.waits) if at < self.second]
            self.pacing.asked += len(due)
            self.pacing.look(float(self.second), ticks=50 * self.second, late=0)
            for n in due:  # spread over the second, as jitter does
                self.waits[n] = self.second + self.pacing.pace() * (0.8 + 0.4 * (n % 97) / 97)
        return self.pacing.pace()


def test_a_calm_node_has_its_pages_ask_often():
    assert pace_of(BOUNDS.least, BOUNDS, listeners=10) == BOUNDS.least


def test_a_large_audience_asks_seldom_whoever_answers_it():
    paces = [pace_of(2.0, BOUNDS, listeners=n) for n in (10, 1_000, 50_000, 100_000, 10**6)]
    assert paces == [2.0, 2.0, 5.0, 10.0, 20.0]


def test_who_waits_at_the_door_has_time_and_asks_more_often_as_the_moment_comes():
    assert pace_of(2.0, BOUNDS, until=0.0) == 5.0
    assert [pace_of(2.0, BOUNDS, until=left) for left in (86_400, 200, 10)] == [20.0, 10.0, 5.0]


@pytest.mark.parametrize(
    "strain", [Strain(asked=1_000), Strain(lag=0.2), Strain(late=0.1)], ids=["asked", "lag", "late"]
)
def test_strain_of_any_kind_slows_pages_down_at_once(strain):
    assert next_pace(4.0, strain, 1.0, BOUNDS) == 8.0


def test_the_pace_recovers_a_little_each_second():
    assert 9.0 < next_pace(10.0, CALM, 1.0, BOUNDS) < 10.0
    assert next_pace(20.0, CALM, 3_600.0, BOUNDS) == BOUNDS.least


@pytest.mark.parametrize("count", [2_000, 4_000, 8_000])
def test_without_a_cache_the_loop_settles_where_the_node_is_at_ease(count):
    pages = Pages(count)
    pages.run(60)
    paces = [pages.run(1) for _ in range(60)]
    assert count / fmean(paces) == pytest.approx(ASKS_PER_SECOND, rel=0.15)
    assert max(paces) <= 2 * min(paces)


def test_when_the_crowd_has_gone_pages_ask_often_again():
    pages = Pages(10_000)
    assert pages.run(30) > 0.8 * BOUNDS.most
    del pages.waits[100:]
    assert pages.run(90) == BOUNDS.least


def test_the_worst_lag_of_a_second_counts_and_is_forgotten():
    pacing = Pacing()
    pacing.look(1.0, ticks=0, late=0)
    pacing.note_lag(0.2)
    pacing.note_lag(0.0)
    pacing.look(2.0, ticks=50, late=0)
    assert pacing.pace() == 4.0
    pacing.look(3.0, ticks=100, late=0)
    assert pacing.pace() == 3.8


def test_a_tick_that_is_late_now_and_then_is_no_strain():
    pacing = Pacing()
    pacing.look(1.0, ticks=1_000, late=40)
    pacing.look(2.0, ticks=1_050, late=42)
    assert pacing.pace() == BOUNDS.least
    pacing.look(3.0, ticks=1_100, late=50)
    assert pacing.pace() > BOUNDS.least


def test_one_look_a_second_is_enough_and_a_clock_may_go_back():
    pacing = Pacing()
    assert pacing.is_due(5.0)
    pacing.look(5.0, ticks=0, late=0)
    assert not pacing.is_due(5.9)
    assert pacing.is_due(6.0)
    assert pacing.is_due(4.0)
    pacing.asked = 10**6
    pacing.look(4.0, ticks=0, late=0)
    assert pacing.pace() == BOUNDS.least


def test_captions_are_asked_for_more_often_while_there_are_some():
    assert [live_pace(pace, still=0.0) for pace in (2.0, 10.0, 20.0)] == [1.0, 2.5, 5.0]
    assert [live_pace(pace, still=61.0) for pace in (2.0, 10.0, 20.0)] == [2.0, 10.0, 20.0]


@pytest.mark.parametrize("given", [(0.5, 2.0), (3.0, 2.0), (2.0, 1e6), (float("nan"), 2.0)])
def test_bounds_that_are_none_are_refused(given):
    with pytest.raises(InvalidRequestError):
        Bounds(*given)


@given(
    st.floats(1, 20),
    st.builds(Strain, st.floats(0, 1e9), st.floats(0, 1e3), st.floats(0, 1)),
    st.floats(0.001, 1e6),
    st.integers(0, 10**9),
    st.none() | st.floats(0, 1e9),
)
def test_whatever_happens_a_pace_is_within_its_bounds(pace, strain, seconds, listeners, until):
    felt = next_pace(pace, strain, seconds, BOUNDS)
    assert BOUNDS.least <= felt <= BOUNDS.most
    told = pace_of(felt, BOUNDS, listeners=listeners, until=until)
    assert BOUNDS.least <= told <= BOUNDS.most
