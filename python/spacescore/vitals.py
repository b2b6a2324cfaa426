"""Takes a node's pulse: reads the media core and the process, once a second however many ask.

The service does it all the time; where the application is mounted elsewhere it is done while
somebody looks.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from spacescore.doctor import Finding
from spacescore.engine import Engine
from spacescore.errors import UnknownSpaceError
from spacescore.pulse import Pulse, Reading, drops

__all__ = ["SpaceVitals", "Vitals"]

EVERY_SECONDS = 1.0
SLACK_SECONDS = 0.1  # a timer that is early by so little is in time
MAX_SPACES = 100  # each is asked for by itself
DOCTOR_SECONDS = 60.0  # the doctor asks a STUN server, and shakes hands with a certificate
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class SpaceVitals:
    """One space on air."""

    space: str
    title: str
    listeners: int
    speakers: int
    live: bool
    opened: float  # Unix seconds
    recorded: bool


class Vitals:
    """One node's."""

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self.pulse = Pulse()
        self.spaces: Sequence[SpaceVitals] = ()
        self.drops: Mapping[str, int] = {}  # why datagrams died since the start
        self.doctor: Callable[[], list[Finding]] | None = None
        self.began = clock()
        self._engine = engine
        self._clock = clock
        self._found: list[Finding] = []
        self._looked = float("-inf")
        self._reading = False

    async def look(self) -> None:
        """Take the pulse, if a second has gone by. Raises EngineClosedError."""
        passed = self._clock() - self.pulse.last
        if self._reading or 0 <= passed < EVERY_SECONDS - SLACK_SECONDS:
            return
        self._reading = True
        try:
            await to_thread.run_sync(self._read)
        finally:
            self._reading = False

    async def findings(self) -> list[Finding]:
        """Return what the doctor says, at most a minute old."""
        now = self._clock()
        if self.doctor and not 0 <= now - self._looked < DOCTOR_SECONDS:
            self._found, self._looked = await to_thread.run_sync(self.doctor), now
        return self._found

    def _read(self) -> None:
        opened = self._engine.spaces
        found, received, lost = [], 0, 0
        for space in opened[:MAX_SPACES]:
            with suppress(UnknownSpaceError):  # closed meanwhile
                now = self._engine.stats(space.slug)
                received += sum(one.packets_received for one in now.speakers)
                lost += sum(one.packets_lost for one in now.speakers)
                found.append(
                    SpaceVitals(
                        space=space.slug,
                        title=space.title,
                        listeners=now.listeners,
                        speakers=len(now.speakers),
                        live=now.live,
                        opened=space.created,
                        recorded=bool(space.recording),
                    )
                )
        self.spaces = sorted(found, key=lambda one: (-one.listeners, one.space))
        workers, at = self._engine.worker_counters(), self._clock()
        self.drops = drops(workers)
        self.pulse.note(
            Reading(
                at=at,
                workers=workers,
                spaces=len(opened),
                heard=(received, lost),
                cpu=time.process_time(),
                memory=_resident(),
            )
        )


def _resident() -> int:
    """Return the bytes of memory this process holds; 0 where the system does not say."""
    with suppress(OSError, ValueError, LookupError):
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
