import itertools

import pytest

from spacescore.errors import InvalidRequestError
from spacescore.load import Door, LoadPlan, Profile, Ramp, start_times


def test_a_linear_ramp_is_even():
    assert start_times(Ramp(Profile.LINEAR, 2.0), 4, seed=1) == [0.0, 0.5, 1.0, 1.5]


def test_a_storm_is_random_repeatable_and_over_in_time():
    ramp = Ramp(Profile.STORM, 2.0)
    times = start_times(ramp, 1_000, seed=1)
    assert times == sorted(times) == start_times(ramp, 1_000, seed=1)
    assert times != start_times(ramp, 1_000, seed=2)
    assert 0 <= times[0] < times[-1] < 2.0
    assert sum(time < 1.0 for time in times) == pytest.approx(500, abs=60)
    assert len({b - a for a, b in itertools.pairwise(times)}) > 900


def test_a_step_ramp_has_groups_of_one_size_and_equal_pauses():
    times = start_times(Ramp(Profile.STEP, 3.0, 4), 8, seed=1)
    assert times == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    uneven = start_times(Ramp(Profile.STEP, 3.0, 4), 10, seed=1)
    sizes = [len(list(group)) for _, group in itertools.groupby(uneven)]
    assert sorted(sizes) == [2, 2, 3, 3]


@pytest.mark.parametrize("profile", Profile)
def test_a_ramp_of_no_time_is_all_at_once(profile):
    assert start_times(Ramp(profile, 0.0, 1), 3, seed=1) == [0.0, 0.0, 0.0]
    assert start_times(Ramp(profile, 1.0), 0, seed=1) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target": ""}, "URL"),
        ({"listeners": -1}, "listeners"),
        ({"listeners": 10_000_001}, "10,000,000"),
        ({"listeners": 0}, "At least one"),
        ({"speakers": 1_001}, "speakers"),
        ({"duration": -1}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"duration": float("inf")}, "duration"),
        ({"join_timeout": 0}, "join timeout"),
        ({"join_timeout": float("inf")}, "join timeout"),
        ({"max_loss": 101}, "percent"),
        ({"threads": 0}, "threads"),
        ({"concurrency": 0}, "requests"),
        ({"door": Door.JANUS}, "mountpoint"),
        ({"door": Door.WHEP, "ticket": {}}, "ticket door"),
    ],
)
def test_a_plan_that_makes_no_sense_says_why(fields, reason):
    with pytest.raises(InvalidRequestError, match=reason):
        LoadPlan(**{"target": "http://host/s/demo", **fields})


@pytest.mark.parametrize(
    "fields",
    [{"seconds": seconds} for seconds in (-1, float("nan"), float("inf"), 1e300)] + [{"steps": 0}],
)
def test_a_ramp_that_makes_no_sense_says_why(fields):
    with pytest.raises(InvalidRequestError, match="ramp"):
        Ramp(**fields)
