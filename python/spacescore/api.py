"""The JSON side of the room service: spaces, tokens, tickets, state, moderation."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.desk import Desk, desk_of, read_json, resource
from spacescore.engine import INVITATION_SECONDS
from spacescore.errors import ForbiddenError, InvalidRequestError, UnknownPeerError
from spacescore.policy import Action, Caller, Grant, Role, rank, require
from spacescore.spaces import MAX_NAME_CHARS, Space, clean_text
from spacescore.tokens import MAX_TTL_SECONDS

__all__ = ["routes"]

STAGE_SECONDS = 4 * 3600
STATE_SECONDS = 0.5  # how old a state.json may be, however many ask
ALL_COHORTS = 1_000
NOT_STORED = {"Cache-Control": "no-store"}  # it holds a token


def routes() -> list[Route]:
    """Return the table."""
    one = "/api/spaces/{space}"
    return [
        resource("/api/spaces", {"GET": list_spaces, "POST": create_space}),
        resource(one, {"GET": describe_space, "DELETE": close_space}),
        resource(f"{one}/tokens", {"POST": issue_token}),
        resource(f"{one}/stage", {"POST": enter_stage}),
        resource(f"{one}/ticket", {"GET": ticket}),
        resource(f"{one}/state.json", {"GET": state}),
        resource(f"{one}/speakers/{{peer}}", {"DELETE": remove_speaker}),
        resource(f"{one}/speakers/{{peer}}/mute", {"POST": mute_speaker}),
    ]


async def list_spaces(request: Request) -> Response:
    """Every open space, newest first."""
    desk = desk_of(request)
    spaces = sorted(desk.engine.spaces, key=lambda space: -space.created)
    return JSONResponse(
        {"spaces": [_summary(desk, request, space) for space in spaces]},
        headers={"Cache-Control": "public, max-age=1"},
    )


async def create_space(request: Request) -> Response:
    """Open a space; answers its host's token, once."""
    desk = desk_of(request)
    require(rank(desk.caller(request)), Action.CREATE_SPACE)
    fields = await read_json(request)
    slug = fields.text("space") or f"space-{secrets.token_hex(4)}"
    # Whatever can be refused is refused before the space is open: nobody would be its host.
    name = clean_text(fields.text("host", "Host"), MAX_NAME_CHARS)
    location = desk.url(request, f"/api/spaces/{slug}")
    space = desk.engine.create_space(
        slug, title=fields.text("title"), open_stage=fields.flag("open_stage")
    )
    host = desk.engine.invite(space.slug, role=Role.HOST, name=name)
    body = _summary(desk, request, space) | {
        "host_token": desk.keys.issue(host, now=desk.clock()),
        "host_link": _link(desk, request, host),
    }
    return JSONResponse(body, 201, NOT_STORED | {"Location": location})


async def describe_space(request: Request) -> Response:
    """One space."""
    desk = desk_of(request)
    return JSONResponse(_summary(desk, request, _space(request)))


async def close_space(request: Request) -> Response:
    """End a space for everybody in it."""
    desk, space = desk_of(request), _space(request)
    require(rank(desk.caller(request), space.slug), Action.CLOSE_SPACE)
    desk.engine.close_space(space.slug)
    desk.states.pop(space.slug, None)
    return Response(status_code=204)


async def issue_token(request: Request) -> Response:
    """Invite somebody: a token, and the link that carries it."""
    desk, space = desk_of(request), _space(request)
    caller = rank(desk.caller(request), space.slug)
    require(caller, Action.ISSUE_TOKEN, Role.LISTENER)
    fields = await read_json(request)
    ttl = fields.number("ttl", INVITATION_SECONDS)
    if not 0 < ttl <= MAX_TTL_SECONDS:
        raise InvalidRequestError(f"ttl is 1 to {MAX_TTL_SECONDS} seconds.")
    role = fields.text("role", Role.SPEAKER)
    if role not in frozenset(Role):
        raise InvalidRequestError(f"role is one of {', '.join(Role)}.")
    require(caller, Action.ISSUE_TOKEN, Role(role))
    grant = desk.engine.invite(space.slug, role=role, name=fields.text("name"), ttl=ttl)
    return _token(desk, request, grant)


async def enter_stage(request: Request) -> Response:
    """Let anybody speak, where the stage is open."""
    desk, space = desk_of(request), _space(request)
    if not space.open_stage:
        raise ForbiddenError("This stage is by invitation: ask the host for a speaker's link.")
    desk.pace()
    name = (await read_json(request)).text("name")
    grant = desk.engine.invite(space.slug, role=Role.SPEAKER, name=name, ttl=STAGE_SECONDS)
    return _token(desk, request, grant)


async def ticket(request: Request) -> Response:
    """Give everybody the same ticket, so that any cache may."""
    public = desk_of(request).engine.ticket(_space(request).slug)
    return JSONResponse(public.to_dict(), headers={"Cache-Control": "public, max-age=30"})


async def state(request: Request) -> Response:
    """Say what goes on in a space now; cacheable, so a million pages may ask."""
    desk, space, now = desk_of(request), _space(request), desk_of(request).clock()
    made, body = desk.states.get(space.slug, (0.0, {}))
    if not 0 <= now - made < STATE_SECONDS:
        body = _state(desk, space, now)
        desk.states[space.slug] = (now, body)
    return JSONResponse(body, headers={"Cache-Control": "public, max-age=1"})


async def remove_speaker(request: Request) -> Response:
    """Send somebody away for good."""
    desk, space, peer = desk_of(request), _space(request), _peer(request)
    _require(desk.caller(request), Action.REMOVE, space, peer)
    desk.engine.remove(space.slug, peer)
    desk.states.pop(space.slug, None)
    return Response(status_code=204)


async def mute_speaker(request: Request) -> Response:
    """Mute or unmute: the host anybody, a speaker themselves."""
    desk, space, peer = desk_of(request), _space(request), _peer(request)
    _require(desk.caller(request), Action.MUTE, space, peer)
    muted = (await read_json(request)).flag("muted", default=True)
    desk.engine.mute(space.slug, peer, muted)
    desk.states.pop(space.slug, None)
    return JSONResponse({"peer": peer, "muted": muted})


def _require(caller: Caller, action: Action, space: Space, peer: int) -> None:
    """Whoever nobody knows is taken for a speaker: it is the core that says who is there."""
    known = space.people.get(peer)
    own = isinstance(caller, Grant) and caller.peer == peer
    role = known.role if known else Role.SPEAKER
    require(rank(caller, space.slug), action, role, itself=own)


def _space(request: Request) -> Space:
    return desk_of(request).engine.space(request.path_params["space"])


def _peer(request: Request) -> int:
    text = request.path_params["peer"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < 2**32):
        raise UnknownPeerError("There is nobody of that number in this space.")
    return int(text)


def _summary(desk: Desk, request: Request, space: Space) -> dict[str, Any]:
    stats = desk.engine.stats(space.slug)
    return {
        "space": space.slug,
        "title": space.title,
        "live": stats.live,
        "listeners": stats.listeners,
        "speakers": len(stats.speakers),
        "open_stage": space.open_stage,
        "started": int(space.created),
        "link": desk.url(request, f"/s/{space.slug}"),
    }


def _state(desk: Desk, space: Space, now: float) -> dict[str, Any]:
    stats = desk.engine.stats(space.slug)
    shown = ("peer", "name", "role", "muted", "audible", "level")
    return {
        "space": space.slug,
        "title": space.title,
        "live": stats.live,
        "listeners": stats.listeners,
        "speakers": [{field: getattr(who, field) for field in shown} for who in stats.speakers],
        "open_stage": space.open_stage,
        "recording": bool(space.recording),
        "moving": desk.farewell and desk.farewell.state(space.slug),
        "admit": {"cohorts": ALL_COHORTS},
        "started": int(space.created),
        "time": int(now),
    }


def _link(desk: Desk, request: Request, grant: Grant) -> str:
    """Return a link to the page; what follows # never leaves the browser."""
    token = desk.keys.issue(grant, now=desk.clock())
    return desk.url(request, f"/s/{grant.space}#token={token}")


def _token(desk: Desk, request: Request, grant: Grant) -> Response:
    link = _link(desk, request, grant)
    body = {
        "token": link.rpartition("=")[2],
        "role": grant.role,
        "peer": grant.peer,
        "name": grant.name,
        "expires": grant.expires,
        "link": link,
    }
    return JSONResponse(body, 201, NOT_STORED)
