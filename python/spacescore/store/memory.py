"""A store that dies with the process: for embedders who keep their own, and for tests."""

import threading
from collections.abc import Sequence

from spacescore.errors import ConflictError
from spacescore.rooms.acts import Act
from spacescore.rooms.room import Phase
from spacescore.store.base import Entry, Head, Home, Letter
from spacescore.store.memory_books import MemoryAuditBook, MemoryOutbox

__all__ = ["MemoryStore"]

MAX_ENDED = 1_000


class MemoryStore:
    """Dictionaries."""

    blocking = False
    shared = False

    def __init__(self) -> None:
        self.audit = MemoryAuditBook()
        self.outbox = MemoryOutbox()
        self._lock = threading.Lock()
        self._heads: dict[str, Head] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._living: dict[str, str] = {}  # slug -> key
        self._homes: dict[str, tuple[Home, float]] = {}  # key -> home, until

    def living(self) -> list[Head]:
        """See Store."""
        return [self._heads[key] for key in list(self._living.values())]

    def ended(self, limit: int) -> list[Head]:
        """See Store."""
        over = [head for head in list(self._heads.values()) if head.phase is Phase.ENDED]
        return sorted(over, key=lambda head: -head.ended)[:limit]

    def find(self, slug: str) -> Head | None:
        """See Store."""
        if slug in self._living:
            return self._heads[self._living[slug]]
        over = [head for head in list(self._heads.values()) if head.slug == slug]
        return max(over, key=lambda head: head.ended, default=None)

    def find_at(self, slug: str, when: float) -> Head | None:
        """See Store."""
        named = [head for head in list(self._heads.values()) if head.slug == slug]
        until = [head for head in named if head.created <= when]
        return max(until, key=lambda head: head.created, default=None)

    def read(self, key: str, after: int = 0) -> list[Entry]:
        """See Store."""
        return self._entries.get(key, [])[after:]

    def append(
        self,
        head: Head,
        entries: Sequence[Entry],
        acts: Sequence[Act] = (),
        letters: Sequence[Letter] = (),
    ) -> None:
        """See Store."""
        with self._lock:
            known = self._entries.get(head.key, [])
            taken = not known and self._living.get(head.slug, head.key) != head.key
            if taken or len(known) != entries[0].version - 1:
                raise ConflictError("Somebody else has written first.")
            self._entries[head.key] = [*known, *entries]
            self._heads[head.key] = head
            self._living[head.slug] = head.key
            self.audit.add(acts)
            self.outbox.add(letters)
            if head.phase is Phase.ENDED:
                del self._living[head.slug]
                self._forget()

    def homes(self, now: float) -> dict[str, Home]:
        """See Store."""
        with self._lock:
            return {key: home for key, (home, until) in self._homes.items() if until > now}

    def hold(self, keys: Sequence[str], home: Home, now: float, until: float) -> set[str]:
        """See Store."""
        with self._lock:
            held = set()
            for key in keys:
                holder, expires = self._homes.get(key, (home, 0.0))
                if key in self._heads and (holder.node == home.node or expires <= now):
                    self._homes[key] = (home, until)
                    held.add(key)
            return held

    def release(self, node: str) -> None:
        """See Store."""
        with self._lock:
            self._homes = {key: one for key, one in self._homes.items() if one[0].node != node}

    def close(self) -> None:
        """See Store."""

    def _forget(self) -> None:
        for head in self.ended(len(self._heads))[MAX_ENDED:]:
            del self._heads[head.key], self._entries[head.key]
