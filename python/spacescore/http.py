"""The room service as an ASGI application: for `spacescore serve`, and for embedders.

    app = FastAPI()
    app.mount("/rooms", spacescore.asgi(engine))

It holds no state but the engine's, runs under Trio and asyncio, and may be served twice.
"""

import re
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from spacescore import (
    accompany,
    api,
    audit,
    follow,
    hooks,
    openapi,
    operations,
    pages,
    people,
    replay,
    whip,
)
from spacescore.clients import Proxies
from spacescore.desk import Desk, IceServer, desk_of, resource
from spacescore.engine import Engine
from spacescore.errors import InvalidRequestError
from spacescore.kept import Front
from spacescore.office import Office
from spacescore.polling import Bounds, Pacing
from spacescore.problem import Problem, handle_http_exception
from spacescore.tokens import KeyRing

__all__ = ["asgi", "check_public_url"]

_PUBLIC_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


class _Door(Convertor[str]):
    regex = "whip|whep"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("door", _Door())


def asgi(
    engine: Engine,
    *,
    keys: KeyRing | None = None,
    ice_servers: Sequence[IceServer] = (),
    public_url: str = "",
    office: Office | None = None,
    proxies: Proxies | None = None,
    bounds: Bounds | None = None,
) -> Starlette:
    """Make the application of one engine.

    keys: who the operator is, and what tokens are signed with; by default a ring that dies
    with the process. public_url: how people reach this server, where a proxy stands before
    it (by default what the Host header says). office: keeps the books of the spaces; by default
    they are in memory, and gone with the process. proxies: who may say for whom they ask; by
    default nobody, or whom the server that runs this trusts. bounds: of how long pages wait before
    they ask again. Raises InvalidRequestError for a bad URL.
    """
    public_url = check_public_url(public_url)
    parts = (api, pages, accompany, people, audit, hooks, replay, whip, operations, openapi)
    table: list[BaseRoute] = [route for part in parts for route in part.routes()]
    table += [*follow.routes(), *_operations()]
    desk = Desk(
        engine,
        keys or KeyRing.ephemeral(),
        office or Office(engine),
        ice_servers,
        public_url,
        proxies or Proxies(),
        pacing=Pacing(bounds),
    )
    app = Starlette(
        routes=table,
        middleware=[Middleware(Front, desk=desk)],
        exception_handlers={HTTPException: handle_http_exception},
    )
    app.router.redirect_slashes = False  # a redirect would lose the body of a POST
    app.state.desk = desk
    return app


def check_public_url(text: str) -> str:
    """Return the URL without a slash at its end; "" stays. Raises InvalidRequestError."""
    url = text.rstrip("/")
    if url and not _PUBLIC_URL.fullmatch(url):
        raise InvalidRequestError(f"{url!r} is no http or https URL.")
    return url


def _operations() -> list[Route]:
    return [
        resource("/metrics", {"GET": metrics}, open_to_all=False),
        resource("/healthz", {"GET": healthz}, open_to_all=False),
        resource("/readyz", {"GET": readyz}, open_to_all=False),
    ]


async def metrics(request: Request) -> Response:
    """Show the node's counters to Prometheus."""
    body = desk_of(request).metrics.exposition()
    return PlainTextResponse(body, media_type="text/plain; version=0.0.4")


async def healthz(request: Request) -> Response:
    """Say whether the process works: the media thread answers."""
    desk_of(request).engine.counters()
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Say whether to send people here."""
    if desk_of(request).draining:
        raise Problem(503, "draining", "This node is going away.", {"Retry-After": "5"})
    desk_of(request).engine.counters()
    return JSONResponse({"status": "ready"})
