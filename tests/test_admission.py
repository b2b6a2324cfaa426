"""The door opens cohort by cohort: evenly, or as fast as the node keeps up."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore.admission import COHORTS, FASTEST, Door, Load, Mode
from spacescore.errors import InvalidRequestError

CALM = Load()


def door(mode, *, now=100.0, seconds=0.0):
    kept = Door()
    kept.keep(mode, now=now, seconds=seconds)
    return kept


def run(kept, seconds, *, now=100.0, load=lambda second: CALM):
    return [kept.move(now + second, load(second)) for second in range(1, seconds + 1)]


def test_a_door_is_open_unless_somebody_keeps_it():
    assert Door().move(5.0, CALM) == COHORTS


def test_a_closed_door_lets_nobody_in_for_ever():
    assert run(door("closed"), 100)[-1] == 0


def test_a_paced_door_lets_everybody_in_evenly():
    admitted = run(door("paced", seconds=20.0), 25)
    assert admitted[:3] == [50, 100, 150]
    assert admitted[19:] == [COHORTS] * 6


def test_a_door_that_nobody_looked_at_for_long_does_not_fly_open():
    kept = door("paced", seconds=1_000.0)
    assert kept.move(5_000.0, CALM) <= 5


def test_an_automatic_door_opens_faster_while_the_node_keeps_up():
    admitted = run(door("auto"), 60)
    steps = [after - before for before, after in itertools.pairwise(admitted)]
    assert steps[5] > steps[0] > 0
    assert max(steps) <= FASTEST + 1
    assert admitted[-1] == COHORTS


@pytest.mark.parametrize("busy", [{"ticks_late": 1}, {"joins_refused": 1}])
def test_an_automatic_door_slows_down_at_once_and_never_stops(busy):
    kept = door("auto")
    run(kept, 5)
    fast = kept.rate
    ((name, _),) = busy.items()
    run(kept, 3, now=105.0, load=lambda second: Load(**{name: second}))
    assert kept.rate <= fast / 8
    run(kept, 1_500, now=108.0, load=lambda second: Load(**{name: 3 + second}))
    assert kept.rate > 0
    assert kept.admitted > 500


def estimates(kept, *, until, load):
    """What who is of cohort `until` would be told each second, and how long it was then."""
    told, now = [], 100.0
    while kept.admitted <= until:
        now += 1.0
        kept.move(now, load(int(now)))
        told.append((now, (until + 1 - kept.admitted) / kept.mean))
    return [(said, now - at) for at, said in told if now - at > 10]


def test_who_waits_at_a_paced_door_is_told_how_long_to_the_second():
    told = estimates(door("paced", seconds=200.0), until=499, load=lambda second: CALM)
    assert len(told) == 89
    assert all(said == pytest.approx(left, abs=1) for said, left in told)


def test_who_waits_at_an_automatic_door_is_told_by_its_mean_as_the_rate_jumps():
    # Seven late seconds in 29 keep it about where it is, between half as fast and twice as fast.
    late = list(itertools.accumulate(second % 29 in range(0, 28, 4) for second in range(3_000)))
    told = estimates(door("auto"), until=900, load=lambda second: Load(ticks_late=late[second]))
    assert len(told) > 100
    assert all(0.75 * left <= said <= 1.25 * left for said, left in told[10:])


def test_who_was_let_in_stays_let_in_when_the_pace_changes():
    kept = door("paced", seconds=10.0)
    run(kept, 4)
    kept.keep("paced", now=104.0, seconds=100.0)
    assert kept.move(105.0, CALM) == 410
    kept.keep("auto", now=105.0)
    assert kept.admitted == 410
    kept.keep("closed", now=106.0)
    assert kept.admitted == 0
    kept.keep("open", now=107.0)
    assert kept.admitted == COHORTS


@pytest.mark.parametrize(
    ("mode", "seconds"),
    [("ajar", 1.0), ("paced", 0.0), ("paced", -1.0), ("paced", float("nan")), ("paced", 1e9)],
)
def test_a_way_that_is_none_is_refused(mode, seconds):
    with pytest.raises(InvalidRequestError):
        Door().keep(mode, now=1.0, seconds=seconds)


@given(
    st.sampled_from([Mode.PACED, Mode.AUTO]),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 3), st.integers(0, 3)), max_size=50),
)
def test_the_cursor_never_goes_back_and_never_leaves_its_range(mode, moves):
    kept, now, last, load = door(mode, seconds=30.0), 100.0, 0, Load()
    for passed, late, refused in moves:
        now += passed
        load = Load(load.ticks_late + late, load.joins_refused + refused)
        admitted = kept.move(now, load)
        assert last <= admitted <= COHORTS
        last = admitted
