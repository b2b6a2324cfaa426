"""What has happened in a space: values that are written down and never changed.

A fact says what is so, not what was asked for. It is stored as the name of its class and a
JSON object of its fields, so a field may be added with a default, and none renamed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from spacescore.errors import StoreError
from spacescore.policy import Role

__all__ = [
    "Blocked",
    "Came",
    "Connected",
    "Created",
    "Details",
    "Disconnected",
    "DoorKept",
    "Edited",
    "Ended",
    "Fact",
    "Forgotten",
    "HandLowered",
    "HandRaised",
    "HostNamed",
    "LeftStage",
    "LinkMade",
    "LinkRevoked",
    "LinkUsed",
    "Muted",
    "OfferEnded",
    "Opened",
    "Pin",
    "Pinned",
    "Removed",
    "RoleGiven",
    "Seated",
    "StageOffered",
    "Unblocked",
    "Unmuted",
    "Visibility",
    "dump",
    "load",
    "load_details",
]

SPEAKERS = 13  # a host, two co-hosts and ten speakers
GRACE_SECONDS = 60


class Visibility(StrEnum):
    """Who finds a space, and who may listen."""

    PUBLIC = "public"  # listed
    UNLISTED = "unlisted"  # open to whoever has the link
    INVITE = "invite"  # a token is needed to listen


@dataclass(frozen=True, slots=True)
class Details:
    """What a space says of itself."""

    title: str
    description: str = ""
    topics: tuple[str, ...] = ()
    language: str = ""  # BCP 47
    visibility: Visibility = Visibility.PUBLIC
    open_stage: bool = False
    max_speakers: int = SPEAKERS
    record: bool = True
    starts: int = 0  # Unix seconds; 0: not scheduled
    music: bool = False  # in stereo, from when it opens
    auto_open: bool = False  # by itself, when it starts
    grace: int = GRACE_SECONDS  # for a host whose connection is lost; then a co-host takes over
    keep_days: int = 0  # then its recording is deleted; 0: when the node deletes it
    show_names: bool = True  # everybody sees some of the listeners who took part by name


@dataclass(frozen=True, slots=True)
class Pin:
    """A link that everybody is shown."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Created:
    """A space was planned."""

    slug: str
    details: Details
    since: float = 0.0  # tokens from before open nothing: the name had been another space's


@dataclass(frozen=True, slots=True)
class Edited:
    """It says something else of itself."""

    details: Details


@dataclass(frozen=True, slots=True)
class Opened:
    """The doors are open."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over for everybody."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """Somebody is known by name from now on."""

    peer: int
    identity: str
    name: str
    role: Role
    expires: int
    link: str = ""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """They are no longer kept in mind: their tokens still say who they are."""

    peers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Seated:
    """A seat on stage is theirs; they are about to connect."""

    peer: int


@dataclass(frozen=True, slots=True)
class Connected:
    """They are on stage and can be heard."""

    peer: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Their connection is lost; the seat is kept for a while."""

    peer: int


@dataclass(frozen=True, slots=True)
class LeftStage:
    """The seat is free again."""

    peer: int


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """They are something else now."""

    peer: int
    role: Role


@dataclass(frozen=True, slots=True)
class HostNamed:
    """The space is in other hands; who was its host is a co-host."""

    peer: int
    why: str = ""  # "handed over", "took over"


@dataclass(frozen=True, slots=True)
class HandRaised:
    """They want to speak."""

    peer: int


@dataclass(frozen=True, slots=True)
class HandLowered:
    """They no longer ask: withdrawn, dismissed, granted, expired."""

    peer: int
    why: str = "withdrawn"


@dataclass(frozen=True, slots=True)
class StageOffered:
    """They are invited to speak."""

    peer: int


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """The invitation is answered, or has run out."""

    peer: int
    why: str = "declined"


@dataclass(frozen=True, slots=True)
class Muted:
    """Nobody hears them."""

    peer: int


@dataclass(frozen=True, slots=True)
class Unmuted:
    """They may be heard again."""

    peer: int


@dataclass(frozen=True, slots=True)
class Removed:
    """They were sent away, and no token of theirs from before opens anything."""

    peer: int
    identity: str = ""  # empty in what was written before it was said


@dataclass(frozen=True, slots=True)
class Blocked:
    """No token of theirs opens anything here."""

    identity: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Unblocked:
    """They may come again."""

    identity: str


@dataclass(frozen=True, slots=True)
class LinkMade:
    """A link lets people in. Only a digest of its code is known here."""

    link: str
    digest: str
    role: Role
    expires: int
    uses: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class LinkUsed:
    """Somebody came by it."""

    link: str
    peer: int


@dataclass(frozen=True, slots=True)
class LinkRevoked:
    """It opens nothing any more."""

    link: str


@dataclass(frozen=True, slots=True)
class Pinned:
    """Everybody is shown these links, and no others."""

    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True)
class DoorKept:
    """Listeners are let in another way: see `admission`."""

    mode: str
    seconds: float = 0.0  # of "paced"


Fact = (
    Created
    | Edited
    | Opened
    | Ended
    | Came
    | Forgotten
    | Seated
    | Connected
    | Disconnected
    | LeftStage
    | RoleGiven
    | HostNamed
    | HandRaised
    | HandLowered
    | StageOffered
    | OfferEnded
    | Muted
    | Unmuted
    | Removed
    | Blocked
    | Unblocked
    | LinkMade
    | LinkUsed
    | LinkRevoked
    | Pinned
    | DoorKept
)
_KINDS: Mapping[str, type[Fact]] = {kind.__name__: kind for kind in Fact.__args__}


def dump(fact: Fact) -> tuple[str, str]:
    """Return the kind and the JSON text of a fact."""
    return type(fact).__name__, json.dumps(asdict(fact), ensure_ascii=False, separators=(",", ":"))


def load(kind: str, body: str) -> Fact:
    """Read what `dump` wrote. Raises StoreError for what a later version wrote."""
    try:
        known = _KINDS[kind]
        values = json.loads(body)
        return known(
            **{
                each.name: _value(each.name, values[each.name])
                for each in fields(known)
                if each.name in values
            }
        )
    except (LookupError, TypeError, ValueError) as error:
        raise StoreError(f"The store holds a {kind} that this version cannot read.") from error


def _value(name: str, value: Any) -> Any:
    match name:
        case "role":
            return Role(value)
        case "details":
            return load_details(value)
        case "pins":
            return tuple(Pin(str(each["title"]), str(each["url"])) for each in value)
        case "peers":
            return tuple(value)
    return value


def load_details(values: Mapping[str, Any]) -> Details:
    """Read the fields of `Details`, as JSON has them."""
    known = {each.name: values[each.name] for each in fields(Details) if each.name in values}
    known["topics"] = tuple(known.get("topics", ()))
    known["visibility"] = Visibility(known.get("visibility", Visibility.PUBLIC))
    return Details(**known)
