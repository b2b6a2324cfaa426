"""Who asks, and what they are in a space: who is let in, and with which rank.

The role of a person is what the space has made of them, and what their token says only as long
as nothing was decided about them: a demotion outlives the token that came before it. A removal does
so for every token of the same identity: one may have drawn others by it. What is issued later is a
new invitation, and whoever issues it knows.
"""

import math
from dataclasses import dataclass

from spacescore.errors import (
    BlockedError,
    ForbiddenError,
    RemovedError,
    UnauthenticatedError,
    UnknownPeerError,
)
from spacescore.policy import (
    Action,
    Caller,
    Grant,
    Operator,
    Rank,
    Role,
    may,
    require,
    require_space,
)
from spacescore.rooms.facts import Visibility
from spacescore.rooms.room import Person, Room
from spacescore.spaces import SKEW_SECONDS

__all__ = ["Case", "Patience", "admit", "rank_of", "require_listener"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for whom, in seconds."""

    seat: float = 60.0  # for anybody on stage but the host, and for who was let on it
    offer: float = 120.0  # for an answer to an invitation
    hand: float = 1_800.0  # a hand stays up
    again: float = 30.0  # after a hand was dismissed


@dataclass(frozen=True, slots=True)
class Case:
    """One command before the rules."""

    room: Room
    by: Caller
    now: float
    patience: Patience

    @property
    def rank(self) -> Rank | None:
        """What they are. Raises ForbiddenError for those kept out."""
        return rank_of(self.room, self.by)

    @property
    def grant(self) -> Grant:
        """Whoever acts for themselves, and has a voice or might get one."""
        if self.by is None:
            raise UnauthenticatedError("A bearer token is needed to take part.")
        if isinstance(self.by, Operator):
            raise ForbiddenError("The operator's key is nobody in a space: issue a token.")
        admit(self.room, self.by)
        return self.by

    def require(self, action: Action, target: Role | None = None) -> None:
        """Return if they may. Raises UnauthenticatedError, ForbiddenError."""
        require(self.rank, action, target)

    def person(self, peer: int, action: Action) -> Person:
        """Return to whom `action` is done, where it may be done to them.

        Who may not do it to anybody does not learn who is there.
        """
        rank, who = self.rank, self.room.people.get(peer)
        itself = isinstance(self.by, Grant) and self.by.peer == peer
        may_itself = itself and rank is not None and may(rank, action, itself=True)
        may_others = rank is not None and any(may(rank, action, role) for role in Role)
        if not may_itself and not may_others:
            require(rank, action, itself=itself)
        if who is None:
            raise UnknownPeerError("There is nobody of that number in this space.")
        if not may_itself:
            require(rank, action, who.role)
        return who


def rank_of(room: Room, by: Caller) -> Rank | None:
    """Return what `by` is in this space. Raises ForbiddenError for those kept out."""
    if not isinstance(by, Grant):
        return by
    admit(room, by)
    known = room.people.get(by.peer)
    return known.role if known else by.role


def admit(room: Room, grant: Grant) -> None:
    """Return if the holder of `grant` is let in. Raises ForbiddenError."""
    require_space(grant, room.slug)
    known = room.people.get(grant.peer)
    if grant.who in room.blocked:
        raise BlockedError("The host has blocked you from this space.")
    if grant.issued < room.removed.get(grant.who, -math.inf) + SKEW_SECONDS:
        raise RemovedError("The host has removed you from this space.")
    if known and known.identity != grant.who:
        raise ForbiddenError("This token's number is another person's here.")
    if grant.issued < room.since:
        raise ForbiddenError("This token was for an earlier space of the same name.")


def require_listener(room: Room, by: Caller) -> Grant | None:
    """Return who listens by name, or nobody. Raises where a token is needed, or no good."""
    if isinstance(by, Grant):
        admit(room, by)
        return by
    if by is None and room.details.visibility is Visibility.INVITE:
        raise UnauthenticatedError("This space is by invitation: a bearer token is needed.")
    return None
