"""The spaces of a node and the people who were let in: a synchronous state machine.

Commands go in with the time, results come out; nothing here waits, sends or looks at a
clock. Who is *heard* the media core knows; who somebody *is* (name, role, whether removed)
is known here. What grows with requests is bounded: spaces, and people in each.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from spacescore.errors import (
    InvalidRequestError,
    OverloadedError,
    RemovedError,
    SpaceTakenError,
    UnknownPeerError,
    UnknownSpaceError,
)
from spacescore.policy import Grant, Role

__all__ = ["Person", "Registry", "Space", "check_slug", "clean_text", "space_id"]

MAX_SPACES = 1_000
MAX_PEOPLE = 2_000  # in one space, listeners without a name not counted
MAX_NAME_CHARS = 64
MAX_TITLE_CHARS = 120
MAX_RAW_CHARS = 4_096  # of a line, with what cannot be seen
SKEW_SECONDS = 60  # a removal holds against a token from before, by whoever's clock
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
_JOINER = "\u200d"  # holds emoji together; every other control and format character goes


def check_slug(text: str) -> str:
    """Return `text` if it names a space: 1 to 48 of a-z, 0-9 and inner hyphens."""
    if not _SLUG.fullmatch(text):
        raise InvalidRequestError(
            "A space's name has 1 to 48 of the characters a-z, 0-9 and - (not at the ends)."
        )
    return text


def space_id(slug: str) -> int:
    """Return the 64-bit id that tickets carry. Its low half is the SSRC, so never zero."""
    number = int.from_bytes(hashlib.sha256(slug.encode()).digest()[:8])
    return number if number & 0xFFFFFFFF else number | 1


def clean_text(text: str, limit: int) -> str:
    """Return `text` on one line, without control characters. Raises InvalidRequestError."""
    raw = text[:MAX_RAW_CHARS]
    kept = (c if c == _JOINER or unicodedata.category(c)[0] != "C" else " " for c in raw)
    clean = unicodedata.normalize("NFC", " ".join("".join(kept).split()))
    if len(clean) > limit or len(text) > MAX_RAW_CHARS:
        raise InvalidRequestError(f"At most {limit} characters, please.")
    return clean


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be in a space."""

    peer: int  # the CSRC by which they are heard
    name: str
    role: Role
    expires: int  # Unix seconds; only entering is refused later
    identity: str = ""  # as in their token

    @property
    def who(self) -> str:
        """The identity that a block is put on."""
        return self.identity or f"#{self.peer}"


class Removal(NamedTuple):
    """Somebody who was sent away, and when."""

    person: Person
    at: float

    @property
    def over(self) -> float:
        """When every token from before has expired."""
        return max(self.person.expires, self.at) + SKEW_SECONDS


@dataclass(slots=True)
class Space:
    """An open space."""

    slug: str
    id: int
    title: str
    open_stage: bool
    created: float
    recording: str
    music: bool = False  # stereo
    people: dict[int, Person] = field(default_factory=dict)
    removed: dict[int, Removal] = field(default_factory=dict)
    online: set[int] = field(default_factory=set)

    @property
    def ssrc(self) -> int:
        """The SSRC that the space's mix is sent with."""
        return self.id & 0xFFFFFFFF


class Registry:
    """All spaces of one node."""

    def __init__(self, draw: Callable[[], int]) -> None:
        """`draw` returns a random 32-bit number: peer ids must not meet across restarts."""
        self._draw = draw
        self._spaces: dict[str, Space] = {}
        self._slugs: dict[int, str] = {}
        self._closed: dict[int, str] = {}  # the last ones: goodbyes come after the closing

    def __iter__(self) -> Iterator[Space]:
        return iter(list(self._spaces.values()))

    def __len__(self) -> int:
        return len(self._spaces)

    def create(
        self,
        slug: str,
        *,
        now: float,
        title: str = "",
        open_stage: bool = False,
        music: bool = False,
    ) -> Space:
        """Open a space. Raises SpaceTakenError, InvalidRequestError, OverloadedError."""
        number = space_id(check_slug(slug))
        if slug in self._spaces or number in self._slugs:
            raise SpaceTakenError(f"There is a space called {slug} already.")
        if len(self._spaces) >= MAX_SPACES:
            raise OverloadedError("This node has as many spaces as it can carry.")
        title = clean_text(title, MAX_TITLE_CHARS) or slug
        space = Space(slug, number, title, open_stage, now, recording="", music=music)
        self._spaces[slug], self._slugs[number] = space, slug
        return space

    def close(self, slug: str) -> Space:
        """Forget a space and everybody in it. Raises UnknownSpaceError."""
        space = self.get(slug)
        del self._spaces[slug], self._slugs[space.id]
        self._closed[space.id] = slug
        if len(self._closed) > MAX_SPACES:
            del self._closed[next(iter(self._closed))]
        return space

    def get(self, slug: str) -> Space:
        """Return the space. Raises UnknownSpaceError."""
        try:
            return self._spaces[slug]
        except KeyError:
            raise UnknownSpaceError("There is no such space here.") from None

    def by_id(self, number: int) -> Space | None:
        """Return the space of a 64-bit id, if it is still open."""
        slug = self._slugs.get(number)
        return None if slug is None else self._spaces[slug]

    def slug_of(self, number: int) -> str:
        """Return the name of an open or lately closed space, or nothing."""
        return self._slugs.get(number) or self._closed.get(number, "")

    def invite(self, slug: str, role: Role, name: str, *, now: float, ttl: int) -> Grant:
        """Give a new person a peer id. Raises OverloadedError when there are too many."""
        space = self.get(slug)
        name = clean_text(name, MAX_NAME_CHARS) or "Guest"
        peer = self._draw()
        while peer == 0 or peer in space.people or peer in space.removed:
            peer = self._draw()
        return self.admit(Grant(slug, role, peer, name, int(now) + ttl), now=now)

    def admit(self, grant: Grant, *, now: float) -> Grant:
        """Let in who holds `grant`; the node may have been restarted since it was issued.

        Raises RemovedError for who was sent away, unless it was issued since.
        """
        space = self.get(grant.space)
        removal = space.removed.get(grant.peer)
        if removal and grant.issued < removal.at + SKEW_SECONDS:
            raise RemovedError("The host has removed you from this space.")
        space.removed.pop(grant.peer, None)
        if grant.peer not in space.people:
            self._make_room(space, now)
        person = Person(grant.peer, grant.name, grant.role, grant.expires, grant.identity)
        space.people[grant.peer] = person
        return grant

    def recall(self, slug: str, peer: int, *, expires: int) -> None:
        """Know somebody again who is inside, and was forgotten to make room."""
        someone = Person(peer, "Guest", Role.SPEAKER, expires)
        self.get(slug).people.setdefault(peer, someone)

    def recast(self, slug: str, peer: int, role: Role) -> None:
        """Note that somebody is something else now. Raises UnknownPeerError."""
        self.get(slug).people[peer] = replace(self.person(slug, peer), role=role)

    def remove(self, slug: str, peer: int, *, now: float) -> Person:
        """Refuse this person's tokens from before. Raises UnknownPeerError."""
        space = self.get(slug)
        person = self.person(slug, peer)
        del space.people[peer]
        space.removed[peer] = Removal(person, now)
        space.online.discard(peer)
        return person

    def forgive(self, slug: str, identity: str) -> None:
        """Refuse no longer who was sent away. Raises UnknownSpaceError."""
        space = self.get(slug)
        kept = space.removed.items()
        space.removed = {peer: one for peer, one in kept if one.person.who != identity}

    def peers_of(self, slug: str, identity: str) -> list[int]:
        """Return the numbers that somebody goes by. Raises UnknownSpaceError."""
        return [peer for peer, one in self.get(slug).people.items() if one.who == identity]

    def person(self, slug: str, peer: int) -> Person:
        """Return who goes by `peer`. Raises UnknownPeerError."""
        try:
            return self.get(slug).people[peer]
        except KeyError:
            raise UnknownPeerError("There is nobody of that number in this space.") from None

    def is_removed(self, number: int, peer: int) -> bool:
        """Whether somebody was sent away from the space of a 64-bit id."""
        space = self.by_id(number)
        return space is not None and peer in space.removed

    def note_presence(self, number: int, peer: int, *, online: bool) -> None:
        """Note what the media core says: connected people are not forgotten."""
        space = self.by_id(number)
        if space is not None and online and peer in space.people:
            space.online.add(peer)
        elif space is not None:
            space.online.discard(peer)

    def _make_room(self, space: Space, now: float) -> None:
        """Forget the older half of those who are not inside: their tokens still say who they are.

        So whoever draws invitations on an open stage by the thousand keeps nobody out.
        """
        if len(space.people) + len(space.removed) < MAX_PEOPLE:
            return
        space.removed = {peer: one for peer, one in space.removed.items() if one.over > now}
        outside = [peer for peer in space.people if peer not in space.online]
        for peer in outside[: len(outside) // 2 + 1]:
            del space.people[peer]
        if len(space.people) + len(space.removed) >= MAX_PEOPLE:
            raise OverloadedError("Too many people are in this space.")
