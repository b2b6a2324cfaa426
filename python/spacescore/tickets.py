"""What the doors hand out: a ticket to all who listen, an answer to who sent an offer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from spacescore.admission import cohort_of
from spacescore.policy import Role
from spacescore.sdp import Candidate
from spacescore.spaces import space_id

__all__ = ["Answer", "Ticket", "public_ticket"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """All that a page needs to listen without signalling; anybody may have it.

    The page writes the server's answer itself (`web/join.js`). `password` is the secret
    part: it is never sent over UDP.
    """

    space: str
    ticket: str  # 66 characters
    password: str  # the server's ICE password
    fingerprint: str  # "AB:CD:...", SHA-256 of the server's certificate
    candidates: tuple[Candidate, ...]  # best first
    ssrc: int
    cname: str
    expiry: int  # Unix seconds; entering later is refused, staying is not

    def to_dict(self) -> dict[str, Any]:
        """Return what `GET /api/spaces/{space}/ticket` answers."""
        return cast("dict[str, Any]", msgspec.to_builtins(self))


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an offer, and the session that began with it."""

    sdp: str
    session: str  # 24 hex digits, as events and `Engine.end_session` have it
    key: str  # 32 hex digits: guards the session's URL, see `sessions`
    etag: str
    space: str
    role: Role
    peer: int


def public_ticket(
    keys: Any,
    slug: str,
    fingerprint: str,
    candidates: Iterable[Candidate],
    expiry: int,
    *,
    peer: int = 0,
) -> Ticket:
    """Mint the ticket that everybody may have; with `peer`, one person's own.

    `keys` mints: a node, or bare ticket keys.
    """
    number = space_id(slug)
    own = {"peer": peer, "personal": True, "cohort": cohort_of(peer)} if peer else {}
    ticket = keys.mint(space=number, role=str(Role.LISTENER), expiry=expiry, **own)
    return Ticket(
        space=slug,
        ticket=ticket,
        password=keys.password(ticket),
        fingerprint=fingerprint,
        candidates=tuple(candidates),
        ssrc=number & 0xFFFFFFFF,
        cname=slug,
        expiry=expiry,
    )
