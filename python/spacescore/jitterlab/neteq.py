"""A model of libwebrtc's NetEQ: what browsers do with the same packets.

Re-stated from its delay manager and decision logic with their default parameters (2023):

- arrival delay of a packet: behind the fastest of the last two seconds, in ticks of 10 ms;
- underrun optimizer: the worst of each 500 ms goes into a histogram of 100 buckets of 20 ms,
  which forgets by 0.983 per entry; the target is the upper end of the bucket at the 95th
  percentile, 80 ms before there is one;
- reorder optimizer: every packet goes into a second such histogram (0.9993), one in order as no
  delay; the depth is the cheapest one when a percent of loss is worth 20 ms. The larger wins;
- buffer level: what waits, low-pass filtered; between 3/4 of the target (or target - 85 ms) and
  the target (or low + 20 ms) nothing is done, above is accelerated, below is stretched, not more
  often than each 60 ms; above four times the upper limit at once;
- nothing there: expand. A late packet is then played late, a lost one skipped by a merge.

What waits is less than the delay by what the packets were late, so on a link with much jitter
playout settles well above the target.

What is simplified: a stretch always succeeds and is 10 ms long, a typical pitch period; muting
during a long expand follows its tick count. No audio is made.
"""

from bisect import insort
from collections import deque

import numpy as np
from numpy.typing import NDArray

from spacescore.jitterlab.playback import Playback
from spacescore.jitterlab.policies import TICK_US as POLL_US
from spacescore.jitterlab.policies import tick_times
from spacescore.jitterlab.trace import DTX_BYTES, Trace

__all__ = ["neteq"]

TICK_MS = 10
TICK_US = 10_000
BUCKETS, BUCKET_MS = 100, 20
START_MS = 80
HISTORY_MS = 2_000
RESAMPLE_MS = 500
LOSS_COST_MS = 20  # of one percent
OFFSET_MS = 85
GRANULARITY_MS = 20
STRETCH_MS = 10
STRETCH_TICKS = 6  # between two: five ticks and the one itself
MAX_WAIT_TICKS = 10
REINIT_TICKS = 100
MUTED_TICKS = 10
MAX_PACKETS = 200


class Histogram:
    """Forgets by a constant factor, which rises from nothing at the start."""

    def __init__(self, forget: float) -> None:
        self.buckets = np.zeros(BUCKETS)
        self.forget = forget
        self.added = 0

    def add(self, bucket: int) -> None:
        factor = min(self.forget, max(0.0, 1 - 2 / (self.added + 1)))
        self.added += 1
        self.buckets *= factor
        self.buckets[bucket] += 1 - factor

    def quantile(self, probability: float) -> int:
        above = 1 - np.cumsum(self.buckets)
        return min(int(np.argmax(above <= 1 - probability)), BUCKETS - 1)


class DelayManager:
    """The target, in ms."""

    def __init__(self) -> None:
        self.history: deque[tuple[float, float]] = deque()  # (sent, transit), both in ms
        self.newest = -np.inf
        self.underrun, self.reorder = Histogram(0.983), Histogram(0.9993)
        self.depths = np.arange(BUCKETS) * float(BUCKET_MS)
        self.interval_began: float | None = None
        self.worst = 0.0
        self.underrun_ms: int | None = None
        self.target = START_MS

    def arrived(self, now_ms: float, sent_ms: float, frame_ms: float) -> None:
        """Take in a packet; nothing is known before the second one."""
        delay, reordered = self._delay(now_ms, sent_ms)
        if len(self.history) < 2:
            return
        if not reordered:
            self._underrun(now_ms, delay)
        target = START_MS if self.underrun_ms is None else self.underrun_ms
        target = max(target, self._reorder(delay if reordered else 0.0, target))
        self.target = int(min(target, 0.75 * MAX_PACKETS * frame_ms))

    def _delay(self, now_ms: float, sent_ms: float) -> tuple[float, bool]:
        reordered = sent_ms < self.newest
        self.newest = max(self.newest, sent_ms)
        self.history.append((sent_ms, now_ms - sent_ms))
        while self.history[0][0] + HISTORY_MS < sent_ms:
            self.history.popleft()
        fastest = min(transit for _, transit in self.history)
        return now_ms - sent_ms - fastest, reordered

    def _underrun(self, now_ms: float, delay: float) -> None:
        if self.interval_began is None:
            self.interval_began = now_ms
        if now_ms - self.interval_began > RESAMPLE_MS:
            if (bucket := int(self.worst // BUCKET_MS)) < BUCKETS:
                self.underrun.add(bucket)
            self.underrun_ms = (1 + self.underrun.quantile(0.95)) * BUCKET_MS
            self.interval_began, self.worst = now_ms, 0.0
        self.worst = max(self.worst, delay)

    def _reorder(self, delay: float, base: int) -> int:
        if (bucket := int(delay // BUCKET_MS)) < BUCKETS:
            self.reorder.add(bucket)
        late = 1 - np.cumsum(self.reorder.buckets)
        cost = np.maximum(0, self.depths - base) + 100 * LOSS_COST_MS * late
        return (1 + int(np.argmin(np.round(cost, 6)))) * BUCKET_MS


class NetEq:
    """The decision logic, a tick at a time. Media is counted in ms of the sender's clock."""

    def __init__(self, frame_ms: float, exact: bool) -> None:
        self.exact = exact
        self.now = 0.0  # ms
        self.delays = DelayManager()
        self.frame_ms = frame_ms
        self.waiting: list[tuple[float, int, bool]] = []  # (media ms, row, discontinuous)
        self.due: float | None = None  # media time behind what is decoded
        self.left = 0.0  # ms decoded and not yet played
        self.level = 0.0
        self.stretched = 0.0  # since the filter ran
        self.mode = "normal"
        self.expands = 0
        self.noise = 0.0
        self.rest = 0  # ticks until the next stretch may be
        self.last_dtx = False

    def insert(self, now_ms: float, media_ms: float, row: int, dtx: bool) -> None:
        if not dtx:
            self.delays.arrived(now_ms, media_ms, self.frame_ms)
        if any(media_ms == media for media, _, _ in self.waiting):
            return
        if len(self.waiting) >= MAX_PACKETS:
            self.waiting.clear()
            self.due = None
        insort(self.waiting, (media_ms, row, dtx))

    def tick(self) -> list[tuple[int, float]]:
        """Make 10 ms of sound; returns the rows decoded, and how far ahead of each is sound."""
        while self.waiting and self.due is not None and self.waiting[0][0] < self.due - 0.01:
            self.waiting.pop(0)
        self.expands = self.expands + 1 if self.mode == "expand" else 0
        self._filter_level()
        self.rest -= 1
        action = self._decide()
        wanted = TICK_MS
        if action == "accelerate":
            wanted = 2 * TICK_MS
        if action in ("accelerate", "stretch"):
            self.rest = STRETCH_TICKS
        played = self._decode(action, wanted)
        self._finish(action)
        return played

    def _filter_level(self) -> None:
        if self.exact and self.due is not None and self.delays.history:
            fastest = min(transit for _, transit in self.delays.history)
            self.level = self.now - (self.due - self.left) - fastest
            return
        if self.mode == "noise":
            return
        target = self.delays.target
        factor = 251 if target <= 20 else 252 if target <= 60 else 253 if target <= 140 else 254
        span = self.waiting[-1][0] + self.frame_ms - self.waiting[0][0] if self.waiting else 0.0
        self.level += (1 - factor / 256) * (span - self.level)
        self.level = max(0.0, self.level - self.stretched)
        self.stretched = 0.0

    def _decide(self) -> str:
        if not self.waiting:
            return "noise" if self.mode == "noise" else "expand"
        first = self.waiting[0][0]
        if self.due is None or self.expands > REINIT_TICKS:
            return "jump"
        span = self.waiting[-1][0] + self.frame_ms - first
        if self.expands > MUTED_TICKS and span < self.delays.target / 2:
            return "expand"
        if first - self.due < 0.01:
            return self._on_time()
        return self._early(first - self.due, span)

    def _on_time(self) -> str:
        if self.mode == "expand":
            return "normal"
        target = self.delays.target
        low = max(0.75 * target, target - OFFSET_MS)
        high = max(target, low + GRANULARITY_MS)
        if self.level >= 4 * high:
            return "accelerate"
        if self.rest > 0:
            return "normal"
        if self.level >= high:
            return "accelerate"
        return "stretch" if self.level < low else "normal"

    def _early(self, leap: float, span: float) -> str:
        target = self.delays.target
        if self.mode == "expand":
            too_early = leap > TICK_MS * self.expands
            under = self.level < target
            if too_early and under and leap < 1_000 and self.expands < MAX_WAIT_TICKS:
                return "expand"
            return "jump"
        if self.mode == "noise":
            enough = self.noise >= leap and span >= target - 50
            return "jump" if enough or span > target + 50 else "noise"
        return "expand"

    def _decode(self, action: str, wanted: float) -> list[tuple[int, float]]:
        played: list[tuple[int, float]] = []
        if action in ("expand", "noise") and self.left < TICK_MS:
            return played
        while self.left < wanted and self.waiting:
            media, row, dtx = self.waiting[0]
            follows = self.due is None or media - self.due < 0.01
            if not follows and (played or action != "jump"):
                break
            self.waiting.pop(0)
            played.append((row, self.left))
            self.left += self.frame_ms
            self.due = media + self.frame_ms
            self.noise = 0.0
            self.last_dtx = dtx
        return played

    def _finish(self, action: str) -> None:
        if action == "accelerate" and self.left >= 2 * TICK_MS:
            self.left -= STRETCH_MS
            self.stretched = STRETCH_MS
        if action == "stretch" and self.left >= TICK_MS:
            self.left += STRETCH_MS
            self.stretched = -STRETCH_MS
        if self.left >= TICK_MS:
            self.left -= TICK_MS
            self.mode = "noise" if self.left < TICK_MS and self.last_dtx else "normal"
        elif action == "noise" or self.mode == "noise":
            self.noise += TICK_MS
            self.mode = "noise"
        else:
            self.mode = "expand"


def neteq(trace: Trace, first_tick_us: int, *, exact: bool = False) -> Playback:
    """Play a trace as NetEQ would, asked for two blocks of 10 ms each 20 ms.

    `exact`: what is steered to the target is the delay behind the fastest packet, known without
    a filter, in place of the filtered level of the packet buffer. NetEQ cannot know it, but that
    is how its target is often drawn, and the better listener on reordered links.
    """
    arrival = trace.arrival_us
    times = tick_times(trace, first_tick_us)
    media = _media_ms(trace.packets["timestamp"])
    dtx = trace.packets["size"] <= DTX_BYTES
    machine = NetEq(trace.frame_us / 1_000, exact)
    played = np.full(len(trace), -1, np.int64)
    target = np.empty(len(times))
    row = 0
    for tick, now in enumerate(times.tolist()):
        while row < len(arrival) and arrival[row] <= now:
            came_ms = (int(arrival[row]) - first_tick_us) // TICK_US * TICK_MS
            machine.insert(came_ms, float(media[row]), row, bool(dtx[row]))
            row += 1
        for half in range(0, POLL_US, TICK_US):
            machine.now = (now - first_tick_us + half) / 1_000
            for heard, ahead_ms in machine.tick():
                played[heard] = now + half + int(ahead_ms * 1_000)
        target[tick] = machine.delays.target
    name = "NetEQ model, exact" if exact else "NetEQ model"
    return Playback(name, played, times, target)


def _media_ms(timestamps: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Unwrapped, from each to the next."""
    unwrapped = timestamps.astype(np.int64)
    steps = (unwrapped[1:] - unwrapped[:-1] + 2**31) % 2**32 - 2**31
    return np.concatenate([[0], np.cumsum(steps)]) / 48.0
