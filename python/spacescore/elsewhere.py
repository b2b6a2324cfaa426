"""Asked of a node that is not a space's home: here is the address of the one that is.

Commands may be given to any node. What its media core alone knows or does is for the home, so
others say where that is, in `Location`:

- 307 to who opens the page, and to WHIP and WHEP clients, which follow (RFC 9725 section 4.5);
- 421 (RFC 9110 section 15.5.20) to all others: a page may not follow to another origin, and who may
  leaves the token behind.
"""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from spacescore.problem import Problem, problem_response
from spacescore.store import Home

__all__ = ["answer", "is_for_home"]

PAGE = "/s/{space}"
FOLLOWING: Mapping[str, str] = {PAGE: "GET", "/whip/{space}": "POST", "/whep/{space}": "POST"}
_API = "/api/spaces/{space}"
FOR_HOME: Mapping[str, str] = {
    **FOLLOWING,
    f"{_API}/state.json": "GET",
    f"{_API}/ticket": "GET",
    f"{_API}/live.json": "GET",
    f"{_API}/captions": "POST",
    f"{_API}/reactions": "POST",
    # What the commons keep: one process's, as long as there is no driver for several.
    f"{_API}/admission": "PUT",
    f"{_API}/stage": "POST",
    f"{_API}/people": "POST",
    f"{_API}/people/{{peer}}/block": "POST",
    f"{_API}/blocked/{{identity:path}}": "DELETE",
}


def is_for_home(path: str, request: Request, home: Home) -> bool:
    """Whether only the home can answer; a page that has nowhere to go says so itself."""
    method = "GET" if request.method == "HEAD" else request.method
    return FOR_HOME.get(path) == method and bool(home.url or path != PAGE)


def answer(path: str, request: Request, home: Home) -> Response:
    """Say where to ask."""
    if not home.url:
        detail = "This space is on air on another node, which has no public_url of its own."
        return problem_response(Problem(421, "elsewhere", detail))
    asked = quote(request.scope["path"].removeprefix(request.scope.get("root_path", "")))
    query = f"?{request.url.query}" if request.url.query else ""
    there = {"Location": home.url + asked + query}
    if path in FOLLOWING:
        return Response(status_code=307, headers=there | {"Cache-Control": "no-store"})
    detail = f"This space is on air on another node: ask {home.url}"
    return problem_response(Problem(421, "elsewhere", detail, there))
