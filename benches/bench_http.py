"""What does it cost to answer what every page asks, over the bare handler of the same stack?

The floor is a Starlette application with one route, whose handler returns bytes that lie ready, as
many as ours. Both are asked by ASGI in one thread: what a server adds is the same for both. Where
the answer is one person's own, the floor does what no handler can leave out: it verifies the token
with PyJWT, and has the core mint the ticket.
"""

import itertools
import timeit
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore import Engine, KeyRing, asgi
from spacescore.policy import OPERATOR, Grant, Role
from spacescore.rooms.facts import Details, Visibility
from spacescore.tokens import TokenKey

KEY = "the operator's key of this bench"
ASKED = 300  # requests in a round
ROUNDS = 5  # of what has no floor
BUDGET = 1.5
STATE = "/api/spaces/{space}/state.json"
TICKET = "/api/spaces/{space}/ticket"
Send = Callable[[Any], Awaitable[None]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """With an open space, and nobody in it."""
    with Engine(host="127.0.0.1", port=0, data=tmp_path) as engine:
        engine.create_space("demo", record=False)
        yield engine


class Asker:
    """Asks one application for one path, each time from another address."""

    def __init__(self, app: Any, path: str, *headers: tuple[bytes, bytes]) -> None:
        self.app, self.path = app, path.format(space="demo")
        self.headers = [(b"host", b"rooms.test"), (b"accept", b"*/*"), *headers]
        self.addresses = itertools.cycle(f"198.51.{n // 250}.{n % 250}" for n in range(5_000))
        self.bytes = 0

    def __call__(self) -> None:
        """Ask as often as a round has it."""
        trio.run(self._ask)

    async def _ask(self) -> None:
        for _ in range(ASKED):
            await self.app(self._scope(), self._receive, self._send)

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": self.path,
            "query_string": b"",
            "scheme": "http",
            "headers": self.headers,
            "client": (next(self.addresses), 5_000),
            "root_path": "",
        }

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Any) -> None:
        assert message.get("status", 200) == 200
        self.bytes = len(message.get("body", b"")) or self.bytes


class Forgetful(Asker):
    """Has each answer rendered anew, as the first who asks in a second does."""

    def _scope(self) -> dict[str, Any]:
        self.app.state.desk.kept.clear()
        return super()._scope()


def bare(path: str, size: int) -> Starlette:
    """The same stack, with a handler that has nothing to do."""
    body = b"x" * size

    async def handler(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route(path, handler)])


@pytest.mark.parametrize("path", [STATE, TICKET], ids=["state", "ticket"])
def bench_what_everybody_asks(
    path: str, engine: Engine, against_floor: Any, benchmark: Any
) -> None:
    """The ticket is everybody's, so its HMAC is not made for each: the floor has none.

    Beside it, how long the one rendering of each second takes.
    """
    app = asgi(engine, keys=KeyRing([KEY]))
    ours = Asker(app, path)
    ours()
    floor = Asker(bare(path, ours.bytes), path)
    against_floor(ours, floor, budget=BUDGET, units=ASKED)
    rendering = min(timeit.repeat(Forgetful(app, path), number=1, repeat=ROUNDS)) / ASKED
    benchmark.extra_info["ns_rendered"] = round(rendering * 1e9, 1)


@pytest.mark.parametrize("path", [STATE, TICKET], ids=["state", "ticket"])
def bench_what_is_ones_own(path: str, engine: Engine, against_floor: Any) -> None:
    """Where a space is by invitation each token is verified, and each ticket minted."""
    app = asgi(engine, keys=KeyRing([KEY]))
    desk = app.state.desk
    ada = Grant("own", Role.LISTENER, 7, "Ada", int(desk.clock()) + 600, issued=desk.clock() + 1)
    token = desk.keys.issue(ada, now=desk.clock())

    async def invite() -> None:
        from spacescore.rooms.commands import Open

        details = Details("Own", visibility=Visibility.INVITE, record=False)
        await desk.office.create("own", details, OPERATOR)
        await desk.office.do("own", Open(), OPERATOR)

    trio.run(invite)
    bearer = (b"authorization", f"Bearer {token}".encode())
    path = path.replace("{space}", "own")
    ours = Asker(app, path, bearer)
    ours()
    secret, size = TokenKey.derive(KEY).secret, ours.bytes

    async def handler(request: Request) -> Response:
        given = request.headers["authorization"].partition(" ")[2]
        jwt.decode(given, secret, algorithms=["HS256"], audience="spacescore")
        if path.endswith("ticket"):
            return JSONResponse(engine.ticket("own", grant=ada).to_dict())
        return Response(b"x" * size, media_type="application/json")

    floor = Asker(Starlette(routes=[Route(path, handler)]), path, bearer)
    against_floor(ours, floor, budget=BUDGET, units=ASKED)
