"""Going away in good order: nobody new comes in, those who are there are told until when, and
where to; the node leaves when the last of them has, or when the time is over.

`state.json` carries the farewell to every page; who would join is sent on (RFC 9110 section
15.4.8, which WHIP and WHEP clients follow), or refused where there is no other node.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import anyio
from starlette.requests import Request
from starlette.responses import Response

from spacescore.errors import OverloadedError

__all__ = ["JOINS", "Farewell", "until_empty"]

LOOK_SECONDS = 0.5  # between looks whether everybody has left
RETRY_SECONDS = 5

# What leads to a join, by path and method. A page is of use as long as there is no other.
JOINS: Mapping[str, str] = {
    "/s/{space}": "GET",
    "/api/spaces/{space}/ticket": "GET",
    "/api/spaces/{space}/stage": "POST",
    "/whip/{space}": "POST",
    "/whep/{space}": "POST",
}
PAGES = {"/s/{space}"}


@dataclass(frozen=True, slots=True)
class Farewell:
    """Until when people may stay, and who takes them."""

    ends: float  # Unix time
    to: str = ""  # a URL without a slash at its end; "" where nobody takes over

    def state(self, space: str) -> dict[str, Any]:
        """What state.json tells."""
        return {"ends": int(self.ends), "to": f"{self.to}/s/{space}" if self.to else None}

    def answer(self, path: str, request: Request) -> Response | None:
        """Send somebody on who would join; None for whatever else is asked.

        Raises OverloadedError where there is nowhere to go.
        """
        method = "GET" if request.method == "HEAD" else request.method
        if JOINS.get(path) != method:
            return None
        if self.to:
            params = {name: quote(value) for name, value in request.path_params.items()}
            there = self.to + path.format(**params)
            return Response(
                status_code=307, headers={"Location": there, "Cache-Control": "no-store"}
            )
        if path in PAGES:
            return None
        raise OverloadedError("This node is going away; join another.", RETRY_SECONDS)


async def until_empty(
    people: Callable[[], Awaitable[int]], seconds: float, stopping: Callable[[], Awaitable[object]]
) -> str:
    """Wait until nobody is left, time is over, or it is to be at once; say which it was."""
    with anyio.move_on_after(seconds):
        while await people():
            with anyio.move_on_after(LOOK_SECONDS):
                await stopping()
                return "stopped"
        return "empty"
    return "time is over"
