"""What others took of this machine's cores while something was measured, by the kernel's count.

Whoever shares two cores with a build cannot tell its own lateness from the build's. So a bound
that only a machine to itself can keep is asked of a run in which it nearly was.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

TICKS = os.sysconf("SC_CLK_TCK")  # a second
CORES = os.cpu_count() or 1


def busy_seconds() -> float:
    """Of all cores since boot, and what the hypervisor gave to others meanwhile."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def seconds_of(pid: int) -> float:
    """CPU time of all threads that a process has had."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


class Neighbours:
    """Everybody but the processes whose measurement begins now."""

    def __init__(self, ours: Iterable[int]) -> None:
        self.ours = tuple(ours)
        self.since, self.before = monotonic(), self._others()

    def _others(self) -> float:
        return busy_seconds() - sum(map(seconds_of, self.ours))

    def share(self) -> float:
        """Of all cores' time, while our processes still run."""
        return (self._others() - self.before) / ((monotonic() - self.since) * CORES)
