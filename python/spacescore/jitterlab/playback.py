"""What a policy made of a trace, and how that is counted: the same way for all of them.

Every policy is asked for sound at the same ticks and answers one question: when was the first
sample of each packet heard? From those moments alone follows everything else.

- **Added delay** of a packet: from when it was sent until it was heard, less the transit time of
  the fastest packet of the trace.
- **Concealed**: the sound of every packet that was lost or came after its time, and the time
  that playout stood still until a packet came. FEC would repair some of it, for every policy
  alike, so it counts; and a lost packet that is skipped counts as one that is concealed.
- **Stretched**: sound that was there and was left out or shortened, or drawn out on purpose.
- **Unheard**: the share of packets sent, comfort noise apart, that were not heard: lost, late or
  left out.
- **Lost**: the share that never came. Nobody conceals less.

Silence that the sender announced (a jump of its timestamps without one of its sequence numbers,
or a comfort noise packet) may be drawn out or cut short without a price.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spacescore.jitterlab.trace import DTX_BYTES, Trace

__all__ = ["Playback", "Score", "score"]


@dataclass(frozen=True)
class Playback:
    """When each packet of a trace was heard (us, -1: never), and the target (ms) over time."""

    policy: str
    played_us: NDArray[np.int64]
    tick_us: NDArray[np.int64]
    target_ms: NDArray[np.float64]
    free: bool = False  # an oracle: what it changes in its delay is not counted

    def added_us(self, trace: Trace) -> NDArray[np.int64]:
        """Return the added delay of every packet heard, in order of arrival."""
        heard = self.played_us >= 0
        fastest = (trace.arrival_us - trace.sent_us).min()
        added: NDArray[np.int64] = self.played_us[heard] - trace.sent_us[heard] - fastest
        return added


@dataclass(frozen=True)
class Score:
    """One policy on one trace. Shares in percent of the sound sent, delays in ms."""

    policy: str
    trace: str
    concealed: float
    events_per_minute: float
    unheard: float
    stretched: float
    mean: float
    p50: float
    p95: float
    p99: float
    lost: float


def score(trace: Trace, playback: Playback) -> Score:
    """Count what a listener gets. Raises ValueError when nothing was heard."""
    heard = np.flatnonzero(playback.played_us >= 0)
    if len(heard) < 2:
        raise ValueError(f"{playback.policy} played nothing of {trace.name}")
    order = trace.number if playback.free else playback.played_us
    heard = heard[np.argsort(order[heard], kind="stable")]
    absent, left_out, waited, drawn = _pauses(trace, playback.played_us, heard)
    made_up = absent if playback.free else absent + waited
    stretched = np.zeros(1) if playback.free else left_out + drawn
    speech = trace.packets["size"] > DTX_BYTES
    unheard = trace.sent - len(np.unique(trace.number[(playback.played_us >= 0) | ~speech]))
    due = trace.sent * trace.frame_us
    added = playback.added_us(trace) / 1_000
    quantiles = np.percentile(added, [50, 95, 99])
    return Score(
        playback.policy,
        trace.name,
        concealed=100 * made_up.sum() / due,
        events_per_minute=np.count_nonzero(made_up) / (due / 60e6),
        unheard=100 * unheard / trace.sent,
        stretched=100 * stretched.sum() / due,
        mean=float(added.mean()),
        p50=float(quantiles[0]),
        p95=float(quantiles[1]),
        p99=float(quantiles[2]),
        lost=100 * (1 - len(np.unique(trace.number)) / trace.sent),
    )


def _pauses(
    trace: Trace, played_us: NDArray[np.int64], heard: NDArray[np.intp]
) -> tuple[NDArray[Any], ...]:
    """Return, between each two packets heard in turn: absent, left out, waited for, stretched."""
    before, after = heard[:-1], heard[1:]
    lasts = trace.packets["samples"].astype(np.int64) * 125 // 6
    ends = played_us[before] + lasts[before]
    pause = (played_us[after] - ends).astype(np.float64)
    between = (trace.number[after] - trace.number[before] - 1).clip(0)
    span = trace.sent_us[after] - trace.sent_us[before] - lasts[before]
    silent = span - between * trace.frame_us > trace.frame_us / 2
    silent |= trace.packets["size"][before] <= DTX_BYTES

    left_out = _left_out(trace, heard, ends) * trace.frame_us
    absent = between * trace.frame_us - left_out
    excess = np.where(silent, 0, pause - absent).clip(0)
    waited = trace.arrival_us[after] > ends
    overlap = np.where(silent, 0, -pause).clip(0)
    return absent, left_out, np.where(waited, excess, 0), np.where(waited, 0, excess) + overlap


def _left_out(trace: Trace, heard: NDArray[np.intp], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, per pause, the packets that came in time and were not heard."""
    count = np.zeros(len(ends), np.int64)
    rows = np.setdiff1d(np.arange(len(trace)), heard)
    numbers = trace.number[heard]
    place = np.searchsorted(np.maximum.accumulate(numbers), trace.number[rows]) - 1
    rows, place = rows[inside := (place >= 0) & (place < len(ends))], place[inside]
    due = ends[place] + (trace.number[rows] - numbers[place] - 1) * trace.frame_us
    first_copy = ~np.isin(trace.number[rows], numbers)
    speech = trace.packets["size"][rows] > DTX_BYTES
    np.add.at(count, place[(trace.arrival_us[rows] <= due) & first_copy & speech], 1)
    return count
