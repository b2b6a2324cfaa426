"""The interface of a store, and what it takes and gives."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from spacescore.policy import Grant, Operator
from spacescore.rooms.facts import Details, Fact, load_details
from spacescore.rooms.room import Phase, Room

__all__ = ["Entry", "Head", "Store", "actor", "dump_details", "read_details"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact, when it happened, and who brought it about."""

    version: int  # 1 is the first
    at: float
    by: str  # "operator", "node", or a person's identity
    fact: Fact


@dataclass(frozen=True, slots=True)
class Head:
    """What a list says of a space without its facts."""

    key: str  # never given twice; the name may be, once a space has ended
    slug: str
    version: int
    phase: Phase
    details: Details
    created: float
    opened: float
    ended: float

    @classmethod
    def of(cls, key: str, room: Room) -> "Head":
        """Summarize a room."""
        moments = (room.created, room.opened, room.ended)
        return cls(key, room.slug, room.version, room.phase, room.details, *moments)


class Store(Protocol):
    """Facts by space, in their order. Every method may raise StoreError."""

    blocking: bool  # whether to call it from a thread

    def living(self) -> list[Head]:
        """Every space that has not ended."""

    def ended(self, limit: int) -> list[Head]:
        """The last spaces that have, the latest first."""

    def find(self, slug: str) -> Head | None:
        """Return the living space of a name, or the one that ended last."""

    def read(self, key: str, after: int = 0) -> list[Entry]:
        """Return the facts of a space behind a version."""

    def append(self, head: Head, entries: Sequence[Entry]) -> None:
        """Write `entries` behind the version before the first, and what is so then.

        Raises ConflictError when that version is no longer the last, or when a first
        entry meets a living space of the same name.
        """

    def close(self) -> None:
        """Let go of files and connections. Idempotent."""


def actor(by: Grant | Operator | None) -> str:
    """Return how an entry names who acted."""
    if by is None:
        return "node"
    return by.who if isinstance(by, Grant) else "operator"


def dump_details(details: Details) -> str:
    """Write details as JSON."""
    return json.dumps(asdict(details), ensure_ascii=False, separators=(",", ":"))


def read_details(text: str) -> Details:
    """Read what `dump_details` wrote."""
    return load_details(json.loads(text))
