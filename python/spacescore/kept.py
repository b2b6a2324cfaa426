"""Answers that are the same for everybody, rendered once a second and sent as they are.

A million pages ask for three of them. Whoever asks again while an answer is fresh gets its bytes
before any route is looked for; the first who asks later has it rendered anew. What was asked with
an entity tag is answered by it. While a node drains nothing is kept: then it matters who asks.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from spacescore.desk import Desk

__all__ = ["Answer", "Front", "Kept", "Sent", "keep", "kept_of"]

_MARK = "spacescore.keep"
Mark = tuple[str, float, float, bool, bool]  # slug, made, until, paced, private
KEPT_STATUSES = (200, 404)  # what is there, and that there is nothing
MAX_KEPT = 6_000  # three for each of as many spaces as the office keeps in mind


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and from when until when: a clock that steps back makes it old."""

    slug: str
    made: float
    until: float
    paced: bool  # whether askers are counted by address
    private: bool  # whether a route must let them in first
    tag: bytes  # by which it is found: weakly, as RFC 9110 section 13.1.2 has it
    head: dict[str, Any]
    body: dict[str, Any]
    unchanged: dict[str, Any]  # for who has it already (RFC 9110 section 15.4.5)

    @classmethod
    def of(cls, response: Response, mark: Mark) -> "Answer":
        """Take a response apart."""
        headers = response.raw_headers
        tag = dict(headers).get(b"etag", b"").removeprefix(b"W/")
        short = [pair for pair in headers if pair[0] not in (b"content-length", b"content-type")]
        start = "http.response.start"
        return cls(
            *mark,
            tag,
            {"type": start, "status": response.status_code, "headers": headers},
            {"type": "http.response.body", "body": bytes(response.body)},
            {"type": start, "status": 304, "headers": short},
        )

    def is_known(self, scope: Scope) -> bool:
        """Whether who asks has it already."""
        if self.tag:
            for name, value in scope["headers"]:
                if name == b"if-none-match":
                    known = {each.strip().removeprefix(b"W/") for each in value.split(b",")}
                    return self.tag in known
        return False

    async def send(self, scope: Scope, send: Send) -> int:
        """Send it; return the status."""
        if self.is_known(scope):
            await send(self.unchanged)
            await send(_NOTHING)
            return 304
        await send(self.head)
        await send(self.body)
        return int(self.head["status"])


_NOTHING = {"type": "http.response.body", "body": b""}


class Kept:
    """The answers of one front, by path."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}

    def find(self, path: str, now: float) -> Answer | None:
        """Return an answer that is fresh."""
        found = self._answers.get(path)
        return found if found and found.made <= now < found.until else None

    def put(self, path: str, answer: Answer) -> None:
        """Keep an answer; the oldest go where there are too many."""
        self._answers.pop(path, None)
        self._answers[path] = answer
        if len(self._answers) > MAX_KEPT:
            del self._answers[next(iter(self._answers))]

    def forget(self, slug: str) -> None:
        """Forget what was said of a space: something in it has changed."""
        for path in [path for path, one in self._answers.items() if one.slug == slug]:
            del self._answers[path]

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()


def keep(
    scope: Scope,
    slug: str,
    now: float,
    seconds: float,
    *,
    paced: bool = False,
    private: bool = False,
) -> None:
    """Ask for this answer to be kept for everybody; private: for whom the route lets in."""
    scope[_MARK] = (slug, now, now + seconds, paced, private)


def kept_of(scope: Scope, response: Response) -> Answer | None:
    """Return the answer to keep, where it was asked for."""
    mark: Mark | None = scope.get(_MARK)
    if mark is None or response.status_code not in KEPT_STATUSES:
        return None
    return Answer.of(response, mark)


class Sent(Response):
    """An answer that is kept, as the routes' own."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status_code=answer.head["status"])
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; HEAD gets the head alone from the server."""
        await self._answer.send(scope, send)


class Front:
    """Stands before the routes."""

    def __init__(self, app: ASGIApp, desk: "Desk") -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from what is kept, or pass on."""
        desk = self._desk
        desk.pacing.asked += scope["type"] == "http"
        if scope["type"] == "http" and scope["method"] == "GET" and desk.farewell is None:
            answer = desk.kept.find(scope["path"], desk.clock())
            if answer and not answer.private and not (answer.paced and desk.is_paced(scope)):
                began = time.perf_counter()
                status = await answer.send(scope, send)
                desk.metrics.count_request(status, time.perf_counter() - began)
                return
        await self._app(scope, receive, send)
