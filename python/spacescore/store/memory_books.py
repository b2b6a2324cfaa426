"""Audit book and outbox in memory: dictionaries in the order of their ids."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from spacescore.rooms.acts import Act
from spacescore.store.base import Letter

__all__ = ["MemoryAuditBook", "MemoryOutbox"]

MAX_ACTS = 10_000


class MemoryAuditBook:
    """See AuditBook."""

    def __init__(self) -> None:
        self._acts: list[Act] = []

    def add(self, acts: Sequence[Act]) -> None:
        """See AuditBook."""
        self._acts = sorted([*self._acts, *acts], key=lambda act: act.id)[-MAX_ACTS:]

    def page(self, key: str | None, before: str, limit: int) -> list[Act]:
        """See AuditBook."""
        found = [act for act in self._acts if key in (None, act.key)]
        return [act for act in reversed(found) if not before or act.id < before][:limit]

    def forget(self, before: float) -> int:
        """See AuditBook."""
        kept = [act for act in self._acts if act.at >= before]
        gone, self._acts = len(self._acts) - len(kept), kept
        return gone


class MemoryOutbox:
    """See Outbox."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._letters: dict[str, Letter] = {}

    def add(self, letters: Sequence[Letter]) -> None:
        """See Outbox."""
        self._letters |= {letter.id: letter for letter in letters}

    def due(self, endpoint: str, now: float, limit: int) -> list[Letter]:
        """See Outbox."""
        found = [one for one in self._of(endpoint, dead=False) if one.due <= now]
        return sorted(found, key=lambda one: (one.due, one.id))[:limit]

    def claim(self, letter: Letter, until: float) -> bool:
        """See Outbox."""
        with self._lock:
            known = self._letters.get(letter.id)
            free = known is not None and not known.dead and known.due == letter.due
            if known and free:
                self._letters[letter.id] = replace(known, due=until)
            return free

    def settle(self, letter: Letter) -> None:
        """See Outbox."""
        self._letters.pop(letter.id, None)

    def put_back(self, letter: Letter) -> None:
        """See Outbox."""
        with self._lock:
            if letter.id in self._letters:
                self._letters[letter.id] = letter

    def get(self, number: str) -> Letter | None:
        """See Outbox."""
        return self._letters.get(number)

    def dead(self, before: str, limit: int) -> list[Letter]:
        """See Outbox."""
        found = [one for one in self._letters.values() if one.dead]
        found = [one for one in found if not before or one.id < before]
        return sorted(found, key=lambda one: one.id, reverse=True)[:limit]

    def counts(self) -> dict[str, tuple[int, int]]:
        """See Outbox."""
        names = sorted({one.endpoint for one in self._letters.values()})
        return {
            name: (len(self._of(name, dead=False)), len(self._of(name, dead=True)))
            for name in names
        }

    def trim(self, endpoint: str, waiting: int, dead: int) -> int:
        """See Outbox."""
        gone: list[Letter] = []
        for state, kept in ((False, waiting), (True, dead)):
            found = sorted(self._of(endpoint, dead=state), key=lambda one: one.id, reverse=True)
            gone += found[kept:]
        for letter in gone:
            self.settle(letter)
        return len(gone)

    def _of(self, endpoint: str, *, dead: bool) -> list[Letter]:
        found = list(self._letters.values())
        return [one for one in found if one.endpoint == endpoint and one.dead is dead]
