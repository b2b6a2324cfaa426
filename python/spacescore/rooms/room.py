"""The state of a space: a pure fold over its facts.

`after` returns another room and leaves the one before as it was, so that whoever decides
on one is not disturbed. It never refuses: what is written down has happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from spacescore.policy import Role
from spacescore.rooms import facts
from spacescore.rooms.facts import Details, DoorKept, Fact, Pin

__all__ = ["Link", "Person", "Phase", "Room"]

MAX_SENT_AWAY = 50  # whose pages are still told; whoever asks later is told anyhow


class Phase(StrEnum):
    """Where a space is in its life."""

    PLANNED = "planned"  # a draft; scheduled, where it says when it starts
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known by name."""

    peer: int
    identity: str
    name: str
    role: Role
    expires: int
    link: str = ""
    since: float = 0.0  # when they got the role
    muted: bool = False
    came_as: Role = Role.LISTENER  # what their token says


@dataclass(frozen=True, slots=True)
class Link:
    """A way in for as many as `uses` says, until `expires`."""

    digest: str
    role: Role
    expires: int
    uses: int
    name: str = ""
    used: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """One space, as its facts have made it."""

    slug: str = ""
    version: int = 0  # how many facts
    phase: Phase = Phase.PLANNED
    details: Details = field(default_factory=lambda: Details(""))
    since: float = 0.0
    created: float = 0.0
    opened: float = 0.0
    ended: float = 0.0
    host: int = 0  # who is in charge; 0: nobody yet
    people: Mapping[int, Person] = field(default_factory=dict)
    seats: Mapping[int, float] = field(default_factory=dict)  # 0: connected, else absent since
    hands: Mapping[int, float] = field(default_factory=dict)  # raised when, in their order
    dismissed: Mapping[int, float] = field(default_factory=dict)  # hand lowered by a host, when
    offers: Mapping[int, float] = field(default_factory=dict)  # invited to speak, when
    removed: Mapping[str, float] = field(default_factory=dict)  # identity -> sent away when
    sent_away: tuple[int, ...] = ()  # the last of them, in their order
    blocked: Mapping[str, str] = field(default_factory=dict)  # identity -> name
    links: Mapping[str, Link] = field(default_factory=dict)
    pins: tuple[Pin, ...] = ()
    door: DoorKept | None = None  # nobody kept it
    door_kept: float = 0.0  # when

    @classmethod
    def of(cls, history: Iterable[tuple[Fact, float]]) -> "Room":
        """Fold facts, each with its time, into a room."""
        room = cls()
        for fact, at in history:
            room = room.after(fact, at)
        return room

    def after(self, fact: Fact, at: float) -> "Room":
        """Return the room as it is once `fact` has happened."""
        changes = _CHANGES[type(fact)](self, fact, at)
        return replace(self, version=self.version + 1, **changes)

    @property
    def cohosts(self) -> list[Person]:
        """Who may take over, the longest in office first."""
        found = (person for person in self.people.values() if person.role is Role.COHOST)
        return sorted(found, key=lambda person: person.since)

    def is_here(self, peer: int) -> bool:
        """Whether they are on stage and connected."""
        return self.seats.get(peer) == 0.0


Changes = dict[str, Any]


def _without(mapping: Mapping[Any, Any], key: Any) -> dict[Any, Any]:
    return {each: value for each, value in mapping.items() if each != key}


def _with(mapping: Mapping[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    return {**mapping, key: value}


def _person(room: Room, peer: int, **changes: Any) -> dict[int, Person]:
    known = room.people.get(peer)
    return _with(room.people, peer, replace(known, **changes)) if known else dict(room.people)


def _created(room: Room, fact: facts.Created, at: float) -> Changes:
    return {"slug": fact.slug, "details": fact.details, "since": fact.since, "created": at}


def _ended(room: Room, fact: facts.Ended, at: float) -> Changes:
    return {"phase": Phase.ENDED, "ended": at, "seats": {}, "hands": {}, "offers": {}}


def _came(room: Room, fact: facts.Came, at: float) -> Changes:
    person = Person(
        fact.peer,
        fact.identity,
        fact.name,
        fact.role,
        fact.expires,
        fact.link,
        since=at,
        came_as=fact.role,
    )
    return {"people": _with(room.people, fact.peer, person)}


def _forgotten(room: Room, fact: facts.Forgotten, at: float) -> Changes:
    gone = frozenset(fact.peers)
    return {"people": {peer: who for peer, who in room.people.items() if peer not in gone}}


def _role_given(room: Room, fact: facts.RoleGiven, at: float) -> Changes:
    seats = dict(room.seats)
    if not fact.role.speaks:
        seats.pop(fact.peer, None)
    return {"people": _person(room, fact.peer, role=fact.role, since=at), "seats": seats}


def _host_named(room: Room, fact: facts.HostNamed, at: float) -> Changes:
    people = dict(room.people)
    for peer, person in room.people.items():
        if peer == fact.peer:
            people[peer] = replace(person, role=Role.HOST, since=at)
        elif person.role is Role.HOST:
            people[peer] = replace(person, role=Role.COHOST, since=at)
    return {"host": fact.peer, "people": people}


def _removed(room: Room, fact: facts.Removed, at: float) -> Changes:
    gone = {
        name: _without(getattr(room, name), fact.peer)
        for name in ("people", "seats", "hands", "offers")
    }
    host = 0 if room.host == fact.peer else room.host
    known = room.people.get(fact.peer)
    identity = fact.identity or (known.identity if known else f"#{fact.peer}")
    sent_away = (*room.sent_away, fact.peer)[-MAX_SENT_AWAY:]
    removed = _with(room.removed, identity, at)
    return {**gone, "host": host, "removed": removed, "sent_away": sent_away}


def _unblocked(room: Room, fact: facts.Unblocked, at: float) -> Changes:
    return {name: _without(getattr(room, name), fact.identity) for name in ("blocked", "removed")}


def _hand_lowered(room: Room, fact: facts.HandLowered, at: float) -> Changes:
    changes: Changes = {"hands": _without(room.hands, fact.peer)}
    if fact.why == "dismissed":
        known = {peer: when for peer, when in room.dismissed.items() if peer in room.people}
        changes["dismissed"] = _with(known, fact.peer, at)
    return changes


def _link_made(room: Room, fact: facts.LinkMade, at: float) -> Changes:
    link = Link(fact.digest, fact.role, fact.expires, fact.uses, fact.name)
    return {"links": _with(room.links, fact.link, link)}


def _link_used(room: Room, fact: facts.LinkUsed, at: float) -> Changes:
    link = room.links[fact.link]
    return {"links": _with(room.links, fact.link, replace(link, used=link.used + 1))}


_CHANGES: Mapping[type[Fact], Any] = {
    facts.Created: _created,
    facts.Edited: lambda room, fact, at: {"details": fact.details},
    facts.Opened: lambda room, fact, at: {"phase": Phase.OPEN, "opened": at},
    facts.Ended: _ended,
    facts.Came: _came,
    facts.Forgotten: _forgotten,
    facts.Seated: lambda room, fact, at: {"seats": _with(room.seats, fact.peer, at)},
    facts.Connected: lambda room, fact, at: {"seats": _with(room.seats, fact.peer, 0.0)},
    facts.Disconnected: lambda room, fact, at: {"seats": _with(room.seats, fact.peer, at)},
    facts.LeftStage: lambda room, fact, at: {"seats": _without(room.seats, fact.peer)},
    facts.RoleGiven: _role_given,
    facts.HostNamed: _host_named,
    facts.HandRaised: lambda room, fact, at: {"hands": _with(room.hands, fact.peer, at)},
    facts.HandLowered: _hand_lowered,
    facts.StageOffered: lambda room, fact, at: {"offers": _with(room.offers, fact.peer, at)},
    facts.OfferEnded: lambda room, fact, at: {"offers": _without(room.offers, fact.peer)},
    facts.Muted: lambda room, fact, at: {"people": _person(room, fact.peer, muted=True)},
    facts.Unmuted: lambda room, fact, at: {"people": _person(room, fact.peer, muted=False)},
    facts.Removed: _removed,
    facts.Blocked: lambda room, fact, at: {
        "blocked": _with(room.blocked, fact.identity, fact.name)
    },
    facts.Unblocked: _unblocked,
    facts.LinkMade: _link_made,
    facts.LinkUsed: _link_used,
    facts.LinkRevoked: lambda room, fact, at: {"links": _without(room.links, fact.link)},
    facts.DoorKept: lambda room, fact, at: {"door": fact, "door_kept": at},
    facts.Pinned: lambda room, fact, at: {"pins": fact.pins},
}
