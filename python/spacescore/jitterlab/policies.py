"""What decides when a packet is heard: ours, fixed delays, and oracles that know the future."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spacescore._native import _batch
from spacescore.jitterlab.playback import Playback
from spacescore.jitterlab.trace import Trace

__all__ = ["TICK_US", "Play", "fixed", "oracle_fixed", "oracle_second", "ours"]

TICK_US = 20_000
Play = Callable[[Trace, int], Playback]


def tick_times(trace: Trace, first_tick_us: int) -> NDArray[np.int64]:
    """When sound is asked for: from the first tick until the last packet has come."""
    count = max(0, int(trace.arrival_us[-1]) - first_tick_us) // TICK_US + 1
    return first_tick_us + np.arange(count, dtype=np.int64) * TICK_US


def ours(trace: Trace, first_tick_us: int, policy: "_batch.Policy | None" = None) -> Playback:
    """Play by the jitter buffer of this project, with its default setting."""
    run = _batch.replay(trace.packets, policy, first_tick_us=first_tick_us)
    times = first_tick_us + np.arange(len(run.ticks), dtype=np.int64) * TICK_US
    return Playback("spacescore", run.packets["played_us"], times, run.ticks["target_us"] / 1_000)


def fixed(trace: Trace, first_tick_us: int, depth_ms: float) -> Playback:
    """Hear every packet `depth_ms` after the fastest one would have come, or never."""
    lags = _lags(trace, first_tick_us)
    return _at(f"fixed {depth_ms:g} ms", trace, first_tick_us, lags(depth_ms * 1_000))


def oracle_fixed(trace: Trace, first_tick_us: int, late: float = 0.01) -> Playback:
    """The least fixed delay at which no more than `late` of what came is too late."""
    relative = np.sort(trace.relative_us)
    allowed = relative[::-1][min(int(late * len(relative)), len(relative) - 1)]
    lag = _lags(trace, first_tick_us)(float(allowed))
    return _at(f"oracle: fixed, {late:.0%} late", trace, first_tick_us, lag)


def oracle_second(trace: Trace, first_tick_us: int, late: float = 0.01) -> Playback:
    """The best delay for each second by itself, with no more than `late` too late in all.

    Every late packet costs the same number of milliseconds of delay; that price is searched for.
    Changing the delay costs nothing, so nobody can do better.
    """
    seconds = (trace.sent_us - trace.sent_us.min()) // 1_000_000
    order = np.argsort(seconds, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(seconds[order])) + 1)
    relative = trace.relative_us
    lags = _lags(trace, first_tick_us)
    choices = np.unique(lags(relative.astype(np.float64)))
    tables = [_costs(np.sort(relative[rows]), choices) for rows in groups]
    low, high = 0.0, 1e9
    for _ in range(50):
        price = (low + high) / 2
        late_now = sum(table[1][np.argmin(table[0] + price * table[1])] for table in tables)
        low, high = (low, price) if late_now <= late * len(trace) else (price, high)
    lag = np.empty(len(trace), np.int64)
    for rows, (delays, lates) in zip(groups, tables, strict=True):
        lag[rows] = choices[np.argmin(delays + high * lates)]
    playback = _at(f"oracle: each second, {late:.0%} late", trace, first_tick_us, lag)
    return replace(playback, free=True)


def _costs(
    relative: NDArray[np.int64], choices: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each choice of delay: its sum over the packets, and how many are late."""
    in_time = np.searchsorted(relative, choices, side="right")
    return len(relative) * choices.astype(np.float64), len(relative) - in_time


def _lags(trace: Trace, first_tick_us: int) -> Callable[[object], NDArray[np.int64]]:
    """Return what makes of a wished delay the next one at which a tick comes."""
    fastest = int((trace.arrival_us - trace.sent_us).min())
    # Where between two ticks a packet without jitter would come; the sender's frames may be of
    # any length, those of a tick are what playout can tell apart.
    phase = (first_tick_us - fastest - int(trace.sent_us[0])) % TICK_US

    def lag(depth_us: object) -> NDArray[np.int64]:
        depth = np.ceil((np.asarray(depth_us, np.float64) - phase) / TICK_US)
        return (depth * TICK_US + phase).astype(np.int64)

    return lag


def _at(name: str, trace: Trace, first_tick_us: int, lag: NDArray[np.int64]) -> Playback:
    """Hear every packet at its lag if it has come by then, and the first copy only."""
    relative = trace.relative_us
    fastest = (trace.arrival_us - trace.sent_us).min()
    lag = np.broadcast_to(lag, relative.shape)
    first = np.zeros(len(trace), bool)
    first[np.unique(trace.number, return_index=True)[1]] = True
    heard = first & (relative <= lag)
    played = np.where(heard, trace.sent_us + fastest + lag, -1)
    times = tick_times(trace, first_tick_us)
    known = np.searchsorted(trace.arrival_us, times, side="right") - 1
    return Playback(name, played, times, lag[known.clip(0)] / 1_000)
