"""What people ask of a space: values, each a right command or none at all.

What must be drawn (a peer id, the digest of a link's code) is drawn by whoever sends the
command, so deciding is deterministic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spacescore.policy import Grant, Role
from spacescore.rooms.facts import Details, Pin

__all__ = [
    "AnswerOffer",
    "Block",
    "Command",
    "Create",
    "Edit",
    "End",
    "EnterStage",
    "GiveRole",
    "HandOver",
    "KeepDoor",
    "LowerHand",
    "MakeLink",
    "Meet",
    "Mute",
    "MuteAll",
    "Note",
    "OfferStage",
    "Open",
    "PinLinks",
    "RaiseHand",
    "Remove",
    "RevokeLink",
    "Unblock",
    "UseLink",
]


@dataclass(frozen=True, slots=True)
class Create:
    """Plan a space. `host`: who is in charge of it. `since`: when its name was last given up."""

    slug: str
    details: Details
    host: Grant | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Edit:
    """Change some of the fields of `Details`."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Open:
    """Open the doors."""


@dataclass(frozen=True, slots=True)
class End:
    """End it for everybody."""


@dataclass(frozen=True, slots=True)
class Meet:
    """Know somebody by name whom the media core knows already."""

    grant: Grant


@dataclass(frozen=True, slots=True)
class EnterStage:
    """Take one's own seat on stage."""


@dataclass(frozen=True, slots=True)
class RaiseHand:
    """Ask to speak."""


@dataclass(frozen=True, slots=True)
class LowerHand:
    """Withdraw one's own hand, or dismiss another's."""

    peer: int


@dataclass(frozen=True, slots=True)
class OfferStage:
    """Invite somebody to speak; where a hand is up, let them speak at once."""

    peer: int


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """Accept or decline."""

    accept: bool


@dataclass(frozen=True, slots=True)
class GiveRole:
    """Promote a speaker to co-host, demote a co-host to speaker, a speaker to listener."""

    peer: int
    role: Role


@dataclass(frozen=True, slots=True)
class Mute:
    """Mute or unmute one."""

    peer: int
    muted: bool = True


@dataclass(frozen=True, slots=True)
class MuteAll:
    """Mute everybody on stage whom one may mute, but oneself."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Send somebody away; a new invitation lets them in again."""

    peer: int


@dataclass(frozen=True, slots=True)
class Block:
    """Send somebody away for good, and revoke the link by which they came, if it was theirs.

    with_link: revoke it even if it was made for many.
    """

    peer: int
    with_link: bool = False


@dataclass(frozen=True, slots=True)
class Unblock:
    """Let an identity come again."""

    identity: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """Put another in charge."""

    peer: int


@dataclass(frozen=True, slots=True)
class MakeLink:
    """Make an invite link. `digest`: of its code, in hex."""

    link: str
    digest: str
    role: Role
    expires: int
    uses: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class UseLink:
    """Come by a link, as `peer`; `identity` is one's own already, or drawn."""

    digest: str
    peer: int
    identity: str
    name: str


@dataclass(frozen=True, slots=True)
class RevokeLink:
    """Make a link useless."""

    link: str


@dataclass(frozen=True, slots=True)
class PinLinks:
    """Show everybody these links, and no others."""

    pins: tuple[Pin, ...]


@dataclass(frozen=True, slots=True)
class KeepDoor:
    """Let listeners in another way. `seconds`: of "paced"."""

    mode: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Note:
    """Look at the clock, and at who is connected. Nobody's command: the node's own."""

    online: frozenset[int]


Command = (
    Create
    | Edit
    | Open
    | End
    | Meet
    | EnterStage
    | RaiseHand
    | LowerHand
    | OfferStage
    | AnswerOffer
    | GiveRole
    | Mute
    | MuteAll
    | Remove
    | Block
    | Unblock
    | HandOver
    | MakeLink
    | UseLink
    | RevokeLink
    | PinLinks
    | KeepDoor
    | Note
)
