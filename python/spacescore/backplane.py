"""What the nodes of one service share, behind one interface.

- **directory**: which spaces there are, and what has happened in them;
- **commands**: facts are appended behind the version they were decided on, so whichever node
  a command reaches may decide it;
- **presence**: each node says who is connected to it, whole and again each second; what a
  node has not repeated for some seconds is no longer so. Counts are summed by who reads;
- **commons**: what nobody writes down: doors, live text, the shunned, limits;
- **homes**: the one node that has a space on air, for some seconds and again. A home that is silent
  for so long is taken over; one that wakes up later finds that it is not any more.

`LocalBackplane` shares the store, and keeps presence and commons for one process. A driver for
several nodes implements the same calls over a message bus; the rules do not see the difference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from anyio import to_thread

from spacescore.commons import Commons, LocalCommons
from spacescore.rooms.acts import Act
from spacescore.store import Entry, Head, Home, Letter, MemoryStore, Store

__all__ = ["HOME_SECONDS", "Backplane", "LocalBackplane", "Presence"]

PRESENCE_SECONDS = 3.0  # a node that says nothing for so long has nobody
HOME_SECONDS = 10.0  # then a silent home is taken over; it is held again each second
T = TypeVar("T")
Said = Mapping[str, tuple[float, "Presence"]]  # by node, and when


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is connected to a space: those known by number, and how many listen."""

    online: frozenset[int] = frozenset()
    listeners: int = 0


class Backplane(Commons, Protocol):
    """See the module. Everything may raise StoreError; `append` ConflictError as well."""

    async def living(self) -> list[Head]:
        """Every space that has not ended."""

    async def ended(self, limit: int) -> list[Head]:
        """The last spaces that have, the latest first."""

    async def find(self, slug: str) -> Head | None:
        """Return the living space of a name, or the one that ended last."""

    async def find_at(self, slug: str, when: float) -> Head | None:
        """Return the last space that was created under a name until a time."""

    async def read(self, key: str, after: int = 0) -> list[Entry]:
        """Return what has happened in a space behind a version."""

    async def append(
        self,
        head: Head,
        entries: Sequence[Entry],
        acts: Sequence[Act] = (),
        letters: Sequence[Letter] = (),
    ) -> None:
        """Write facts down, on the disks that count, or raise; with what follows from them."""

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Ask the store what is of no one space: the audit book, the outbox."""

    async def publish(self, slug: str, node: str, presence: Presence, now: float) -> None:
        """Say who is connected to one node."""

    async def presence(self, slug: str, now: float) -> Presence:
        """Return who is connected to any node."""

    async def homes(self, now: float) -> dict[str, Home]:
        """Return by key which node has a space on air; nothing where there is one node."""

    async def hold(self, keys: Sequence[str], home: Home, now: float) -> set[str]:
        """Have spaces on air, or go on to; return those that are this node's now."""

    async def release(self, node: str) -> None:
        """Have nothing on air any more."""


class LocalBackplane(LocalCommons):
    """One process, and a store that others may share."""

    def __init__(self, store: Store | None = None, *, shared: bool | None = None) -> None:
        """shared: whether other nodes have the store as well; by default what it says itself."""
        super().__init__()
        self.store: Store = store or MemoryStore()
        self._shared = self.store.shared if shared is None else shared
        self._presence: dict[str, Said] = {}  # by space, whatever was said last at the end

    async def living(self) -> list[Head]:
        """See Backplane."""
        return await self._call(self.store.living)

    async def ended(self, limit: int) -> list[Head]:
        """See Backplane."""
        return await self._call(partial(self.store.ended, limit))

    async def find(self, slug: str) -> Head | None:
        """See Backplane."""
        return await self._call(partial(self.store.find, slug))

    async def find_at(self, slug: str, when: float) -> Head | None:
        """See Backplane."""
        return await self._call(partial(self.store.find_at, slug, when))

    async def read(self, key: str, after: int = 0) -> list[Entry]:
        """See Backplane."""
        return await self._call(partial(self.store.read, key, after))

    async def append(
        self,
        head: Head,
        entries: Sequence[Entry],
        acts: Sequence[Act] = (),
        letters: Sequence[Letter] = (),
    ) -> None:
        """See Backplane. Who is cancelled meanwhile learns that it was written all the same."""
        await self._call(partial(self.store.append, head, entries, acts, letters))

    async def ask(self, question: Callable[[Store], T]) -> T:
        """See Backplane."""
        return await self._call(partial(question, self.store))

    async def publish(self, slug: str, node: str, presence: Presence, now: float) -> None:
        """See Backplane."""
        said = _fresh(self._presence.pop(slug, {}), now)
        self._presence[slug] = {**said, node: (now, presence)}
        oldest = next(iter(self._presence))
        if not _fresh(self._presence[oldest], now):
            del self._presence[oldest]

    async def presence(self, slug: str, now: float) -> Presence:
        """See Backplane."""
        fresh = [each for _, each in _fresh(self._presence.get(slug, {}), now).values()]
        online = frozenset[int]().union(*(each.online for each in fresh))
        return Presence(online, sum(each.listeners for each in fresh))

    async def homes(self, now: float) -> dict[str, Home]:
        """See Backplane."""
        return await self._call(partial(self.store.homes, now)) if self._shared else {}

    async def hold(self, keys: Sequence[str], home: Home, now: float) -> set[str]:
        """See Backplane. Where no other node can be, nothing has to be written."""
        if not self._shared or not keys:
            return set(keys)
        return await self._call(partial(self.store.hold, keys, home, now, now + HOME_SECONDS))

    async def release(self, node: str) -> None:
        """See Backplane."""
        if self._shared:
            await self._call(partial(self.store.release, node))

    async def _call(self, ask: Callable[[], T]) -> T:
        return await to_thread.run_sync(ask) if self.store.blocking else ask()


def _fresh(said: Said, now: float) -> Said:
    return {node: one for node, one in said.items() if now - one[0] <= PRESENCE_SECONDS}
