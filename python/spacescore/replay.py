"""The recordings over HTTP: to list, hear, publish and delete them.

A recording belongs to whoever runs its space: the host, and the operator. They decide whether
everybody may replay it; until then, to everybody else there is none.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from spacescore.desk import Desk, desk_of, read_json, resource
from spacescore.errors import ForbiddenError, UnknownRecordingError, WrongMomentError
from spacescore.policy import OPERATOR, Action, Caller, Grant, may, rank, require
from spacescore.recordings import Recording, Recordings, chapters, lanes, webvtt
from spacescore.rooms.standing import rank_of

__all__ = ["routes"]

SOUND = "audio/ogg"
STAMP_SECONDS = 1.0  # a recording's name has whole seconds, its space began within that one


def routes() -> list[Route]:
    """Return the table."""
    one = "/api/recordings/{recording}"
    return [
        resource("/api/recordings", {"GET": list_recordings}),
        resource(one, {"GET": describe, "PATCH": publish, "DELETE": delete}),
        resource(f"{one}/audio", {"GET": audio}),
        resource(f"{one}/chapters.vtt", {"GET": chapter_track}),
        resource(f"{one}/captions.vtt", {"GET": caption_track}),
    ]


async def list_recordings(request: Request) -> Response:
    """Show those that the caller may replay, newest first."""
    desk = desk_of(request)
    caller = desk.caller(request)
    kept = await to_thread.run_sync(list, _kept(desk) or ())
    shown = [_summary(desk, request, one) for one in kept if await _may_replay(desk, caller, one)]
    return JSONResponse({"recordings": shown}, headers=_caching(caller))


async def describe(request: Request) -> Response:
    """One recording, and who is heard in it when."""
    desk, caller = desk_of(request), desk_of(request).caller(request)
    recordings, one = await _find(request, caller)
    found = lanes(await to_thread.run_sync(recordings.lines, one.id), one.seconds)
    body = _summary(desk, request, one) | {
        "yours": await _runs(desk, caller, one),
        "captioned": bool(await to_thread.run_sync(recordings.captions, one.id)),
        "lanes": [asdict(lane) for lane in found],
        "chapters": [
            {"from": start, "to": end, "name": name}
            for start, end, name in chapters(found, one.seconds)
        ],
    }
    return JSONResponse(body, headers=_caching(caller))


async def audio(request: Request) -> Response:
    """Send the sound, or the range of it that was asked for (RFC 9110 section 14)."""
    caller = desk_of(request).caller(request)
    recordings, one = await _find(request, caller)
    headers = _caching(caller) | {"Cross-Origin-Resource-Policy": "cross-origin"}
    return FileResponse(
        recordings.audio(one.id),
        media_type=SOUND,
        headers=headers,
        filename=f"{one.id}.opus",
        content_disposition_type="inline",
    )


async def chapter_track(request: Request) -> Response:
    """Who takes their turn when, as a WebVTT track."""
    caller = desk_of(request).caller(request)
    recordings, one = await _find(request, caller)
    lines = await to_thread.run_sync(recordings.lines, one.id)
    cues = chapters(lanes(lines, one.seconds), one.seconds)
    return PlainTextResponse(webvtt(cues), media_type="text/vtt", headers=_caching(caller))


async def caption_track(request: Request) -> Response:
    """What was said, as far as somebody captioned it, as a WebVTT track."""
    caller = desk_of(request).caller(request)
    recordings, one = await _find(request, caller)
    text = webvtt(await to_thread.run_sync(recordings.captions, one.id))
    return PlainTextResponse(text, media_type="text/vtt", headers=_caching(caller))


async def publish(request: Request) -> Response:
    """Let everybody replay it, or no longer."""
    desk = desk_of(request)
    recordings, one = await _own(request)
    published = (await read_json(request)).flag("published")
    await _note(request, one, "recording.published" if published else "recording.hidden")
    one = await to_thread.run_sync(recordings.publish, one.id, published)
    return JSONResponse(_summary(desk, request, one))


async def delete(request: Request) -> Response:
    """Delete it for good, once its space is over."""
    recordings, one = await _own(request)
    if any(Path(space.recording).stem == one.id for space in desk_of(request).engine.spaces):
        raise WrongMomentError("This is still being recorded: end the space first.")
    await _note(request, one, "recording.deleted")
    await to_thread.run_sync(recordings.delete, one.id)
    return Response(status_code=204)


def _kept(desk: Desk) -> Recordings | None:
    data = desk.engine.data
    return None if data is None else Recordings(data.recordings)


async def _find(request: Request, caller: Caller) -> tuple[Recordings, Recording]:
    """Find the one asked for. Whoever may not replay it learns no more than a stranger."""
    desk = desk_of(request)
    recordings = _kept(desk)
    if recordings is not None:
        one = await to_thread.run_sync(recordings.get, request.path_params["recording"])
        if await _may_replay(desk, caller, one):
            return recordings, one
    raise UnknownRecordingError("There is no such recording here.")


async def _own(request: Request) -> tuple[Recordings, Recording]:
    """Find one of the caller's own. Raises what tells them that it is not."""
    desk = desk_of(request)
    caller = desk.caller(request)
    recordings, one = await _find(request, caller)
    if not await _runs(desk, caller, one):
        require(rank(caller, one.space), Action.CLOSE_SPACE)
        raise ForbiddenError("This recording is of another space of that name.")
    return recordings, one


async def _may_replay(desk: Desk, caller: Caller, one: Recording) -> bool:
    return one.published or await _runs(desk, caller, one)


async def _runs(desk: Desk, caller: Caller, one: Recording) -> bool:
    """Whether the caller runs the space that was recorded, by what they are there by now, or were
    when it ended. Others of its name may have followed."""
    if not isinstance(caller, Grant):
        return caller is OPERATOR
    if caller.space != one.space:
        return False
    room = await desk.office.at(one.space, one.began + STAMP_SECONDS)
    if room is None:  # the books do not reach back so far: what the token says counts
        room = await desk.office.last(one.space)
        if room is None or one.began < room.since:
            earlier = room is None or caller.issued < room.since
            return earlier and may(caller.role, Action.CLOSE_SPACE)
    if room.ended and caller.issued > room.ended:  # their token is for a later space of that name
        return False
    try:
        now = rank_of(room, caller, desk.clock())
    except ForbiddenError:
        return False
    return now is not None and may(now, Action.CLOSE_SPACE)


async def _note(request: Request, one: Recording, what: str) -> None:
    """Audit what is about to be done, in the log of the space that was recorded."""
    desk = desk_of(request)
    head = await desk.office.backplane.find_at(one.space, one.began + STAMP_SECONDS)
    key, caller = head.key if head else "", desk.caller(request)
    await desk.office.ledger.note(key, one.space, what, caller, recording=one.id)


def _caching(caller: Caller) -> dict[str, str]:
    return {"Cache-Control": "no-cache" if caller is None else "private, no-store"}


def _summary(desk: Desk, request: Request, one: Recording) -> dict[str, Any]:
    return {
        "recording": one.id,
        "space": one.space,
        "title": one.title,
        "began": int(one.began),
        "seconds": round(one.seconds, 2),
        "bytes": one.bytes,
        "published": one.published,
        "link": desk.url(request, f"/r/{one.id}"),
        "audio": desk.url(request, f"/api/recordings/{one.id}/audio"),
    }
