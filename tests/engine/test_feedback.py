"""What a large audience says back: all checks answered, reports sampled, nothing allocated."""

import collections
import heapq
import os
import random
from pathlib import Path

import pytest

from allocations import allocations
from spacescore._native import _core
from world import SECOND_US, SPACE

START_US = 100 * SECOND_US
A_TICK = 64  # reports that are opened in 20 ms, whoever sends them


def crowded(listeners):
    engine = _core.Engine(max_listeners=listeners)
    engine.create_space(0, SPACE)
    return engine, _core.Feedback(engine, SPACE, listeners)


def counted(engine):
    return {name: count for name, count in engine.counters().items() if count}


def test_everybody_admitted_is_inside_and_their_checks_are_answered():
    engine, crowd = crowded(300)
    assert engine.listeners == engine.space_stats(SPACE).listeners == 300
    with pytest.raises(ValueError, match="seats"):
        _core.Feedback(engine, SPACE, 1)
    crowd.prepare(checks=500, reports=0)
    assert crowd.feed(engine, START_US) == 500
    counters = counted(engine)
    assert counters["checks_answered"] == counters["packets_sent"] == 500
    assert not any(name.startswith("dropped") for name in counters)


def test_a_crowds_reports_are_opened_by_sample_and_the_rest_is_counted():
    engine, crowd = crowded(2_000)
    crowd.prepare(checks=0, reports=100_000)  # a quarter of a second of 1,000,000 listeners
    crowd.feed(engine, START_US)
    counters = counted(engine)
    everybody = 2_000  # whose report is old, each once; then whoever comes first in a tick
    assert counters["reports_received"] + counters["reports_skipped"] == 100_000
    assert everybody * 0.95 <= counters["reports_received"] <= everybody + 14 * A_TICK
    assert not any(name.startswith("dropped") for name in counters)


def test_whoever_begins_to_lose_packets_is_noticed_within_half_a_minute():
    rng = random.Random(1)
    sampler = _core.ReportSampler()
    listeners = 50_000
    dues = [(rng.randrange(7_500_000), listener) for listener in range(listeners)]
    heapq.heapify(dues)
    opened = [0] * listeners
    a_tick = collections.Counter()
    longest = 0
    while dues[0][0] < 80 * SECOND_US:
        now, listener = dues[0]
        if sampler.takes(now + START_US, opened[listener]):
            if opened[listener]:
                longest = max(longest, now + START_US - opened[listener])
            opened[listener] = now + START_US
            a_tick[now // 20_000] += 1
        heapq.heapreplace(dues, (now + rng.randrange(2_500_000, 7_500_000), listener))
    assert longest < 30 * SECOND_US
    assert min(opened) > START_US + 50 * SECOND_US
    late = [count for tick, count in a_tick.items() if tick > 1_500]
    assert sum(late) / len(late) < 2 * A_TICK  # of 200 that come


def test_forged_reports_make_a_bounded_amount_of_work():
    sampler = _core.ReportSampler()
    taken = [sampler.takes(START_US + us, 0) for us in range(0, 40_000, 4)]
    assert 2 * 1_000 < sum(taken) <= 3 * 1_500


SCRIPT = """
import ctypes, sys
from spacescore._native import _core

allocations = ctypes.CDLL(sys.argv[1]).allocations
engine = _core.Engine(max_listeners=500)
engine.create_space(0, 1)
crowd = _core.Feedback(engine, 1, 500)
for now in (100, 200, 300):
    crowd.prepare(checks=2_000, reports=2_000)
    before = allocations()
    crowd.feed(engine, now * 1_000_000)
    after = allocations()
assert engine.counters()["reports_received"] > 500, engine.counters()
print(after - before)
"""


@pytest.mark.tree
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="something else stands before malloc")
def test_hearing_a_crowd_out_allocates_nothing(tmp_path: Path):
    few = 16  # Python's own: the call, two numbers and what comes back
    assert allocations(SCRIPT, tmp_path) <= few, "for 4,000 datagrams"


def test_whoever_lost_packets_is_followed_from_report_to_report():
    sampler = _core.ReportSampler()
    assert all(sampler.takes(START_US, START_US) for _ in range(A_TICK))
    assert not sampler.takes(START_US, START_US)
    assert sampler.takes(START_US, START_US, lossy=True)
