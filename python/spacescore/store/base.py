"""The interface of a store, and what it takes and gives."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from spacescore.policy import Grant, Operator
from spacescore.rooms.acts import Act, Party
from spacescore.rooms.facts import Details, Fact, load_details
from spacescore.rooms.room import Phase, Room

__all__ = [
    "AuditBook",
    "Entry",
    "Head",
    "Home",
    "Letter",
    "Outbox",
    "Store",
    "actor",
    "dump_details",
    "party",
    "read_details",
]


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


@dataclass(frozen=True, slots=True)
class Home:
    """The node that has a space on air, and where people reach it."""

    node: str
    url: str = ""  # without a slash at its end; "" where nobody told the node


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to be told to one endpoint of webhooks."""

    id: str
    event: str  # the same in every endpoint's
    endpoint: str  # as people may read it
    body: str
    made: float
    due: float  # when to try
    tries: int = 0
    dead: bool = False
    error: str = ""  # of the last try


class AuditBook(Protocol):
    """Acts of moderation, by space or all of them. Every method may raise StoreError."""

    def add(self, acts: Sequence[Act]) -> None:
        """Write down what follows from no fact."""

    def page(self, key: str | None, before: str, limit: int) -> list[Act]:
        """Return acts before an id ("" for the latest), the latest first."""

    def forget(self, before: float) -> int:
        """Forget what is older; return how much."""


class Outbox(Protocol):
    """Letters until they are delivered, and those that could not be. May raise StoreError."""

    def add(self, letters: Sequence[Letter]) -> None:
        """Write down what belongs to no fact."""

    def due(self, endpoint: str, now: float, limit: int) -> list[Letter]:
        """Return what is to be tried now, the longest due first."""

    def claim(self, letter: Letter, until: float) -> bool:
        """Take a letter for a try, so that no other node does; False when one has."""

    def settle(self, letter: Letter) -> None:
        """Forget a letter that was delivered, or is of no use any more."""

    def put_back(self, letter: Letter) -> None:
        """Note when to try again, or that it is dead."""

    def get(self, number: str) -> Letter | None:
        """Return one by its id."""

    def dead(self, before: str, limit: int) -> list[Letter]:
        """Return those that could not be delivered before an id, the latest first."""

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return by endpoint how many wait, and how many are dead."""

    def trim(self, endpoint: str, waiting: int, dead: int) -> int:
        """Forget the oldest beyond so many of either; return how many."""


class Store(Protocol):
    """Facts by space, in their order. Every method may raise StoreError."""

    blocking: bool  # whether to call it from a thread
    shared: bool  # whether other nodes may have it as well

    @property
    def audit(self) -> AuditBook:
        """The acts that follow from facts, and those that do not."""

    @property
    def outbox(self) -> Outbox:
        """What is to be told."""

    def living(self) -> list[Head]:
        """Every space that has not ended."""

    def ended(self, limit: int) -> list[Head]:
        """The last spaces that have, the latest first."""

    def find(self, slug: str) -> Head | None:
        """Return the living space of a name, or the one that ended last."""

    def find_at(self, slug: str, when: float) -> Head | None:
        """Return the last space that was created under a name until a time."""

    def read(self, key: str, after: int = 0) -> list[Entry]:
        """Return the facts of a space behind a version."""

    def append(
        self,
        head: Head,
        entries: Sequence[Entry],
        acts: Sequence[Act] = (),
        letters: Sequence[Letter] = (),
    ) -> None:
        """Write `entries` behind the version before the first, and what is so then.

        Acts for the audit book and letters are written with them, or not at all.
        Raises ConflictError when that version is no longer the last, or when a first
        entry meets a living space of the same name.
        """

    def homes(self, now: float) -> dict[str, Home]:
        """Return by key where the open spaces are on air that some node holds."""

    def hold(self, keys: Sequence[str], home: Home, now: float, until: float) -> set[str]:
        """Put spaces on air on one node until a time; return those that no other node holds."""

    def release(self, node: str) -> None:
        """Hold nothing any more: another may take over at once."""

    def close(self) -> None:
        """Let go of files and connections. Idempotent."""


def actor(by: Grant | Operator | None) -> str:
    """Return how an entry names who acted."""
    if by is None:
        return "node"
    return by.who if isinstance(by, Grant) else "operator"


def party(by: Grant | Operator | None) -> Party:
    """Return who acted, with the name."""
    if isinstance(by, Grant):
        return Party(by.who, by.name, by.peer)
    return Party(actor(by))


def dump_details(details: Details) -> str:
    """Write details as JSON."""
    return json.dumps(asdict(details), ensure_ascii=False, separators=(",", ":"))


def read_details(text: str) -> Details:
    """Read what `dump_details` wrote."""
    return load_details(json.loads(text))
