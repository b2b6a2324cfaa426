"""Captions and reactions over HTTP, shown live and kept with the recording."""

from dataclasses import asdict
from pathlib import Path

import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.api import alike, pace, visible, visible_to_all
from spacescore.desk import Desk, desk_of, resource
from spacescore.live import REACTIONS, Caption
from spacescore.policy import Action, Grant, require
from spacescore.polling import live_pace
from spacescore.reading import read_json
from spacescore.recordings import RATE
from spacescore.spaces import Space

__all__ = ["routes"]

_log = structlog.get_logger("spacescore")


def routes() -> list[Route]:
    """Return the table."""
    one = "/api/spaces/{space}"
    return [
        resource(f"{one}/live.json", {"GET": live}),
        resource(f"{one}/captions", {"POST": caption}),
        resource(f"{one}/reactions", {"POST": react}),
    ]


async def live(request: Request) -> Response:
    """Show the last captions and the total of each reaction; the same for everybody."""
    desk, now = desk_of(request), desk_of(request).clock()
    room = await visible_to_all(request, now)
    if told := desk.told(request):
        return told
    of_space = await desk.office.backplane.live(await desk.office.key(room.slug))
    listeners = desk.engine.stats(room.slug).listeners
    body = {
        "captions": [asdict(one) for one in of_space.captions],
        "reactions": {one: of_space.reactions.get(one, 0) for one in REACTIONS},
        "pace": live_pace(await pace(desk, room, listeners, now), still=now - of_space.stirred),
    }
    return alike(request, room, body, now)


async def caption(request: Request) -> Response:
    """Take a timed line from whatever turns speech into text."""
    desk = desk_of(request)
    space = desk.engine.space(request.path_params["space"])
    require(await desk.rank(request, space.slug), Action.CAPTION)
    await desk.pace_captions(desk.caller(request))
    fields, now = await read_json(request), desk.clock()
    taken = await desk.office.backplane.caption(
        await desk.office.key(space.slug),
        fields.text("text"),
        now=now,
        start=fields.seconds("start"),
        end=fields.seconds("end"),
        name=fields.text("name"),
    )
    desk.kept.forget(space.slug)
    await _keep(desk, space, taken, now)
    return JSONResponse({"number": taken.number}, 201)


async def react(request: Request) -> Response:
    """Count a reaction of anybody's."""
    desk = desk_of(request)
    await visible(request)
    space = desk.engine.space(request.path_params["space"])
    fields = await read_json(request)
    caller = desk.caller(request)
    who = caller.who if isinstance(caller, Grant) else desk.network(request)
    key, reaction = await desk.office.key(space.slug), fields.text("reaction")
    await desk.office.backplane.react(key, reaction, who, now=desk.clock())
    return Response(status_code=204)


async def _keep(desk: Desk, space: Space, caption: Caption, now: float) -> None:
    """Write a caption beside the recording, in its time. A full disk costs the line."""
    shelf, position = desk.shelf, desk.engine.stats(space.slug).recorded_samples / RATE
    if not space.recording or shelf is None or not position:
        return
    began, key = now - position, Path(space.recording).stem
    at, to = (round(max(0.0, time - began), 2) for time in (caption.start, caption.end))
    line = {"at": at, "to": to, "name": caption.name, "text": caption.text}
    try:
        await anyio.to_thread.run_sync(shelf.recordings.append_caption, key, line)
    except OSError as error:
        _log.warning("a caption is not kept", recording=key, reason=str(error))
