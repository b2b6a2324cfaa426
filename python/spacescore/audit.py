"""The audit log over HTTP: every act of moderation, the latest first, a page at a time."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.api import NOT_STORED
from spacescore.desk import Desk, desk_of, resource
from spacescore.errors import UnknownSpaceError
from spacescore.policy import Action, rank, require
from spacescore.reading import read_page
from spacescore.rooms.acts import Act
from spacescore.rooms.standing import rank_of

__all__ = ["routes"]


def routes() -> list[Route]:
    """Return the table."""
    return [
        resource("/api/audit", {"GET": show_all_acts}),
        resource("/api/spaces/{space}/audit", {"GET": show_acts}),
    ]


async def show_all_acts(request: Request) -> Response:
    """For the operator: what was done in every space, the latest first."""
    desk = desk_of(request)
    require(rank(desk.caller(request)), Action.CREATE_SPACE)
    return await _page(desk, request, None)


async def show_acts(request: Request) -> Response:
    """For those who run a space: what was done in it, the latest first, also when it is over."""
    desk, slug = desk_of(request), request.path_params["space"]
    room = await desk.office.last(slug)
    head = await desk.office.backplane.find(slug)
    if room is None or head is None:
        raise UnknownSpaceError("There is no such space here.")
    require(rank_of(room, desk.caller(request)), Action.SEE_AUDIT)
    return await _page(desk, request, head.key)


async def _page(desk: Desk, request: Request, key: str | None) -> Response:
    before, limit = read_page(request)
    ask = desk.office.backplane.ask
    found: Sequence[Act] = await ask(lambda store: store.audit.page(key, before, limit))
    more = found[-1].id if len(found) == limit else None
    return JSONResponse({"acts": [_shown(act) for act in found], "before": more}, 200, NOT_STORED)


def _shown(act: Act) -> dict[str, Any]:
    return {
        "id": act.id,
        "time": round(act.at, 3),
        "space": act.space,
        "act": act.what,
        "by": asdict(act.by),
        "whom": asdict(act.whom) if act.whom.peer or act.whom.identity else None,
        "detail": dict(act.detail),
        "outcome": act.outcome,
    }
