"""Whole traces through the jitter buffer in one call."""

from __future__ import annotations

import os
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from allocations import allocations
from spacescore._native import _batch, _core

Playout = _core.Playout


class Fate(IntEnum):
    PLAYED, DUPLICATE, LATE, LEFT_OUT, REFUSED = range(5)


def recorded(count: int = 500, seed: int = 1) -> np.ndarray:
    """20 ms packets under 30 ms of jitter, over both wraps."""
    i = np.arange(count)
    jitter = np.random.default_rng(seed).uniform(0, 30_000, count)
    order = np.argsort(i * 20_000 + jitter, kind="stable")
    trace = np.zeros(count, _batch.PACKET)
    trace["arrival_us"] = np.sort(i * 20_000 + jitter)
    trace["sequence"] = (i[order] + 65_400) % 2**16
    trace["timestamp"] = (i[order] * 960 + 2**32 - 50_000) % 2**32
    trace["size"], trace["samples"], trace["level"] = 90, 960, 127
    return trace


def played(**changed: int) -> np.ndarray:
    trace = recorded(100)
    for name, value in changed.items():
        trace[name] = value
    return trace


def test_a_replay_is_what_push_and_pop_do_one_by_one():
    trace = recorded()
    packets, ticks, stats = _batch.replay(trace, first_tick_us=3000, ticks=520)
    heard, owed = set(), False
    buffer, row = _core.JitterBuffer(), 0
    for tick in range(520):
        now = 3000 + tick * 20_000
        while row < 500 and trace["arrival_us"][row] <= now:
            buffer.push(
                arrival_us=int(trace["arrival_us"][row]),
                sequence=int(trace["sequence"][row]),
                timestamp=int(trace["timestamp"][row]),
                payload=bytes(90),
            )
            row += 1
        entries = [buffer.pop(now)]
        while entries[-1].samples == 0:
            entries.append(buffer.pop(now))
        assert any(entry.what == Playout.skip for entry in entries) == ticks["skipped"][tick]
        entries = [entry for entry in entries if entry.what != Playout.skip]
        assert int(entries[0].what) == ticks["what"][tick]
        assert entries[0].timestamp == ticks["timestamp"][tick]
        for entry in entries:
            if entry.what in {Playout.frame, Playout.accelerate}:
                row_played = int(np.flatnonzero(trace["timestamp"] == entry.timestamp)[0])
                late = packets["played_us"][row_played] - now
                assert late == 0 or (owed and late <= 10_000)
                owed = entry.what == Playout.accelerate or late > 0
                heard.add(row_played)
    one_by_one = buffer.stats()
    names = [name for name in dir(one_by_one) if not name.startswith("_")]
    assert stats == {name: getattr(one_by_one, name) for name in names}
    assert set(np.flatnonzero(packets["fate"] == Fate.PLAYED)) == heard


def test_what_became_of_each_packet():
    trace = np.concatenate([recorded(100), recorded(100)[[50, 60]], recorded(101)[-1:]])
    trace["arrival_us"][100:102] = trace["arrival_us"][99] + 1
    trace["arrival_us"][102:] += 2_000_000
    trace["size"][102] = 1473
    missing = trace[np.arange(103) != 70]
    late = trace[70:71].copy()
    late["arrival_us"] = missing["arrival_us"][-1]
    packets = _batch.replay(np.concatenate([missing, late]), ticks=400).packets
    assert set(packets["fate"][:90]) == {Fate.PLAYED}
    assert list(packets["fate"][-4:]) == [Fate.DUPLICATE, Fate.DUPLICATE, Fate.REFUSED, Fate.LATE]
    assert (packets["played_us"][:90] >= missing["arrival_us"][:90]).all()
    assert (packets["played_us"][-4:] == -1).all()


def test_a_policy_of_one_depth_is_a_fixed_delay():
    fixed = _batch.Policy(least_us=100_000, most_us=100_000)
    packets, ticks, _ = _batch.replay(recorded(), fixed)
    assert np.ptp(ticks["target_us"][100:]) <= 1000  # the fastest packet may yet come
    assert 100_000 <= ticks["target_us"][-1] < 120_000
    first = packets["played_us"][packets["fate"] == Fate.PLAYED][0]
    assert 80_000 <= first - recorded()["arrival_us"][0] <= 130_000


def test_dearer_late_packets_make_a_deeper_buffer():
    targets = [
        _batch.replay(recorded(), _batch.Policy(late_cost=cost)).ticks["target_us"][-200:].mean()
        for cost in (0.1, 1_000.0)
    ]
    assert targets[0] < targets[1]


def test_long_packets_serve_several_ticks():
    i = np.arange(100)
    trace = played(arrival_us=i * 60_000, sequence=i, timestamp=i * 2880, samples=2880)
    _, ticks, stats = _batch.replay(trace)
    assert np.count_nonzero(ticks["what"] == _batch.FROM_FIFO) >= 190
    assert stats["concealed_samples"] == 0


def test_ticks_last_until_the_last_arrival_by_default():
    trace = recorded(100)
    ticks = _batch.replay(trace).ticks
    span = trace["arrival_us"][-1] - trace["arrival_us"][0]
    assert len(ticks) == span // 20_000 + 1


def test_what_cannot_be_replayed_is_refused():
    trace = recorded(10)
    with pytest.raises(ValueError, match="must not decrease"):
        _batch.replay(trace[::-1])
    with pytest.raises(ValueError, match="empty"):
        _batch.replay(trace[:0])
    with pytest.raises(ValueError, match="ticks"):
        _batch.replay(trace, ticks=0)
    trace["arrival_us"][-1] = trace["arrival_us"][0] + 200_000_000_000
    with pytest.raises(ValueError, match="lasts 200000 s: more than 100000 s need `ticks`"):
        _batch.replay(trace)
    assert len(_batch.replay(trace, ticks=7).ticks) == 7
    for foreign in (trace["arrival_us"], trace[:, None], [1, 2, 3]):
        with pytest.raises(TypeError, match="PACKET"):
            _batch.replay(foreign)


@pytest.mark.parametrize(
    "policy",
    [
        {"late_cost": 0.0},
        {"late_cost": float("nan")},
        {"least_us": -1},
        {"least_us": 300_000, "most_us": 200_000},
        {"most_us": 2_000_000},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(policy):
    with pytest.raises(ValueError, match="must"):
        _batch.replay(recorded(10), _batch.Policy(**policy))


SCRIPT = """
import ctypes, sys
import numpy as np
from spacescore._native import _batch

allocations = ctypes.CDLL(sys.argv[1]).allocations

def asked(count):
    i = np.arange(count)
    trace = np.zeros(count, _batch.PACKET)
    trace["arrival_us"] = i * 20_000 + i % 7 * 3_000
    trace["sequence"], trace["timestamp"] = i % 2**16, i * 960
    trace["size"], trace["samples"], trace["level"] = 90, 960, 127
    before = allocations()
    _batch.replay(trace)
    return allocations() - before

asked(100)
print(asked(20_000) - asked(200))
"""


@pytest.mark.tree
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="something else stands before malloc")
def test_a_hundred_times_as_many_packets_allocate_no_more(tmp_path: Path):
    assert abs(allocations(SCRIPT, tmp_path)) <= 16


def test_no_more_than_ten_milliseconds_of_a_tick_are_heard_in_no_time():
    """A path becomes shorter by 600 ms, and playout goes at double speed for a while."""
    trace, i = recorded(500), np.arange(500)
    trace["sequence"], trace["timestamp"] = i, i * 960
    trace["arrival_us"] = np.maximum(i * 20_000, np.minimum(i * 20_000 + 600_000, 5_000_000))
    packets, ticks, _ = _batch.replay(trace, first_tick_us=3000, ticks=480)
    hurried = np.flatnonzero(ticks["what"] == int(Playout.accelerate))
    hurried = hurried[hurried >= 250]
    assert len(hurried) >= 20
    played = packets["played_us"][packets["fate"] == Fate.PLAYED]
    since = played[played >= 3000 + hurried[0] * 20_000]
    assert (since - since[0] >= np.arange(len(since)) * 20_000 / 1.5 - 10_000).all()
