"""One server, listened to once: what it took."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers.figures import Joining, Listening
from peers.servers import Server
from spacescore.load import LoadReport, Profile, Progress, Ramp, run

__all__ = ["Case", "measure_joining", "measure_listening"]

IDLE_SECONDS = 2.0
SETTLE_SECONDS = 0.5  # a server that has just started is not idle yet
STORM = Ramp(Profile.STORM, seconds=1.0)


@dataclass(frozen=True)
class Case:
    """A server to measure, how many listeners it gets, and how fast they may come."""

    name: str
    start: Callable[[Path], Server]
    sizes: tuple[int, int]
    joins_per_second: float  # before listening is measured: at leisure
    packet_ms: int = 20


@dataclass(frozen=True)
class _Mark:
    at: float
    cpu: float
    received: int = 0


class _Watch:
    """Looks on while a load test listens."""

    def __init__(self, server: Server) -> None:
        self.process = server.process
        self.marks: list[_Mark] = []

    def now(self, received: int = 0) -> _Mark:
        return _Mark(time.monotonic(), self.process.cpu_seconds(), received)

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "listening":
            self.marks.append(self.now(progress.received))

    def idle(self) -> float:
        """Return how many cores are busy while nobody is there."""
        time.sleep(SETTLE_SECONDS)
        before = self.now()
        time.sleep(IDLE_SECONDS)
        after = self.now()
        return (after.cpu - before.cpu) / (after.at - before.at)


def measure_listening(case: Case, listeners: int, seconds: float) -> Listening:
    """Let everybody in and listen."""
    with tempfile.TemporaryDirectory() as folder:
        server = case.start(Path(folder))
        try:
            watch = _Watch(server)
            idle, memory = watch.idle(), server.process.memory()
            ramp = Ramp(seconds=listeners / case.joins_per_second)
            plan = server.plan(audible=True, listeners=listeners, ramp=ramp, duration=seconds)
            with server.feed():
                grown: list[int] = []

                def look(progress: Progress) -> None:
                    watch(progress)
                    if progress.phase == "leaving" and not grown:
                        grown.append(server.process.memory() - memory)

                report = run(plan, on_progress=look)
        finally:
            server.process.end()
    _require_all_in(case, report)
    first, last = watch.marks[0], watch.marks[-1]
    return Listening(
        listeners=listeners,
        seconds=last.at - first.at,
        cpu=last.cpu - first.cpu,
        idle=idle,
        packets=last.received - first.received,
        packet_ms=case.packet_ms,
        loss_percent=report.audio.loss_percent,
        memory=grown[0],
    )


def measure_joining(case: Case, listeners: int) -> Joining:
    """Let everybody into a silent room: no audio is sent that would have to be taken off."""
    with tempfile.TemporaryDirectory() as folder:
        server = case.start(Path(folder))
        try:
            watch = _Watch(server)
            idle = watch.idle()
            plan = server.plan(
                audible=False, listeners=listeners, ramp=STORM, duration=0.1, join_timeout=60.0
            )
            before = watch.now()
            report = run(plan, on_progress=watch)
        finally:
            server.process.end()
    _require_all_in(case, report)
    after = watch.marks[0]
    return Joining(
        joined=report.joins.joined,
        cpu=after.cpu - before.cpu - idle * (after.at - before.at),
    )


def _require_all_in(case: Case, report: LoadReport) -> None:
    if report.joins.joined < report.joins.asked or report.speakers.joined < report.speakers.asked:
        raise RuntimeError(f"{case.name}: {'; '.join(report.complaints)}: {report.joins.failures}")
