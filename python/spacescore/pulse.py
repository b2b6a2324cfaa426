"""The node's pulse: what it did in each second of the last quarter of an hour. Pure.

Counters only grow, so what is kept of them is what came to them since the reading before, a
second of it; the rest is as it was read. A node that was not read for some seconds has their
mean in one row, and a gap before it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spacescore.packet_time import PACKET_TIMES

__all__ = ["COLUMNS", "KEPT_SECONDS", "NO_ROOM", "Pulse", "Reading", "drops", "lateness"]

KEPT_SECONDS = 15 * 60
# How late a tick may be, in ms, and the counter of those that were later.
THRESHOLDS = (
    (0.0, "ticks"),
    (1.0, "ticks_over_1ms"),
    (2.0, "ticks_over_2ms"),
    (5.0, "ticks_over_5ms"),
    (10.0, "ticks_late"),
    (20.0, "ticks_over_20ms"),
    (50.0, "ticks_over_50ms"),
)
LONGEST_MS = 100.0  # what is later than the last threshold is taken for this
_LOST = (
    *("kernel_drops", "send_errors", "outbox_overflows"),
    *("ring_lost", "frames_abandoned", "recorder_lost"),
)
# Counters of joins that were refused for want of room: a node that has some does not keep up.
NO_ROOM = ("dropped_handshake_limit", "dropped_handshake_backlog", "dropped_node_full")
_DROPPED = "dropped_"
COLUMNS = (
    "at",  # Unix seconds
    *("joins", "failed", "no_room"),  # handshakes, a second
    *(f"listeners_{each}ms" for each in PACKET_TIMES),
    *("speakers", "spaces", "relief"),
    *("late_p50", "late_p99", "late_share"),  # ms, ms, of the ticks those over 10 ms
    *("lost_here", "dropped", "lost_up"),  # a second, a second, of the speakers' packets
    *("packets", "bytes"),  # sent a second
    *("cpu_workers", "cpu_rest", "memory"),  # cores of each worker, of all else; bytes
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment."""

    at: float  # Unix seconds
    workers: Sequence[Mapping[str, int]]  # as `Engine.worker_counters` has them
    spaces: int = 0
    heard: tuple[int, int] = (0, 0)  # speakers' packets: received, lost
    cpu: float = 0.0  # seconds of the whole process
    memory: int = 0  # bytes

    def total(self, names: Iterable[str]) -> int:
        """Return the sum of some counters over all workers."""
        return sum(worker.get(name, 0) for worker in self.workers for name in names)


class Pulse:
    """The ring. Rows are numbered from 1, so that who asks again gets what is new."""

    def __init__(self) -> None:
        self._rows: deque[list[Any]] = deque(maxlen=KEPT_SECONDS)
        self._last: Reading | None = None
        self._number = 0

    @property
    def number(self) -> int:
        """Of the latest row; 0 where there is none."""
        return self._number

    @property
    def last(self) -> float:
        """When it was read last; 0.0: never."""
        return self._last.at if self._last else 0.0

    def note(self, reading: Reading) -> None:
        """Take a reading; the first has nothing to be compared with, one out of time is none."""
        last = self._last
        if last is not None and reading.at > last.at:
            self._rows.append(_row(last, reading))
            self._number += 1
        self._last = reading

    def since(self, number: int) -> list[list[Any]]:
        """Return the rows after that number, oldest first; all there are for a stranger's."""
        fresh = self._number - number
        if not 0 <= fresh <= len(self._rows):
            fresh = len(self._rows)
        return list(self._rows)[len(self._rows) - fresh :]


def lateness(counts: Sequence[int], share: float) -> float:
    """Return how late, in ms, that share of ticks was at most.

    counts: how many came later than each of `THRESHOLDS`, the first of which are all. Between
    two thresholds ticks are taken for evenly spread.
    """
    rank = (1 - share) * counts[0]  # so many are later
    if counts[0] <= 0:
        return 0.0
    ends = [ms for ms, _ in THRESHOLDS[1:]] + [LONGEST_MS]
    later = [*counts[1:], 0]
    for (start, _), end, before, after in zip(THRESHOLDS, ends, counts, later, strict=True):
        if after <= rank < before:
            return start + (end - start) * (before - rank) / (before - after)
    return 0.0


def drops(workers: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return how many datagrams died by each reason, the most frequent first."""
    total: Counter[str] = Counter()
    for worker in workers:
        total.update({name: n for name, n in worker.items() if name.startswith(_DROPPED)})
    return {name.removeprefix(_DROPPED): n for name, n in total.most_common() if n}


def _row(last: Reading, now: Reading) -> list[Any]:
    seconds = now.at - last.at

    def grown(*names: str) -> int:
        return max(0, now.total(names) - last.total(names))

    drops = {name for worker in now.workers for name in worker if name.startswith(_DROPPED)}
    counts = [grown(name) for _, name in THRESHOLDS]
    received, lost = (max(0, new - old) for new, old in zip(now.heard, last.heard, strict=True))
    workers = _cores(last, now, seconds)
    values = {
        "at": round(now.at, 2),
        "joins": grown("handshakes_completed") / seconds,
        "failed": grown("handshakes_failed") / seconds,
        "no_room": grown(*NO_ROOM) / seconds,
        **{name: now.total([name]) for name in COLUMNS if name.startswith("listeners_")},
        "speakers": now.total(["speakers"]),
        "spaces": now.spaces,
        "relief": max((worker.get("relief", 0) for worker in now.workers), default=0),
        "late_p50": lateness(counts, 0.50),
        "late_p99": lateness(counts, 0.99),
        "late_share": grown("ticks_late") / counts[0] if counts[0] else 0.0,
        "lost_here": grown(*_LOST) / seconds,
        "dropped": grown(*drops) / seconds,
        "lost_up": lost / (received + lost) if lost else 0.0,
        "packets": grown("packets_sent") / seconds,
        "bytes": grown("bytes_sent") / seconds,
        "cpu_workers": workers,
        "cpu_rest": max(0.0, (now.cpu - last.cpu) / seconds - sum(workers)),
        "memory": now.memory,
    }
    return [_short(values[name]) for name in COLUMNS]


def _cores(last: Reading, now: Reading, seconds: float) -> list[float]:
    """Return how much of a core each worker took."""
    pairs = zip(last.workers, now.workers, strict=False)
    took = [new.get("cpu_us", 0) - old.get("cpu_us", 0) for old, new in pairs]
    return [round(max(0, us) / 1e6 / seconds, 3) for us in took]


def _short(value: Any) -> Any:
    """Three places are enough for a chart."""
    return round(value, 3) if isinstance(value, float) and value < 1e6 else value
