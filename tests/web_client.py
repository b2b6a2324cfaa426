"""Requests to the real ASGI application, under Trio, one event loop run each."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import trio

from spacescore import Engine, KeyRing, asgi
from spacescore.policy import Grant, Role

OPERATOR_KEY = "the operator's key of these tests"
Receive = Callable[[], Awaitable[dict[str, Any]]]
BASE = "http://rooms.test"


class Web:
    """One application and whoever asks it."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        self.keys = KeyRing([OPERATOR_KEY])
        self.engine = engine
        self.app = asgi(engine, keys=self.keys, **options)
        self.desk = self.app.state.desk

    def request(self, method: str, path: str, *, token: str = "", **options: Any) -> httpx.Response:
        """Ask once. `token`: Bearer."""
        headers = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, headers=headers, **options)

        return trio.run(ask)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def stream(
        self, path: str, receive: Receive, headers: dict[str, str], **run: Any
    ) -> httpx.Response:
        """POST a body as it comes, by ASGI itself: `receive` brings the next message."""
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "scheme": "http",
            "headers": [(b"host", b"rooms.test"), *pairs],
        }
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        trio.run(self.app, scope, receive, send, **run)
        start, *rest = sent
        body = b"".join(message.get("body", b"") for message in rest)
        return httpx.Response(start["status"], headers=start["headers"], content=body)

    def token(self, role: str = "speaker", space: str = "demo", *, ttl: int = 60) -> str:
        """A token of somebody new."""
        grant = self.engine.invite(space, role=role, name="Ada", ttl=ttl)
        return self.keys.issue(grant, now=self.desk.clock())

    def token_of(self, grant: Grant) -> str:
        """The token of somebody known."""
        return self.keys.issue(grant, now=self.desk.clock())


def problem(response: httpx.Response) -> tuple[int, str]:
    """Check that a response is a well-formed problem; return its status and code."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert body["detail"]
    return response.status_code, body["code"]


__all__ = ["BASE", "OPERATOR_KEY", "Role", "Web", "problem"]
