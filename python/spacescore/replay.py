"""The recordings over HTTP: to list, hear, publish and delete them.

A recording belongs to whoever runs its space: the host, and the operator. They decide whether
everybody may replay it; until then, to everybody else there is none. What strangers are told
waits for them (`shelf`), and caches may give it to all of them for a second.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from spacescore.api import ALIKE
from spacescore.desk import Desk, desk_of, resource
from spacescore.errors import ForbiddenError, UnknownRecordingError, WrongMomentError
from spacescore.policy import OPERATOR, Action, Caller, Grant, may, rank, require
from spacescore.reading import read_json
from spacescore.recordings import STAMP_SECONDS, Recording, webvtt
from spacescore.rooms.standing import rank_of
from spacescore.shelf import Shelf, shown

__all__ = ["routes"]

SOUND = "audio/ogg"
PRIVATE = {"Cache-Control": "private, no-store"}


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
    desk, caller, here = desk_of(request), desk_of(request).caller(request), _here(request)
    desk.pace_reads(request)
    if desk.shelf is None:
        return JSONResponse({"recordings": []}, headers=_alike(caller))
    if caller is None:
        body = await desk.shelf.published(here)
        return Response(body, 200, _alike(caller), media_type="application/json")
    found = [one for one in await desk.shelf.all() if await _may_replay(desk, caller, one)]
    told = {"recordings": [shown(one, here) for one in found]}
    return JSONResponse(told, headers=_alike(caller))


async def describe(request: Request) -> Response:
    """One recording, and who is heard in it when."""
    desk, caller = desk_of(request), desk_of(request).caller(request)
    shelf, one = await _find(request, caller)
    score = await to_thread.run_sync(shelf.recordings.score, one.id)
    body = shown(one, _here(request)) | {
        "yours": await _runs(desk, caller, one),
        "captioned": bool(score.captions),
        "lanes": [asdict(lane) for lane in score.lanes],
        "chapters": [
            {"from": start, "to": end, "name": name} for start, end, name in score.chapters
        ],
    }
    return JSONResponse(body, headers=_alike(caller))


async def audio(request: Request) -> Response:
    """Send the sound, or the range of it that was asked for (RFC 9110 section 14)."""
    caller = desk_of(request).caller(request)
    shelf, one = await _find(request, caller)
    caching = {"Cache-Control": "no-cache"} if caller is None else PRIVATE
    headers = caching | {"Cross-Origin-Resource-Policy": "cross-origin"}
    return FileResponse(
        await to_thread.run_sync(shelf.recordings.audio, one.id),
        media_type=SOUND,
        headers=headers,
        filename=f"{one.id}.opus",
        content_disposition_type="inline",
    )


async def chapter_track(request: Request) -> Response:
    """Who takes their turn when, as a WebVTT track."""
    caller = desk_of(request).caller(request)
    shelf, one = await _find(request, caller)
    score = await to_thread.run_sync(shelf.recordings.score, one.id)
    return _track(score.chapters, caller)


async def caption_track(request: Request) -> Response:
    """What was said, as far as somebody captioned it, as a WebVTT track."""
    caller = desk_of(request).caller(request)
    shelf, one = await _find(request, caller)
    score = await to_thread.run_sync(shelf.recordings.score, one.id)
    return _track(score.captions, caller)


async def publish(request: Request) -> Response:
    """Let everybody replay it, or no longer."""
    shelf, one = await _own(request)
    published = (await read_json(request)).flag("published")
    await _note(request, one, "recording.published" if published else "recording.hidden")
    one = await to_thread.run_sync(shelf.recordings.publish, one.id, published)
    shelf.forget()
    return JSONResponse(shown(one, _here(request)))


async def delete(request: Request) -> Response:
    """Delete it for good, once its space is over."""
    shelf, one = await _own(request)
    if any(Path(space.recording).stem == one.id for space in desk_of(request).engine.spaces):
        raise WrongMomentError("This is still being recorded: end the space first.")
    await _note(request, one, "recording.deleted")
    await to_thread.run_sync(shelf.recordings.delete, one.id)
    shelf.forget()
    return Response(status_code=204)


async def _find(request: Request, caller: Caller) -> tuple[Shelf, Recording]:
    """Find the one asked for. Whoever may not replay it learns no more than a stranger."""
    desk = desk_of(request)
    desk.pace_reads(request)
    if desk.shelf is not None:
        get = desk.shelf.recordings.get
        one = await to_thread.run_sync(get, request.path_params["recording"])
        if await _may_replay(desk, caller, one):
            return desk.shelf, one
    raise UnknownRecordingError("There is no such recording here.")


async def _own(request: Request) -> tuple[Shelf, Recording]:
    """Find one of the caller's own. Raises what tells them that it is not."""
    desk = desk_of(request)
    caller = desk.caller(request)
    shelf, one = await _find(request, caller)
    if not await _runs(desk, caller, one):
        require(rank(caller, one.space), Action.CLOSE_SPACE)
        raise ForbiddenError("This recording is of another space of that name.")
    return shelf, one


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
        rank = rank_of(room, caller)
    except ForbiddenError:
        return False
    return rank is not None and may(rank, Action.CLOSE_SPACE)


async def _note(request: Request, one: Recording, what: str) -> None:
    """Audit what is about to be done, in the log of the space that was recorded."""
    desk = desk_of(request)
    head = await desk.office.backplane.find_at(one.space, one.began + STAMP_SECONDS)
    key, caller = head.key if head else "", desk.caller(request)
    await desk.office.ledger.note(key, one.space, what, caller, recording=one.id)


def _track(cues: Iterable[tuple[float, float, str]], caller: Caller) -> Response:
    return PlainTextResponse(webvtt(cues), media_type="text/vtt", headers=_alike(caller))


def _alike(caller: Caller) -> Mapping[str, str]:
    """Everybody without a token is told the same; a cache must not tell it those with one."""
    return ALIKE | {"Vary": "Authorization"} if caller is None else PRIVATE


def _here(request: Request) -> str:
    return desk_of(request).url(request, "")
