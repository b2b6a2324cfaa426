"""The doors of a node's spaces: kept by their hosts, moved with the clock and the node's load.

How a door is to be kept is a fact of its space, which any node may have written: whichever opens
the space keeps it so. How far it is open is known where it moves, and to the commons.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog
from anyio import to_thread

from spacescore.admission import Door, Load, Mode
from spacescore.commons import Admission, Commons
from spacescore.engine import Engine
from spacescore.errors import StartupError, UnknownSpaceError
from spacescore.pulse import NO_ROOM

__all__ = ["Asked", "Doors"]

_log = structlog.get_logger("spacescore")


@dataclass(frozen=True, slots=True)
class Asked:
    """How a door is to be kept, since when, and since when its space is open."""

    at: float
    mode: str
    seconds: float = 0.0
    opened: float = 0.0  # zero: it is planned

    def passed(self, now: float) -> float:
        """Return for how many seconds it has moved, wherever that was."""
        return max(0.0, now - max(self.at, self.opened)) if self.opened else 0.0


@dataclass(slots=True)
class _Kept:
    door: Door = field(default_factory=Door)
    opened: float = 0.0  # when the space was that it was last set for; zero: it is planned
    admitted: int = -1  # as the core was told
    told: Admission | None = None  # to the commons
    heeded: float = 0.0  # when that was asked for which it was last kept by

    def follow(self, said: Admission) -> None:
        """Go on from what another node has made of it; what was noted here is older than that."""
        if said != (self.told or Admission()):
            self.door = Door(Mode(said.mode), float(said.cohorts), said.rate)
            self.told = said

    def heed(self, asked: Asked, now: float) -> None:
        """Keep it as is asked for, once; the node before may have done so already."""
        known = not self.heeded and self.door.mode == asked.mode
        if asked.at != self.heeded and not known:
            passed = asked.passed(now)
            self.door.keep(asked.mode, now=now, seconds=asked.seconds, passed=passed)
        self.heeded = asked.at

    def rest(self) -> None:
        """Stand still: the space is planned, or another node moves its door."""
        self.door = Door.of(self.door.noted())


class Doors:
    """One engine's. A door that nobody keeps is open, and costs nothing.

    Any node may keep a door; the one that has the space on air moves it, and tells its core.
    """

    def __init__(
        self,
        engine: Engine,
        commons: Commons,
        clock: Callable[[], float] = time.time,
        is_elsewhere: Callable[[str], bool] = lambda slug: False,
        asked: Callable[[], Mapping[str, Asked]] = dict,
    ) -> None:
        self._engine = engine
        self._commons = commons
        self._clock = clock
        self._is_elsewhere = is_elsewhere
        self._asked = asked
        self._kept = dict(self._noted())
        self._ended: set[str] = set()

    def ended(self, slug: str) -> None:
        """A space has ended, open or planned: the next of its name begins with an open door."""
        self._ended.add(slug)

    async def keep(self, slug: str, mode: str, *, seconds: float = 0.0) -> Admission:
        """Keep the door of an open or planned space another way. Raises InvalidRequestError."""
        kept = self._kept.get(slug) or _Kept()
        kept.follow(await self._commons.admission(slug))
        kept.door.keep(mode, now=self._clock(), seconds=seconds)
        self._kept[slug] = kept
        now = await self._apply(slug, kept)
        await self._note()
        return now

    async def tick(self) -> None:
        """Move every cursor to where it is now."""
        ended, self._ended = self._ended & self._kept.keys(), set()
        for slug in ended:
            await self._forget(slug)
        said, asked = await self._commons.doors(), self._asked()
        moved = {slug for slug, door in asked.items() if door.mode != Mode.OPEN}
        for slug in (said.keys() | moved) - self._kept.keys():
            self._kept[slug] = _Kept()
        automatic = any(kept.door.mode is Mode.AUTO for kept in self._kept.values())
        load = self._load() if automatic else Load()
        changed = bool(ended)
        for slug, kept in list(self._kept.items()):
            before = kept.told
            kept.follow(said.get(slug, Admission()))
            if slug in asked:
                kept.heed(asked[slug], self._clock())
            if self._opened(slug):
                kept.door.move(self._clock(), load)
            else:
                kept.rest()
            now = await self._apply(slug, kept)
            changed = changed or now != before
            if not kept.opened and now == Admission():
                self._kept.pop(slug, None)
        if changed:
            await self._note()

    async def _apply(self, slug: str, kept: _Kept) -> Admission:
        """Tell the core, and whoever asks; a space that was closed takes its door along."""
        door = kept.door
        now = Admission(door.admitted, door.mode, round(door.mean, 2))
        opened = self._opened(slug)
        if kept.opened not in (0.0, opened):
            await self._forget(slug)
            return Admission()
        if opened and (opened, now.cohorts) != (kept.opened, kept.admitted):
            self._engine.set_admitted(slug, now.cohorts)
            kept.admitted = now.cohorts
        if now != kept.told:
            await self._commons.set_admission(slug, now)
        kept.opened, kept.told = opened, now
        return now

    async def _forget(self, slug: str) -> None:
        self._kept.pop(slug, None)
        if not self._is_elsewhere(slug):
            await self._commons.set_admission(slug, Admission())

    def _opened(self, slug: str) -> float:
        try:
            return self._engine.space(slug).created
        except UnknownSpaceError:
            return 0.0

    def _noted(self) -> Iterator[tuple[str, _Kept]]:
        """The doors as they were kept before a restart; one that makes no sense is not."""
        for slug, noted in (self._engine.data.read_doors() if self._engine.data else {}).items():
            try:
                door, heeded = Door.of(noted), float(noted.get("heeded", 0.0))
                yield slug, _Kept(door, heeded=heeded)
            except (ValueError, KeyError, TypeError):
                _log.warning("a door is not kept any more", space=slug)

    async def _note(self) -> None:
        data = self._engine.data
        doors = {
            slug: {**kept.door.noted(), "heeded": kept.heeded} for slug, kept in self._kept.items()
        }
        try:
            if data:
                await to_thread.run_sync(data.write_doors, doors)
        except StartupError as error:
            _log.error("doors are not noted", reason=str(error))

    def _load(self) -> Load:
        counted = self._engine.counters()
        return Load(counted["ticks_late"], sum(counted[name] for name in NO_ROOM))
