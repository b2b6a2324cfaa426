"""People over HTTP: tokens and links, hands, roles, and keeping order.

What somebody does for themselves needs their own token; the rest a host's, a co-host's or
the operator's. What is answered with a token is never stored by a cache.
"""

import hashlib
import secrets
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.api import NOT_STORED, link_of
from spacescore.desk import Desk, act, desk_of, resource
from spacescore.errors import (
    ForbiddenError,
    InvalidRequestError,
    UnauthenticatedError,
    UnknownPeerError,
    UnknownSpaceError,
    WrongMomentError,
)
from spacescore.figures import read_count
from spacescore.policy import Action, Grant, Role, require
from spacescore.reading import Fields, read_json
from spacescore.rooms.acts import Party
from spacescore.rooms.commands import (
    AnswerOffer,
    Block,
    GiveRole,
    HandOver,
    LowerHand,
    MakeLink,
    Mute,
    MuteAll,
    OfferStage,
    RaiseHand,
    Remove,
    RevokeLink,
    Unblock,
    UseLink,
)
from spacescore.rooms.lifetime import MAX_TTL_SECONDS, begin, expiry, renewed
from spacescore.rooms.room import Phase, Room
from spacescore.rooms.standing import admit, rank_of, require_listener
from spacescore.spaces import MAX_NAME_CHARS, clean_text
from spacescore.tokens import draw_peer

__all__ = ["routes", "shown_person"]

LINK_SECONDS = 7 * 86_400
CODE_BYTES = 16
SHOWN_LISTENERS = 50


def routes() -> list[Route]:
    """Return the table."""
    one = "/api/spaces/{space}"
    return [
        resource(f"{one}/tokens", {"POST": issue_token}),
        resource(f"{one}/stage", {"POST": enter_stage}),
        resource(f"{one}/people", {"GET": list_people, "POST": introduce}),
        resource(f"{one}/me", {"GET": show_me}),
        resource(f"{one}/hand", {"PUT": raise_hand, "DELETE": withdraw_hand}),
        resource(f"{one}/hands/{{peer}}", {"DELETE": dismiss_hand}),
        resource(f"{one}/offer", {"POST": answer_offer}),
        resource(f"{one}/people/{{peer}}/offer", {"POST": offer_stage}),
        resource(f"{one}/people/{{peer}}/role", {"PUT": give_role}),
        resource(f"{one}/people/{{peer}}/block", {"POST": block}),
        resource(f"{one}/speakers/{{peer}}", {"DELETE": remove_speaker}),
        resource(f"{one}/speakers/{{peer}}/mute", {"POST": mute_speaker}),
        resource(f"{one}/mute", {"POST": mute_all}),
        resource(f"{one}/blocked/{{identity:path}}", {"DELETE": unblock}),
        resource(f"{one}/host", {"PUT": hand_over}),
        resource(f"{one}/links", {"POST": make_link}),
        resource(f"{one}/links/use", {"POST": use_link}),
        resource(f"{one}/links/{{link}}", {"DELETE": revoke_link}),
    ]


# Coming in.


async def issue_token(request: Request) -> Response:
    """Invite somebody: a token, and the link that carries it."""
    desk, slug = desk_of(request), request.path_params["space"]
    room, caller = await desk.office.room(slug), desk.caller(request)
    rank = rank_of(room, caller)
    require(rank, Action.ISSUE_TOKEN, Role.LISTENER)
    await desk.pace_one(caller)
    fields = await read_json(request)
    expires = _asked_expiry(fields, room, desk.clock())
    role = _role(fields.text("role", Role.SPEAKER))
    require(rank, Action.ISSUE_TOKEN, role)
    first = fields.flag("first") or role.speaks
    grant = _new_grant(desk, room, role, fields.text("name"), expires, first=first)
    whom = Party(grant.who, grant.name, grant.peer)
    await desk.office.note(slug, "token.given", caller, whom, role=role, expires=grant.expires)
    return _token(desk, request, grant)


async def enter_stage(request: Request) -> Response:
    """Let anybody speak, where the stage is open."""
    desk, slug = desk_of(request), request.path_params["space"]
    room = await desk.office.room(slug)
    if not room.details.open_stage:
        raise ForbiddenError("This stage is by invitation: ask the host for a speaker's link.")
    return await _introduced(request, room, Role.SPEAKER)


async def introduce(request: Request) -> Response:
    """Give a listener a name, and a token to ask for the stage with."""
    desk = desk_of(request)
    room = await desk.office.room(request.path_params["space"])
    require_listener(room, desk.caller(request))
    return await _introduced(request, room, Role.LISTENER)


async def _introduced(request: Request, room: Room, role: Role) -> Response:
    """Whoever has a token keeps their identity: a block is not shaken off by a new name."""
    desk = desk_of(request)
    caller = desk.caller(request)
    identity = caller.who if isinstance(caller, Grant) else ""
    await desk.pace(request)
    network, key = desk.network(request), await desk.office.key(room.slug)
    if caller is None:
        await desk.office.backplane.check_network(key, network, desk.clock())
    name = (await read_json(request)).text("name")
    grant = _new_grant(desk, room, role, name, expiry(room, desk.clock()), identity)
    admit(room, grant)
    await desk.office.backplane.came(key, grant.who, network)
    return _token(desk, request, grant)


async def make_link(request: Request) -> Response:
    """Make an invite link for as many as `uses` says, for `ttl` seconds from the start on."""
    desk, slug = desk_of(request), request.path_params["space"]
    room = await desk.office.room(slug)
    caller, fields = desk.caller(request), await read_json(request)
    await desk.pace_one(caller)
    code, link = secrets.token_urlsafe(CODE_BYTES), secrets.token_hex(4)
    expires = begin(room, desk.clock()) + fields.number("ttl", LINK_SECONDS)
    role = _role(fields.text("role", Role.SPEAKER))
    uses, name = fields.number("uses", 1), fields.text("name")
    command = MakeLink(link, _digest(code), role, expires, uses, name)
    await desk.office.do(slug, command, caller)
    body = {
        "id": link,
        "code": code,
        "role": role,
        "uses": uses,
        "expires": expires,
        "link": desk.url(request, f"/s/{slug}#invite={code}"),
    }
    return JSONResponse(body, 201, NOT_STORED)


async def use_link(request: Request) -> Response:
    """Take the code of an invite link for a token."""
    desk, slug = desk_of(request), request.path_params["space"]
    room = await desk.office.room(slug)
    await desk.pace(request)
    caller, fields = desk.caller(request), await read_json(request)
    name = clean_text(fields.text("name"), MAX_NAME_CHARS) or "Guest"
    digest, now = _digest(fields.text("code")), desk.clock()
    to_speak = any(each.digest == digest and each.role.speaks for each in room.links.values())
    peer = draw_peer(first=to_speak)
    identity = caller.who if isinstance(caller, Grant) else f"#{peer}"
    command = UseLink(digest, peer, identity, name)
    room = await desk.office.do(slug, command, caller)
    link, found = next((i, each) for i, each in room.links.items() if each.digest == digest)
    own = "" if identity == f"#{peer}" else identity
    name = found.name or name
    grant = Grant(slug, found.role, peer, name, expiry(room, now), own, link, issued=now)
    return _token(desk, request, grant)


async def revoke_link(request: Request) -> Response:
    """Make an invite link useless; who came by it stays."""
    await act(request, RevokeLink(request.path_params["link"]))
    return Response(status_code=204)


# Hands.


async def show_me(request: Request) -> Response:
    """What the holder of a token is here now: their role, place in the queue, invitation.

    Whoever the room knows gets another token before theirs runs out.
    """
    desk, now = desk_of(request), desk_of(request).clock()
    room, own = await desk.office.room(request.path_params["space"]), _own(request)
    found = _me(room, own)
    desk.seen.note(room.slug, own.peer, now)
    if longer := renewed(room, own, now):
        found |= {"token": desk.keys.issue(longer, now=now), "expires": longer.expires}
    return JSONResponse(found, headers=NOT_STORED)


async def raise_hand(request: Request) -> Response:
    """Ask to speak."""
    room = await act(request, RaiseHand())
    return JSONResponse(_me(room, _own(request)), headers=NOT_STORED)


async def withdraw_hand(request: Request) -> Response:
    """Ask no longer."""
    desk = desk_of(request)
    room, grant = await desk.office.room(request.path_params["space"]), _own(request)
    admit(room, grant)
    if grant.peer in room.hands:
        await act(request, LowerHand(grant.peer))
    return Response(status_code=204)


async def dismiss_hand(request: Request) -> Response:
    """Lower somebody's hand; they may raise it again after half a minute."""
    await _do_to(request, LowerHand(_peer(request)))
    return Response(status_code=204)


async def offer_stage(request: Request) -> Response:
    """Invite a listener to speak; whose hand is up is on stage at once."""
    peer = _peer(request)
    room = await _do_to(request, OfferStage(peer))
    return JSONResponse(shown_person(room, peer), headers=NOT_STORED)


async def answer_offer(request: Request) -> Response:
    """Accept or decline an invitation to speak."""
    desk = desk_of(request)
    await desk.office.room(request.path_params["space"])
    accept = (await read_json(request)).flag("accept", default=True)
    room = await act(request, AnswerOffer(accept))
    return JSONResponse(_me(room, _own(request)), headers=NOT_STORED)


# Keeping order.


async def list_people(request: Request) -> Response:
    """For hosts: who is on stage, the queue, invitations, links, and who is blocked."""
    desk = desk_of(request)
    require(await desk.rank(request, request.path_params["space"]), Action.SEE_PEOPLE)
    room = await desk.office.room(request.path_params["space"])
    links = [
        {"id": name, "role": link.role, "name": link.name, "expires": link.expires}
        | {"uses": link.uses, "used": link.used}
        for name, link in room.links.items()
    ]
    blocked = [{"identity": key, "name": name} for key, name in room.blocked.items()]
    body = {
        "host": room.host,
        "stage": [shown_person(room, peer) for peer in room.seats if peer in room.people],
        "hands": [shown_person(room, peer) for peer in room.hands if peer in room.people],
        "offers": [shown_person(room, peer) for peer in room.offers if peer in room.people],
        "cohosts": [shown_person(room, who.peer) for who in room.cohosts],
        "audience": [shown_person(room, peer) for peer in _audience(room)],
        "links": links,
        "blocked": blocked,
    }
    return JSONResponse(body, headers=NOT_STORED)


async def give_role(request: Request) -> Response:
    """Promote to co-host, let a raised hand speak, or demote; anybody may step down."""
    peer = _peer(request)
    desk = desk_of(request)
    await desk.office.room(request.path_params["space"])
    role = _role((await read_json(request)).text("role"))
    if role is Role.HOST:
        raise WrongMomentError("A host is made by handing over: PUT .../host.")
    room = await _do_to(request, GiveRole(peer, role))
    return JSONResponse(shown_person(room, peer), headers=NOT_STORED)


async def hand_over(request: Request) -> Response:
    """Put somebody on stage in charge; who was the host is a co-host then."""
    await desk_of(request).office.room(request.path_params["space"])
    peer = (await read_json(request)).number("peer", 0)
    room = await _do_to(request, HandOver(peer))
    return JSONResponse(shown_person(room, peer), headers=NOT_STORED)


async def mute_speaker(request: Request) -> Response:
    """Mute or unmute: the host anybody, a speaker themselves."""
    peer, desk = _peer(request), desk_of(request)
    slug = request.path_params["space"]
    await desk.office.room(slug)
    muted = (await read_json(request)).flag("muted", default=True)
    await _do_to(request, Mute(peer, muted))
    # The books may have said so already, and the core not; or another node's core is to do it.
    with suppress(UnknownPeerError, UnknownSpaceError):
        desk.engine.mute(slug, peer, muted)
    return JSONResponse({"peer": peer, "muted": muted})


async def mute_all(request: Request) -> Response:
    """Mute everybody on stage but oneself, and those of one's own rank."""
    room = await act(request, MuteAll())
    muted = [peer for peer in room.seats if peer in room.people and room.people[peer].muted]
    return JSONResponse({"muted": muted}, headers=NOT_STORED)


async def remove_speaker(request: Request) -> Response:
    """Send somebody away; their token opens nothing here any more."""
    await _do_to(request, Remove(_peer(request)))
    return Response(status_code=204)


async def block(request: Request) -> Response:
    """Send somebody away for good: no token of theirs, and no personal link, lets them in."""
    desk, slug = desk_of(request), request.path_params["space"]
    await desk.office.room(slug)
    with_link = (await read_json(request)).flag("with_link")
    peer = _peer(request)
    known = (await desk.office.room(slug)).people.get(peer)
    room = await _do_to(request, Block(peer, with_link))
    who = known.identity if known else f"#{peer}"
    if who in room.blocked:
        await desk.office.backplane.shun(await desk.office.key(slug), who, desk.clock())
    return Response(status_code=204)


async def unblock(request: Request) -> Response:
    """Let somebody come again."""
    identity, office = request.path_params["identity"], desk_of(request).office
    await act(request, Unblock(identity))
    await office.backplane.forgive(await office.key(request.path_params["space"]), identity)
    return Response(status_code=204)


# The work of all of them.


async def _do_to(request: Request, command: Any) -> Room:
    desk, slug = desk_of(request), request.path_params["space"]
    caller = desk.caller(request)
    await desk.pace_one(caller)
    return await desk.office.about(slug, command.peer, command, caller)


def _own(request: Request) -> Grant:
    caller = desk_of(request).caller(request)
    if isinstance(caller, Grant):
        return caller
    raise UnauthenticatedError("A token of your own is needed: the operator's key is nobody.")


def _peer(request: Request) -> int:
    peer = read_count(request.path_params["peer"], 2**32 - 1)
    if peer is None:
        raise UnknownPeerError("There is nobody of that number in this space.")
    return peer


def _role(text: str) -> Role:
    if text not in frozenset(Role):
        raise InvalidRequestError(f"role is one of {', '.join(Role)}.")
    return Role(text)


def _digest(code: str) -> str:
    """Return what the books know of a code: who reads them cannot use it."""
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()


def _new_grant(
    desk: Desk,
    room: Room,
    role: Role,
    name: str,
    expires: int,
    identity: str = "",
    *,
    first: bool = False,
) -> Grant:
    name = clean_text(name, MAX_NAME_CHARS) or "Guest"
    peer = draw_peer(first=first)
    while peer in room.people or f"#{peer}" in room.removed:
        peer = draw_peer(first=first)
    return Grant(room.slug, role, peer, name, expires, identity, issued=desk.clock())


def _asked_expiry(fields: Fields, room: Room, now: float) -> int:
    if "ttl" not in fields:
        return expiry(room, now)
    ttl = fields.number("ttl", 0)
    if not 0 < ttl <= MAX_TTL_SECONDS:
        raise InvalidRequestError(f"ttl is 1 to {MAX_TTL_SECONDS} seconds.")
    return begin(room, now) + ttl


def _token(desk: Desk, request: Request, grant: Grant) -> Response:
    link = link_of(desk, request, grant)
    body = {
        "token": link.rpartition("=")[2],
        "role": grant.role,
        "peer": grant.peer,
        "name": grant.name,
        "expires": grant.expires,
        "link": link,
    }
    return JSONResponse(body, 201, NOT_STORED)


def shown_person(room: Room, peer: int) -> dict[str, Any]:
    """Return what those who keep order see of somebody."""
    who = room.people[peer]
    return {
        "peer": who.peer,
        "identity": who.identity,
        "name": who.name,
        "role": who.role,
        "muted": who.muted,
        "on_stage": peer in room.seats,
        "connected": room.is_here(peer),
        "since": int(room.hands.get(peer) or room.offers.get(peer) or who.since),
    }


def _audience(room: Room) -> list[int]:
    """Listeners who took part by name and now only listen, the latest ones."""
    waiting = room.hands.keys() | room.offers.keys()
    known = (who for who in room.people.values() if not who.role.speaks)
    return [who.peer for who in known if who.peer not in waiting][-SHOWN_LISTENERS:]


def _me(room: Room, grant: Grant) -> dict[str, Any]:
    rank = rank_of(room, grant)
    queue = list(room.hands)
    known = room.people.get(grant.peer)
    return {
        "peer": grant.peer,
        "name": grant.name,
        "role": rank,
        "open": room.phase is Phase.OPEN,
        "hand": queue.index(grant.peer) + 1 if grant.peer in queue else 0,
        "offered": grant.peer in room.offers,
        "on_stage": grant.peer in room.seats,
        "muted": bool(known and known.muted),
        "expires": grant.expires,
    }
