"""The operations page and what it shows: for the operator, and whoever has a pass of theirs.

A pass is read-only: it shows how the node does, and opens nothing else. It travels behind the
`#` of a link, or is typed in; no secret is in a URL that a server sees.
"""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.api import NOT_STORED
from spacescore.desk import Desk, desk_of, resource
from spacescore.errors import InvalidRequestError
from spacescore.figures import read_count
from spacescore.policy import Action, rank, require
from spacescore.pulse import COLUMNS, KEPT_SECONDS

__all__ = ["MAX_ROW", "routes"]

MAX_ROW = 10**9


def routes() -> list[Route]:
    """Return the table."""
    return [
        resource("/api/operations", {"GET": pulse}),
        resource("/api/operations/findings", {"GET": findings}),
    ]


async def pulse(request: Request) -> Response:
    """How the node does, second by second; rows after number `since` only, where it is given."""
    desk = _desk_of_watcher(request)
    since = read_count(request.query_params.get("since", "0"), MAX_ROW)
    if since is None:
        raise InvalidRequestError("since is the number of a row.")
    vitals = desk.vitals
    await vitals.look()
    body = {
        "node": desk.node,
        "version": version("spacescore"),
        "began": int(vitals.began),
        "time": round(desk.clock(), 2),
        "draining": desk.draining,
        "max_listeners": desk.engine.max_listeners,
        "kept": KEPT_SECONDS,
        "number": vitals.pulse.number,
        "columns": COLUMNS,
        "rows": vitals.pulse.since(since),
        "off_air": sorted(desk.office.off_air),
        "spaces": [await _space(desk, asdict(space)) for space in vitals.spaces],
        "drops": vitals.drops,
    }
    return JSONResponse(body, headers=NOT_STORED)


async def findings(request: Request) -> Response:
    """What the doctor says of the machine, at most a minute old."""
    found = await _desk_of_watcher(request).vitals.findings()
    return JSONResponse({"findings": [asdict(one) for one in found]}, headers=NOT_STORED)


def _desk_of_watcher(request: Request) -> Desk:
    """Return the desk to who may watch. Raises UnauthenticatedError, ForbiddenError."""
    desk = desk_of(request)
    if not desk.watches(request):
        require(rank(desk.caller(request)), Action.WATCH)
    return desk


async def _space(desk: Desk, known: dict[str, Any]) -> dict[str, Any]:
    admission = await desk.office.backplane.admission(known["space"])
    return known | {"opened": int(known["opened"]), "admission": admission.shown()}
