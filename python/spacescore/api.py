"""The JSON side of the room service: spaces, their tickets and their state.

Who may do what, and what follows, is the office's to say (`office`, `rooms`); here requests
become commands, and rooms become JSON. People are in `people`.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore import ics
from spacescore.admission import COHORTS, MAX_SECONDS, MIN_SECONDS
from spacescore.desk import Desk, act, desk_of, resource
from spacescore.errors import InvalidRequestError, SpacescoreError, UnknownSpaceError
from spacescore.kept import keep
from spacescore.policy import Action, Caller, Grant, Role, rank, require
from spacescore.problem import Problem
from spacescore.reading import Fields, read_json
from spacescore.rooms.commands import Edit, End, KeepDoor, Open, PinLinks
from spacescore.rooms.facts import Details, Pin, Visibility
from spacescore.rooms.lifetime import expiry
from spacescore.rooms.room import Phase, Room
from spacescore.rooms.standing import require_listener
from spacescore.roster import called, sample
from spacescore.spaces import MAX_NAME_CHARS, check_slug, clean_text
from spacescore.store import Head
from spacescore.tickets import Ticket
from spacescore.tokens import draw_peer

__all__ = ["alike", "link_of", "pace", "routes", "shown_room", "visible", "visible_to_all"]

STATE_SECONDS = 1.0  # how old a state.json may be, however many ask
# For how long a cache may give everybody the same, and for how much longer while it asks for all.
ALIKE = {"Cache-Control": "public, max-age=1, stale-while-revalidate=1"}
GONE = {"Cache-Control": "public, max-age=2, stale-while-revalidate=1"}  # a crowd asks on
TICKET = {"Cache-Control": "public, max-age=5, stale-while-revalidate=1"}  # seldom another
PAST_SPACES = 20
CLOCKS = frozenset({"time", "starts_in"})  # of a body: what passes while nothing happens
NOT_STORED = {"Cache-Control": "no-store"}  # it holds a token, or was made for one


def routes() -> list[Route]:
    """Return the table; what a crowd asks for stands first, and is found first."""
    one = "/api/spaces/{space}"
    of_one = {"GET": describe_space, "PATCH": edit_space, "DELETE": close_space}
    return [
        resource(f"{one}/state.json", {"GET": state}),
        resource(f"{one}/ticket", {"GET": ticket}),
        resource("/api/spaces", {"GET": list_spaces, "POST": create_space}),
        resource(one, of_one),
        resource(f"{one}/open", {"POST": open_space}),
        resource(f"{one}/calendar.ics", {"GET": calendar}),
        resource(f"{one}/admission", {"PUT": keep_door}),
        resource(f"{one}/pins", {"PUT": pin_links}),
    ]


async def list_spaces(request: Request) -> Response:
    """Every public space: those open, newest first, those to come, and the last ones past."""
    desk = desk_of(request)
    desk.pace_reads(request)
    heads = [head for head in await desk.office.directory() if _is_listed(head)]
    shown = [await _listed(desk, request, head) for head in heads]
    planned = [one for one in shown if one["phase"] == Phase.PLANNED and one["starts"]]
    past = [head for head in await desk.office.backplane.ended(PAST_SPACES) if _is_listed(head)]
    return JSONResponse(
        {
            "spaces": [one for one in shown if one["phase"] == Phase.OPEN],
            "upcoming": sorted(planned, key=lambda one: one["starts"]),
            "past": [_past(head) for head in past if head.opened],
        },
        headers=ALIKE,
    )


async def create_space(request: Request) -> Response:
    """Plan a space, and open it unless it starts later; answers its host's token, once."""
    desk = desk_of(request)
    caller = desk.caller(request)
    require(rank(caller), Action.CREATE_SPACE)
    fields = await read_json(request)
    slug = check_slug(fields.text("space") or f"space-{secrets.token_hex(4)}")
    # Whatever can be refused is refused before the space is there: nobody would be its host.
    name = clean_text(fields.text("host", "Host"), MAX_NAME_CHARS)
    location = desk.url(request, f"/api/spaces/{slug}")
    details = Details(**({"title": ""} | _details(fields)))
    now = desk.clock()
    expires = expiry(Room(slug, details=details), now)
    host = Grant(slug, Role.HOST, draw_peer(first=True), name, expires, issued=now)
    room = await desk.office.create(slug, details, caller, host=host)
    if not details.starts and not fields.flag("draft"):
        room = await _opened(desk, slug, caller)
    body = _summary(desk, request, room) | {
        "host_token": desk.keys.issue(host, now=now),
        "host_link": link_of(desk, request, host),
        "host_expires": host.expires,
    }
    return JSONResponse(body, 201, NOT_STORED | {"Location": location})


async def _opened(desk: Desk, slug: str, caller: Caller) -> Room:
    """Open a space that was just made, or cancel it: nobody was told how to host it."""
    try:
        return await desk.office.do(slug, Open(), caller)
    except Exception:
        with suppress(SpacescoreError):
            await desk.office.do(slug, End(), caller)
        raise


async def describe_space(request: Request) -> Response:
    """One space, with all it says of itself."""
    desk, room = desk_of(request), await visible(request)
    private = room.details.visibility is Visibility.INVITE
    headers = NOT_STORED if private else ALIKE
    return JSONResponse(_summary(desk, request, room), headers=headers)


async def edit_space(request: Request) -> Response:
    """Change what a space says of itself; what is not named stays."""
    desk, slug = desk_of(request), request.path_params["space"]
    await desk.office.room(slug)
    caller = desk.caller(request)
    await desk.pace_one(caller)
    room = await desk.office.do(slug, Edit(_details(await read_json(request))), caller)
    return JSONResponse(_summary(desk, request, room))


async def open_space(request: Request) -> Response:
    """Open the doors of a planned space."""
    room = await act(request, Open())
    return JSONResponse(_summary(desk_of(request), request, room))


async def close_space(request: Request) -> Response:
    """End a space for everybody in it, or cancel a planned one."""
    await act(request, End())
    return Response(status_code=204)


async def ticket(request: Request) -> Response:
    """Give everybody the same ticket, so that any cache may; by invitation, each their own."""
    desk, slug = desk_of(request), request.path_params["space"]
    desk.pace_tickets(request)
    room = await desk.office.room(slug)
    if room.phase is not Phase.OPEN:
        raise UnknownSpaceError("This space is not open yet.")
    if room.details.visibility is not Visibility.INVITE:
        everybodys = desk.engine.ticket(slug)
        keep(request.scope, slug, desk.clock(), STATE_SECONDS, paced=True)
        return _ticket(desk, everybodys, TICKET)
    grant = require_listener(room, desk.caller(request))
    return _ticket(desk, desk.engine.ticket(slug, grant=grant), NOT_STORED)


async def state(request: Request) -> Response:
    """Say what goes on in a space now; cacheable, so a million pages may ask."""
    desk, now = desk_of(request), desk_of(request).clock()
    await desk.office.look_if_due()
    room = await visible_to_all(request, now)
    if told := desk.told(request):
        return told
    body = await shown_room(desk, room, now)
    body |= {
        "called": called(room),
        "pace": await pace(desk, room, body["listeners"], now),
        "time": int(now),
    }
    return alike(request, room, body, now)


async def keep_door(request: Request) -> Response:
    """Say how listeners are let in: all at once, cohort by cohort, or not yet."""
    desk, slug = desk_of(request), request.path_params["space"]
    require(await desk.rank(request, slug), Action.EDIT)
    caller = desk.caller(request)
    await desk.pace_one(caller)
    fields = await read_json(request)
    seconds = fields.seconds("seconds", MIN_SECONDS, MAX_SECONDS)
    command = KeepDoor(fields.text("mode"), seconds or 0.0)
    await desk.office.do(slug, command, caller)
    await desk.doors.tick()
    desk.kept.forget(slug)
    return JSONResponse((await desk.office.backplane.admission(slug)).shown())


async def pin_links(request: Request) -> Response:
    """Show everybody these links, and no others."""
    desk, slug = desk_of(request), request.path_params["space"]
    await desk.office.room(slug)
    caller, fields = desk.caller(request), await read_json(request)
    await desk.pace_one(caller)
    if "pins" not in fields:
        require(await desk.rank(request, slug), Action.PIN)
        raise InvalidRequestError("pins is needed: an empty list takes them all away.")
    pins = tuple(Pin(one.text("title"), one.text("url")) for one in fields.objects("pins"))
    room = await desk.office.do(slug, PinLinks(pins), caller)
    return JSONResponse({"pins": [asdict(pin) for pin in room.pins]}, headers=NOT_STORED)


async def calendar(request: Request) -> Response:
    """Show a planned space to calendars (RFC 5545)."""
    desk, room = desk_of(request), await visible(request)
    if not room.details.starts:
        raise UnknownSpaceError("This space has no time set.")
    link = desk.url(request, f"/s/{room.slug}")
    name = {"Content-Disposition": f'attachment; filename="{room.slug}.ics"'}
    text = ics.calendar(room, link, desk.clock())
    return Response(text, 200, name, media_type="text/calendar; charset=utf-8")


# From JSON.


def _read_visibility(fields: Fields, name: str) -> Visibility:
    text = fields.text(name)
    if text not in frozenset(Visibility):
        raise InvalidRequestError(f"{name} is one of {', '.join(Visibility)}.")
    return Visibility(text)


_READERS: Mapping[str, Callable[[Fields, str], Any]] = {
    "title": Fields.text,
    "description": Fields.text,
    "topics": Fields.texts,
    "language": Fields.text,
    "visibility": _read_visibility,
    "open_stage": Fields.flag,
    "max_speakers": lambda fields, name: fields.number(name, 0),
    "record": Fields.flag,
    "starts": lambda fields, name: fields.number(name, 0),
    "music": Fields.flag,
    "auto_open": Fields.flag,
    "grace": lambda fields, name: fields.number(name, 0),
    "keep_days": lambda fields, name: fields.number(name, 0),
    "show_names": Fields.flag,
}


def _details(fields: Fields) -> dict[str, Any]:
    """Return those fields of `Details` that were sent."""
    return {name: read(fields, name) for name, read in _READERS.items() if name in fields}


# To JSON.


def link_of(desk: Desk, request: Request, grant: Grant) -> str:
    """Return a link to the page; what follows # never leaves the browser."""
    token = desk.keys.issue(grant, now=desk.clock())
    return desk.url(request, f"/s/{grant.space}#token={token}")


async def visible(request: Request) -> Room:
    """Return the space; by invitation, it shows itself to whoever has a token."""
    desk = desk_of(request)
    room = await desk.office.room(request.path_params["space"])
    if room.details.visibility is Visibility.INVITE:
        require_listener(room, desk.caller(request))
    return room


async def visible_to_all(request: Request, now: float) -> Room:
    """Return the space; that there is none is the same for everybody as well, and kept."""
    try:
        return await visible(request)
    except UnknownSpaceError as error:
        slug, desk = request.path_params["space"], desk_of(request)
        if desk.farewell:  # another node may have it in a moment
            raise
        with suppress(InvalidRequestError):
            keep(request.scope, check_slug(slug), now, STATE_SECONDS)
        raise Problem(404, "unknown-space", str(error), GONE) from None


def alike(request: Request, room: Room, body: Mapping[str, Any], now: float) -> Response:
    """Answer everybody alike for a second; by invitation, only those who may ask.

    The tag is of what is said of the room: who has it already learns the time from `Date`.
    """
    text = msgspec.json.encode(body)
    said = msgspec.json.encode({name: body[name] for name in body if name not in CLOCKS})
    private = room.details.visibility is Visibility.INVITE
    headers = {"ETag": f'W/"{hashlib.sha256(said).hexdigest()[:16]}"'}
    headers |= NOT_STORED if private else ALIKE
    if desk_of(request).office.is_latest(room):  # nothing was decided meanwhile
        keep(request.scope, room.slug, now, STATE_SECONDS, private=private)
    return Response(text, 200, headers, media_type="application/json")


def _is_listed(head: Head) -> bool:
    return head.details.visibility is Visibility.PUBLIC


async def _listed(desk: Desk, request: Request, head: Head) -> dict[str, Any]:
    try:
        return _summary(desk, request, await desk.office.room(head.slug))
    except UnknownSpaceError:  # ended meanwhile
        return {"phase": Phase.ENDED}


def _past(head: Head) -> dict[str, Any]:
    return {
        "space": head.slug,
        "title": head.details.title,
        "started": int(head.opened),
        "ended": int(head.ended),
    }


def _numbers(desk: Desk, room: Room) -> dict[str, Any]:
    """What the media core counts, where the space is on air."""
    try:
        stats = desk.engine.stats(room.slug)
    except UnknownSpaceError:
        return {"live": False, "listeners": 0, "speakers": ()}
    return {"live": stats.live, "listeners": stats.listeners, "speakers": stats.speakers}


def _summary(desk: Desk, request: Request, room: Room) -> dict[str, Any]:
    numbers, details = _numbers(desk, room), room.details
    return {
        "space": room.slug,
        "phase": room.phase,
        "title": details.title,
        "description": details.description,
        "topics": list(details.topics),
        "language": details.language,
        "visibility": details.visibility,
        "live": numbers["live"],
        "listeners": numbers["listeners"],
        "speakers": len(numbers["speakers"]),
        "max_speakers": details.max_speakers,
        "open_stage": details.open_stage,
        "music": details.music,
        "auto_open": details.auto_open,
        "grace": details.grace,
        "keep_days": details.keep_days,
        "show_names": details.show_names,
        "starts": details.starts,
        "started": int(room.opened),
        "link": desk.url(request, f"/s/{room.slug}"),
    }


async def shown_room(desk: Desk, room: Room, now: float) -> dict[str, Any]:
    """What everybody may see of a space, whether they ask or are told."""

    def is_here(peer: int) -> bool:
        return desk.seen.is_here(room.slug, peer, now)

    numbers = _numbers(desk, room)
    shown = ("peer", "name", "muted", "audible", "level")
    await desk.doors.tick()
    admission = await desk.office.backplane.admission(room.slug)
    state = {
        "space": room.slug,
        "phase": room.phase,
        "title": room.details.title,
        "live": numbers["live"],
        "listeners": numbers["listeners"],
        "sample": [
            {"peer": who.peer, "name": who.name}
            for who in sample(room, is_here, numbers["listeners"])
        ],
        "speakers": [
            {field: getattr(who, field) for field in shown} | {"role": _role(room, who)}
            for who in numbers["speakers"]
        ],
        "hands": len(room.hands),
        "pins": [asdict(pin) for pin in room.pins],
        "open_stage": room.details.open_stage,
        "recording": room.phase is Phase.OPEN and _is_recorded(desk, room.slug),
        "off_air": desk.office.is_off_air(room.slug),
        "moving": desk.farewell and desk.farewell.state(room.slug),
        "admit": admission.shown(),
        "started": int(room.opened),
    }
    if room.phase is Phase.PLANNED:
        starts = room.details.starts
        state["auto_open"] = room.details.auto_open
        state |= {"starts": starts, "starts_in": max(0, starts - int(now)) if starts else None}
    return state


async def pace(desk: Desk, room: Room, listeners: int, now: float) -> float:
    """Return in how many seconds pages are to ask again."""
    if desk.pacing.is_due(now):
        counted = desk.engine.counters()
        desk.pacing.look(now, ticks=counted["ticks"], late=counted["ticks_late"])
    if room.phase is Phase.PLANNED:
        return desk.pacing.pace(until=max(0.0, room.details.starts - now))
    admission = await desk.office.backplane.admission(room.slug)
    until = 0.0 if admission.cohorts < COHORTS else None
    return desk.pacing.pace(listeners=listeners, until=until)


def _role(room: Room, who: Any) -> Role:
    known = room.people.get(who.peer)
    return known.role if known else who.role


def _is_recorded(desk: Desk, slug: str) -> bool:
    try:
        return bool(desk.engine.space(slug).recording)
    except UnknownSpaceError:
        return False


def _ticket(desk: Desk, ticket: Ticket, headers: Mapping[str, str]) -> Response:
    """A ticket, and relays as RTCPeerConnection takes them."""
    relays = {"ice_servers": [server.to_dict() for server in desk.ice_servers]}
    body = msgspec.json.encode(ticket.to_dict() | relays)
    return Response(body, 200, headers, media_type="application/json")
