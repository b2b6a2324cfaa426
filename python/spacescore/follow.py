"""The feed of a space: a WebSocket on which hosts and speakers hear what changes in it.

    client  {"token": "..."}                            first of all, so that no URL has it
    server  {"type": "room", "version": 17, "room": {...}}    at once, and when something changed
    server  {"type": "still"}                           every 15 s when nothing did
    server  {"type": "ended"}                           and closes

A message is the whole of what its reader may see, so one that is lost is made good by the next, and
nobody has to add changes up. It goes out at once, and again after a second at the earliest however
much happens: listeners are a number in it. It is made once for all who keep order, and once for all
who speak. Listeners have `state.json`, which a cache can answer; here they are refused.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import structlog
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from spacescore.api import shown_room
from spacescore.desk import Desk
from spacescore.errors import (
    ElsewhereError,
    EngineClosedError,
    ForbiddenError,
    OverloadedError,
    SpacescoreError,
    UnauthenticatedError,
    UnknownSpaceError,
)
from spacescore.people import shown_person
from spacescore.policy import Action, Caller, Grant, Rank, may
from spacescore.rooms.room import Room
from spacescore.rooms.standing import rank_of

__all__ = ["follow", "routes"]

STILL_SECONDS = 15.0  # proxies give up what is silent for a minute
GREETING_SECONDS = 5.0
SEND_SECONDS = 5.0  # who reads slower than this is left
MAX_HANDS_SHOWN = 50
# RFC 6455 section 7.4: 4000 up are an application's own; these say what HTTP would.
UNAUTHENTICATED, FORBIDDEN, UNKNOWN, ELSEWHERE, TOO_MANY = 4401, 4403, 4404, 4421, 4429
AWAY, FAULT = 1001, 1011
_CODES: tuple[tuple[type[SpacescoreError], int], ...] = (
    (UnauthenticatedError, UNAUTHENTICATED),
    (ForbiddenError, FORBIDDEN),
    (ElsewhereError, ELSEWHERE),
    (UnknownSpaceError, UNKNOWN),
    (OverloadedError, TOO_MANY),
    (EngineClosedError, AWAY),
)
_log = structlog.get_logger("spacescore.http")


def routes() -> list[BaseRoute]:
    """Return the table."""
    return [WebSocketRoute("/live/{space}", follow)]


async def follow(socket: WebSocket) -> None:
    """Tell a host or a speaker what changes, for as long as they are one and stay."""
    desk: Desk = socket.app.state.desk
    await socket.accept()
    code, why = 1000, ""
    try:
        caller = await _greeting(desk, socket)
        slug = socket.path_params["space"]
        rank = _rank(await _room(desk, slug), caller)
        who = caller.who if isinstance(caller, Grant) else str(rank)
        with desk.feed.follower(f"{slug} {who}"):
            await _until_gone(socket, partial(_tell, desk, socket, slug, caller))
    except (WebSocketDisconnect, TimeoutError):
        return
    except SpacescoreError as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), FAULT)
        why = str(error)
    except Exception:
        _log.exception("a feed failed")
        code = FAULT
    await _close(socket, code, why)


async def _tell(desk: Desk, socket: WebSocket, slug: str, caller: Caller) -> None:
    """Send what changes until the space has ended. Raises when its reader may not any more."""
    feed, told, sent = desk.feed, "", 0.0
    while True:
        try:
            room = await _room(desk, slug)
        except UnknownSpaceError:
            feed.forget(slug)
            await _send(socket, '{"type":"ended"}')
            return
        rank = _rank(room, caller)
        keeper = may(rank, Action.SEE_PEOPLE)
        make = partial(_shown, desk, room, feed.dominant(slug), keeper=keeper)
        latest = await feed.latest(room, make, keeper=keeper)
        now = anyio.current_time()
        if latest.text != told:
            await _send(socket, latest.text)
            told, sent = latest.text, now
        elif now - sent >= STILL_SECONDS:
            await _send(socket, '{"type":"still"}')
            sent = now
        await feed.wait(slug, latest, keeper=keeper)


async def _greeting(desk: Desk, socket: WebSocket) -> Caller:
    """Return who greets. Raises UnauthenticatedError, PacedError."""
    await desk.pace_scope(socket.scope)
    try:
        with anyio.fail_after(GREETING_SECONDS):
            message = json.loads(await socket.receive_text())
        token = message["token"]
        if not isinstance(token, str):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError, TimeoutError):
        raise UnauthenticatedError('The first message is {"token": "..."}.') from None
    return desk.keys.identify(token, now=desk.clock())


async def _room(desk: Desk, slug: str) -> Room:
    if desk.office.home(slug):
        raise ElsewhereError("This space is on air on another node: state.json says where.")
    return await desk.office.room(slug)


def _rank(room: Room, caller: Caller) -> Rank:
    rank = rank_of(room, caller)
    if rank is None or not (may(rank, Action.SEE_PEOPLE) or may(rank, Action.SPEAK)):
        raise ForbiddenError("This is for who keeps order or speaks; there is state.json.")
    return rank


async def _shown(desk: Desk, room: Room, dominant: int | None, *, keeper: bool) -> dict[str, Any]:
    shown = await shown_room(desk, room, desk.clock())
    for speaker in shown["speakers"]:
        del speaker["level"]  # a room in which people talk would never be still
    on_stage = {speaker["peer"] for speaker in shown["speakers"]}
    shown["dominant"] = dominant if dominant in on_stage else None
    if keeper:
        hands = [peer for peer in room.hands if peer in room.people]
        shown["queue"] = [shown_person(room, peer) for peer in hands[:MAX_HANDS_SHOWN]]
        shown["offers"] = [shown_person(room, peer) for peer in room.offers if peer in room.people]
        shown["seats"] = [shown_person(room, peer) for peer in room.seats if peer in room.people]
    return shown


async def _send(socket: WebSocket, text: str) -> None:
    with anyio.fail_after(SEND_SECONDS):
        await socket.send_text(text)


async def _until_gone(socket: WebSocket, tell: Callable[[], Awaitable[None]]) -> None:
    """Tell until the client is gone. Whatever else it says is not listened to."""
    failed: list[Exception] = []

    async def listen() -> None:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        try:
            await tell()
        except Exception as error:
            failed.append(error)
        group.cancel_scope.cancel()
    if failed:
        raise failed[0]


async def _close(socket: WebSocket, code: int, why: str) -> None:
    with anyio.move_on_after(SEND_SECONDS):
        try:
            await socket.close(code, why[:120])
        except RuntimeError:  # they were quicker
            return
