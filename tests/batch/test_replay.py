"""Whole traces through the jitter buffer in one call."""

from __future__ import annotations

import numpy as np
import pytest

from spacescore._native import _batch, _core


def columns(count: int = 500, seed: int = 1) -> dict[str, np.ndarray]:
    i = np.arange(count)
    jitter = np.random.default_rng(seed).uniform(0, 30_000, count)
    order = np.argsort(i * 20_000 + jitter, kind="stable")
    return {
        "arrival_us": np.sort(i * 20_000 + jitter).astype(np.int64),
        "sequence": (i[order] + 65_400).astype(np.uint16),
        "timestamp": (i[order] * 960 + 2**32 - 50_000).astype(np.uint32),
        "size": np.full(count, 90, np.uint16),
        "samples": np.full(count, 960, np.uint16),
    }


def test_a_replay_is_what_push_and_pop_do_one_by_one():
    trace = columns()
    ticks, stats = _batch.replay(**trace, first_tick_us=3000, ticks=520)
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
        entry = buffer.pop(now)
        assert int(entry.what) == ticks["what"][tick]
        assert entry.timestamp == ticks["timestamp"][tick]
    for name, value in stats.items():
        assert getattr(buffer.stats(), name) == value, name


def test_long_packets_serve_several_ticks():
    trace = columns(100)
    i = np.arange(100)
    trace |= {
        "arrival_us": i * 60_000,
        "sequence": i.astype(np.uint16),
        "timestamp": (i * 2880).astype(np.uint32),
        "samples": np.full(100, 2880, np.uint16),
    }
    ticks, stats = _batch.replay(**trace)
    assert np.count_nonzero(ticks["what"] == _batch.FROM_FIFO) >= 190
    assert stats["concealed_samples"] == 0


def test_ticks_last_until_the_last_arrival_by_default():
    trace = columns(100)
    ticks, _ = _batch.replay(**trace)
    span = trace["arrival_us"][-1] - trace["arrival_us"][0]
    assert len(ticks["what"]) == len(ticks["target_us"]) == span // 20_000 + 1


@pytest.mark.parametrize("name", ["sequence", "timestamp", "size", "samples", "level"])
def test_a_column_of_another_length_is_named(name):
    trace = columns(10)
    trace["level"] = np.zeros(10, np.uint8)
    trace[name] = trace[name][:-1].copy()
    with pytest.raises(ValueError, match=f"{name} has 9 rows, arrival_us has 10"):
        _batch.replay(**trace)


def test_what_cannot_be_replayed_is_refused():
    trace = columns(10)
    with pytest.raises(ValueError, match="must not decrease"):
        _batch.replay(**trace | {"arrival_us": trace["arrival_us"][::-1].copy()})
    with pytest.raises(ValueError, match="empty"):
        _batch.replay(**{name: column[:0] for name, column in trace.items()})
    with pytest.raises(ValueError, match="ticks"):
        _batch.replay(**trace, ticks=0)
    with pytest.raises(ValueError, match="dtype"):
        _batch.replay(**trace | {"size": np.zeros(10, np.float64)})
