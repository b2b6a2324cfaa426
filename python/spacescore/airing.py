"""Which spaces a node has on air, which others have, and when to try what none has.

A space is opened in the engine first, and held after that: who has no room for it leaves it to
others. What the engine refused is tried again, less and less often.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress

import anyio
import structlog

from spacescore.backoff import Backoff
from spacescore.backplane import Backplane
from spacescore.engine import Engine
from spacescore.errors import EngineClosedError, UnknownSpaceError
from spacescore.rooms.room import Phase, Room
from spacescore.stagehand import open_space
from spacescore.store import Head, Home

__all__ = ["Airing"]

_log = structlog.get_logger("spacescore")


class Airing:
    """One node's."""

    def __init__(
        self, engine: Engine, backplane: Backplane, own: Home, clock: Callable[[], float]
    ) -> None:
        """own: as what other nodes know this one."""
        self.here: set[str] = set()  # names of what is on air on this node
        self._elsewhere: dict[str, Home] = {}
        self._engine = engine
        self._backplane = backplane
        self._own = own
        self._clock = clock
        self._refused = Backoff()  # by key
        self._opening = anyio.Lock()  # one space after the other

    @property
    def node(self) -> str:
        """The name of this node."""
        return self._own.node

    def home(self, slug: str) -> Home | None:
        """Return the other node that has a space on air, as was known when it was learnt."""
        return None if slug in self.here else self._elsewhere.get(slug)

    def has(self, slug: str) -> bool:
        """Whether any node has a space on air."""
        return slug in self.here or slug in self._elsewhere

    @asynccontextmanager
    async def opening(self, key: str, room: Room) -> AsyncIterator[None]:
        """Have a space in the engine while it is written that it is open, and after it is.

        Where the process dies in between, the engine dies with it, and the space is still planned.
        """
        async with self._opening:
            is_new, held = open_space(self._engine, room), False
            try:
                yield
                held = key in await self._backplane.hold([key], self._own, self._clock())
            finally:
                if held:
                    self.here.add(room.slug)
                elif is_new:
                    self._close(room.slug)

    async def hold(self, mine: Mapping[str, str], now: float) -> None:
        """Go on to have on air what is here, by key; stand down where another node does."""
        held = await self._backplane.hold([*mine], self._own, now)
        for key in mine.keys() - held:
            slug = mine[key]
            self.here.discard(slug)
            _log.error("another node has taken over", space=slug)
            self._close(slug)

    async def learn_homes(self, heads: Iterable[Head], now: float) -> None:
        """Note what is elsewhere; an address that is ours as well would lead in circles."""
        homes, own = await self._backplane.homes(now), self._own
        held = ((head.slug, homes[head.key]) for head in heads if head.key in homes)
        self._elsewhere = {
            slug: Home(home.node) if home.url == own.url else home
            for slug, home in held
            if home.node != own.node
        }

    def silent(self, heads: Iterable[Head], now: float, grace: float) -> list[Head]:
        """Return what is open, for longer than `grace`, and on air nowhere; if it is due."""
        due = [head for head in heads if head.phase is Phase.OPEN and head.opened + grace <= now]
        silent = [head for head in due if not self.has(head.slug)]
        self._refused.keep_only({head.key for head in silent})
        return [head for head in silent if self._refused.is_due(head.key, now)]

    def refused(self, key: str, now: float) -> float:
        """Note that the engine has refused a space; return in how many seconds it is due again."""
        return self._refused.refused(key, now)

    async def leave(self) -> None:
        """Have nothing on air any more. Raises StoreError."""
        await self._backplane.release(self._own.node)

    def _close(self, slug: str) -> None:
        with suppress(UnknownSpaceError, EngineClosedError):
            self._engine.close_space(slug)
