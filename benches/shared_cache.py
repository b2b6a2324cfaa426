"""A shared cache as RFC 9111 has it, as small as a faithful one can be, before an ASGI application.

What it keeps is what any CDN or proxy may: answers to GET that say for how long they are fresh
(section 3), for everybody (5.2.2), and do not vary. What is stale is validated by its entity tag
(4.3), once for all who ask meanwhile (section 4, the last paragraph but one: collapsed requests).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trio

__all__ = ["SharedCache", "Stored"]


@dataclass(slots=True)
class Stored:
    """A response, and how long it stays fresh."""

    status: int
    headers: dict[str, str]
    body: bytes
    fresh_until: float = 0.0


class SharedCache:
    """One, with what it was asked and what it had to ask itself."""

    def __init__(self, app: Any, clock: Callable[[], float]) -> None:
        self._app, self._clock = app, clock
        self._stored: dict[str, Stored] = {}
        self._asking: dict[str, trio.Event] = {}
        self.asked = 0
        self.forwarded: Counter[str] = Counter()  # by path: what reached the service
        self.bytes = 0  # that the service sent

    async def get(self, path: str) -> Stored:
        """Answer a client from what is fresh, or ask the service."""
        self.asked += 1
        while True:
            known = self._stored.get(path)
            if known and self._clock() < known.fresh_until:
                return known
            if path not in self._asking:
                break
            await self._asking[path].wait()
        done = self._asking[path] = trio.Event()
        try:
            return await self._forward(path, known)
        finally:
            del self._asking[path]
            done.set()

    async def _forward(self, path: str, stale: Stored | None) -> Stored:
        tag = stale.headers.get("etag", "") if stale else ""
        found = await self.ask(path, tag)
        if found.status == 304 and stale:
            stale.headers |= found.headers
            found = stale
        found.fresh_until = self._clock() + lifetime(found.headers)
        if found.status == 200:
            self._stored[path] = found
        return found

    async def ask(self, path: str, tag: str = "") -> Stored:
        """Ask the service, for what has changed since a tag."""
        self.forwarded[path] += 1
        headers = [(b"host", b"rooms.test")]
        if tag:
            headers.append((b"if-none-match", tag.encode()))
        scope: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "GET"}
        scope |= {"scheme": "http", "path": path, "query_string": b"", "root_path": ""}
        scope["headers"] = headers
        found = Stored(0, {}, b"")

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                found.status = message["status"]
                found.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                found.body += message.get("body", b"")

        await self._app(scope, receive, send)
        self.bytes += len(found.body) + sum(map(len, [*found.headers, *found.headers.values()]))
        return found


def lifetime(headers: dict[str, str]) -> float:
    """Return for how many seconds a response is fresh for everybody; 0: not to be stored."""
    given = headers.get("cache-control", "").replace(" ", "").split(",")
    said = dict(each.partition("=")[::2] for each in given)
    if {"no-store", "private", "no-cache"} & said.keys() or "vary" in headers:
        return 0.0
    seconds = float(said.get("s-maxage", said.get("max-age", 0.0)))
    return max(0.0, seconds - float(headers.get("age", 0.0)))
