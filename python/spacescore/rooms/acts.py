"""What a fact amounts to for those who read of it later: who did what to whom, by name.

The audit log and the webhooks are told acts. Each follows from a fact and the room before it, by
one table in which no kind of fact may be missing, so nothing that happens is left out by whoever
writes a new rule. What moderation means stands here as well: an act on others, or on the space.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from spacescore.policy import Role
from spacescore.rooms import facts
from spacescore.rooms.facts import Fact
from spacescore.rooms.room import Room

__all__ = ["QUIET", "Act", "Party", "act_of", "is_moderation", "what_of"]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody in an act; a peer id of 0 and no name where there is none."""

    identity: str = ""  # or "operator", "node"
    name: str = ""
    peer: int = 0


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the log."""

    id: str  # in the order of their time
    at: float
    space: str
    key: str  # of the space, which its name may outlive
    what: str
    by: Party
    whom: Party = Party()
    detail: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = "done"  # or why not


def _promoted(room: Room, fact: Any) -> str:
    known, ranks = room.people.get(fact.peer), list(Role)
    before = known.role if known else Role.LISTENER
    return f"person.{'promoted' if ranks.index(fact.role) > ranks.index(before) else 'demoted'}"


_WHAT: Mapping[type[Fact], str | Callable[[Room, Any], str]] = {
    facts.Created: "space.planned",
    facts.Edited: "space.edited",
    facts.Opened: "space.opened",
    facts.Ended: "space.ended",
    facts.Came: "person.known",
    facts.Forgotten: "person.forgotten",
    facts.Seated: "speaker.seated",
    facts.Connected: "speaker.joined",
    facts.Disconnected: "speaker.lost",
    facts.LeftStage: "speaker.left",
    facts.RoleGiven: _promoted,
    facts.HostNamed: "host.named",
    facts.HandRaised: "hand.raised",
    facts.HandLowered: "hand.lowered",
    facts.StageOffered: "offer.made",
    facts.OfferEnded: "offer.ended",
    facts.Muted: "speaker.muted",
    facts.Unmuted: "speaker.unmuted",
    facts.Removed: "person.removed",
    facts.Blocked: "person.blocked",
    facts.Unblocked: "person.unblocked",
    facts.LinkMade: "invite.made",
    facts.LinkUsed: "invite.used",
    facts.LinkRevoked: "invite.revoked",
    facts.Pinned: "links.pinned",
    facts.DoorKept: "door.kept",
}
# The books' own: they say nothing that another act does not, once for each who comes.
QUIET = frozenset({"person.known", "person.forgotten", "speaker.seated"})
# What people do for themselves, or time does; everything else is moderation.
_OWN = frozenset(
    {"speaker.joined", "speaker.lost", "speaker.left", "hand.raised", "offer.ended", "invite.used"}
)
_HIDDEN = frozenset({"peer", "identity", "name", "digest", "peers", "slug", "since"})


def what_of(room: Room, fact: Fact) -> str:
    """Return the name of what happens to a room by a fact."""
    what = _WHAT[type(fact)]
    return what if isinstance(what, str) else what(room, fact)


def act_of(room: Room, fact: Fact, by: Party, *, number: str, at: float, key: str) -> Act:
    """Return what `fact` is, with the names that the room before it knows."""
    slug = room.slug or getattr(fact, "slug", "")
    detail = {name: value for name, value in asdict(fact).items() if name not in _HIDDEN}
    return Act(number, at, slug, key, what_of(room, fact), by, _whom(room, fact), detail)


def is_moderation(act: Act) -> bool:
    """Whether an act belongs into the audit log."""
    if act.what in QUIET or act.what in _OWN:
        return False
    if act.by.identity == "node":  # time, and what follows by the rules
        return act.what in ("host.named", "space.opened", "space.ended")
    return not act.whom.peer or act.by.peer != act.whom.peer


def _whom(room: Room, fact: Fact) -> Party:
    peer = getattr(fact, "peer", 0)
    known = room.people.get(peer)
    if known:
        return Party(known.identity, known.name, peer)
    identity = getattr(fact, "identity", "")
    name = getattr(fact, "name", "") or room.blocked.get(identity, "")
    return Party(identity, name, peer)
