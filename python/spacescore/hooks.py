"""Webhooks over HTTP, for the operator: who is told, what could not be told, and trying again."""

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.api import NOT_STORED
from spacescore.desk import Desk, desk_of, resource
from spacescore.errors import UnknownLetterError
from spacescore.policy import Action, rank, require
from spacescore.reading import read_page
from spacescore.store import Letter

__all__ = ["routes"]


def routes() -> list[Route]:
    """Return the table."""
    dead = "/api/webhooks/dead"
    return [
        resource("/api/webhooks", {"GET": list_endpoints}),
        resource(dead, {"GET": list_dead}),
        resource(f"{dead}/{{letter}}", {"DELETE": forget_letter}),
        resource(f"{dead}/{{letter}}/retry", {"POST": retry_letter}),
    ]


async def list_endpoints(request: Request) -> Response:
    """Who is told of what happens, and how many letters wait for them or are dead."""
    desk = _operators(request)
    counts = await desk.office.backplane.ask(lambda store: store.outbox.counts())
    names = dict.fromkeys([*desk.endpoints, *counts])
    shown = [
        {"endpoint": name, "set": name in desk.endpoints, "waiting": waiting, "dead": dead}
        for name in names
        for waiting, dead in [counts.get(name, (0, 0))]
    ]
    return JSONResponse({"endpoints": shown}, 200, NOT_STORED)


async def list_dead(request: Request) -> Response:
    """What could not be told, the latest first."""
    desk = _operators(request)
    before, limit = read_page(request)
    found = await desk.office.backplane.ask(lambda store: store.outbox.dead(before, limit))
    more = found[-1].id if len(found) == limit else None
    body = {"letters": [_shown(letter) for letter in found], "before": more}
    return JSONResponse(body, 200, NOT_STORED)


async def retry_letter(request: Request) -> Response:
    """Try a dead letter again, as if it were new."""
    desk, letter = await _letter(request)
    again = replace(letter, dead=False, tries=0, due=desk.clock())
    await desk.office.backplane.ask(lambda store: store.outbox.put_back(again))
    desk.office.ledger.on_letters()
    return JSONResponse(_shown(again), 202, NOT_STORED)


async def forget_letter(request: Request) -> Response:
    """Forget a dead letter."""
    desk, letter = await _letter(request)
    await desk.office.backplane.ask(lambda store: store.outbox.settle(letter))
    return Response(status_code=204)


def _operators(request: Request) -> Desk:
    desk = desk_of(request)
    require(rank(desk.caller(request)), Action.SEE_WEBHOOKS)
    return desk


async def _letter(request: Request) -> tuple[Desk, Letter]:
    desk, number = _operators(request), request.path_params["letter"]
    found = await desk.office.backplane.ask(lambda store: store.outbox.get(number))
    if found is None or not found.dead:
        raise UnknownLetterError("There is no such dead letter.")
    return desk, found


def _shown(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "webhook_id": letter.event,
        "endpoint": letter.endpoint,
        "made": round(letter.made, 3),
        "tries": letter.tries,
        "error": letter.error,
        "body": letter.body,
    }
