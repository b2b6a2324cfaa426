"""A server as a process of its own, and what Linux tells about it."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

__all__ = ["Process"]

PROC = Path("/proc")
CPU_TIME = 2  # CPUCLOCK_SCHED of a clock id, as clock_getcpuclockid(3) makes it: in ns, not ticks
PATIENCE_SECONDS = 20.0


class Process:
    """Started at once; `end` it. What it prints goes to `log`."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self._popen = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        self.pid = self._popen.pid

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until the server is. Raises RuntimeError when it ends, or takes too long."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            if self._popen.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self._popen.args!r} did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far, children's as well."""
        return sum(time.clock_gettime(~pid << 3 | CPU_TIME) for pid in _tree(self.pid))

    def memory(self) -> int:
        """Return the bytes that it has allocated; its share, where processes share them (PSS).

        Files that are mapped are not among them: others who open them make a share of them smaller.
        """
        return sum(_allocated(pid) for pid in _tree(self.pid))

    def end(self) -> None:
        """Ask it to go, and insist after a while."""
        self._popen.terminate()
        try:
            self._popen.wait(5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in (PROC / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _allocated(pid: int) -> int:
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pss_Anon":
            return int(value.split()[0]) * 1024
    return 0
