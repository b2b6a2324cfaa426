"""The ring of the last quarter of an hour: what came to the counters in each second."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore.pulse import COLUMNS, KEPT_SECONDS, Pulse, Reading, drops, lateness


def row(pulse: Pulse, place: int = -1) -> dict:
    return dict(zip(COLUMNS, pulse.since(0)[place], strict=True))


def test_a_row_is_what_came_to_the_counters_in_its_second():
    pulse = Pulse()
    pulse.note(Reading(100.0, [{"handshakes_completed": 7}, {"handshakes_completed": 1}]))
    assert pulse.since(0) == []
    pulse.note(Reading(101.0, [{"handshakes_completed": 9}, {"handshakes_completed": 4}]))
    assert row(pulse)["joins"] == 5
    pulse.note(Reading(103.0, [{"handshakes_completed": 19}, {"handshakes_completed": 4}]))
    assert (row(pulse)["joins"], row(pulse)["at"]) == (5, 103.0)


def test_gauges_are_as_they_were_read():
    pulse = Pulse()
    pulse.note(Reading(1.0, [{}]))
    workers = [
        {"listeners_20ms": 3, "listeners_60ms": 2, "relief": 2},
        {"listeners_20ms": 4, "relief": 1},
    ]
    pulse.note(Reading(2.0, workers, spaces=2, memory=5_000_000))
    found = row(pulse)
    tiers = [found[f"listeners_{each}ms"] for each in (20, 40, 60, 120)]
    assert tiers == [7, 0, 2, 0]
    assert (found["relief"], found["spaces"], found["memory"]) == (2, 2, 5_000_000)


def test_each_worker_has_its_own_cpu_and_what_is_left_is_the_rest():
    pulse = Pulse()
    pulse.note(Reading(1.0, [{"cpu_us": 0}, {"cpu_us": 500_000}], cpu=1.0))
    pulse.note(Reading(3.0, [{"cpu_us": 1_000_000}, {"cpu_us": 700_000}], cpu=3.0))
    assert row(pulse)["cpu_workers"] == [0.5, 0.1]
    assert row(pulse)["cpu_rest"] == pytest.approx(0.4)


def test_loss_on_the_way_up_is_a_share_and_who_leaves_takes_nothing_back():
    pulse = Pulse()
    pulse.note(Reading(1.0, [{}], heard=(100, 10)))
    pulse.note(Reading(2.0, [{}], heard=(190, 20)))
    assert row(pulse)["lost_up"] == pytest.approx(0.1)
    pulse.note(Reading(3.0, [{}], heard=(5, 1)))
    assert row(pulse)["lost_up"] == 0


def test_every_reason_to_drop_is_counted_once():
    pulse = Pulse()
    pulse.note(Reading(1.0, [{"dropped_bad_ticket": 1}]))
    pulse.note(Reading(2.0, [{"dropped_bad_ticket": 4, "dropped_empty": 2, "kernel_drops": 3}]))
    assert (row(pulse)["dropped"], row(pulse)["lost_here"]) == (5, 3)


def test_reasons_are_told_the_most_frequent_first():
    workers = [{"dropped_empty": 1, "dropped_bad_ticket": 2}, {"dropped_bad_ticket": 1}]
    assert list(drops(workers).items()) == [("bad_ticket", 3), ("empty", 1)]
    assert drops([{"dropped_empty": 0, "listeners": 9}]) == {}


def test_a_quarter_of_an_hour_is_kept_and_rows_are_numbered():
    pulse = Pulse()
    for second in range(KEPT_SECONDS + 11):
        pulse.note(Reading(float(second), [{}]))
    assert pulse.number == KEPT_SECONDS + 10
    rows = pulse.since(0)
    assert len(rows) == KEPT_SECONDS
    assert [one[0] for one in pulse.since(pulse.number - 2)] == [rows[-2][0], rows[-1][0]]
    assert pulse.since(pulse.number) == []
    assert pulse.since(pulse.number + 1) == rows, "somebody else's number"


def test_a_clock_that_steps_back_makes_no_row():
    pulse = Pulse()
    for at in (100.0, 50.0, 51.0):
        pulse.note(Reading(at, [{"handshakes_completed": int(at)}]))
    assert [one[0] for one in pulse.since(0)] == [51.0]


@pytest.mark.parametrize(
    ("counts", "share", "ms"),
    [
        ((0, 0, 0, 0, 0, 0, 0), 0.99, 0.0),  # nothing was ticked
        ((100, 0, 0, 0, 0, 0, 0), 0.50, 0.5),  # all within the first, evenly
        ((100, 100, 0, 0, 0, 0, 0), 0.50, 1.5),
        ((100, 50, 50, 50, 50, 0, 0), 0.99, 19.8),
        ((100, 100, 100, 100, 100, 100, 100), 0.50, 75.0),
    ],
)
def test_percentiles_follow_from_the_thresholds(counts, share, ms):
    assert lateness(counts, share) == pytest.approx(ms)


@given(st.lists(st.integers(0, 1_000), min_size=7, max_size=7))
def test_percentiles_are_in_their_order_and_in_bounds(counts):
    counts = sorted(counts, reverse=True)
    found = [lateness(counts, share) for share in (0.1, 0.5, 0.9, 0.99)]
    assert all(0 <= ms <= 100 for ms in found)
    assert all(a <= b for a, b in pairwise(found))
