"""The pages: static files of the package, read once, answered with validators.

A page is a body in web/, put into page.html with the modules that it will ask for: the browser
fetches them all at once, and not one import after the other. Fields that two forms have stand in
announcement.html.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spacescore.desk import desk_of, resource
from spacescore.errors import UnknownSpaceError
from spacescore.problem import Problem

__all__ = ["routes"]

TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
# Nothing but what is named, nothing foreign, and no text ever becomes markup or code.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob: mediastream:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SPACE_HEADERS = PAGE_HEADERS | {
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
MODULE_HEADERS = {
    "Cache-Control": "public, max-age=60",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
# Each with the way to the root.
PAGES = {"index": "", "space": "../", "replay": "../", "operations": ""}
_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"\./([\w-]+\.js)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    packed: bytes
    type: str
    etag: str  # weak: packed or not, it says the same


def routes() -> list[Route]:
    """Return the table."""
    return [
        resource("/", {"GET": landing}, open_to_all=False),
        resource("/s/{space}", {"GET": page}, open_to_all=False),
        resource("/r/{recording}", {"GET": recording}, open_to_all=False),
        resource("/operations", {"GET": operations}, open_to_all=False),
        resource("/web/{file}", {"GET": module}),
    ]


async def landing(request: Request) -> Response:
    """Show the spaces of this node."""
    return _serve(request, "index.html", PAGE_HEADERS)


async def page(request: Request) -> Response:
    """Show one space. An unknown one has a page as well, which says so."""
    try:
        await desk_of(request).office.room(request.path_params["space"])
    except UnknownSpaceError:
        return _serve(request, "space.html", SPACE_HEADERS, status=404)
    return _serve(request, "space.html", SPACE_HEADERS)


async def recording(request: Request) -> Response:
    """Show one recording; the page finds out whether there is one for its visitor."""
    return _serve(request, "replay.html", PAGE_HEADERS)


async def operations(request: Request) -> Response:
    """Show how the node does, once its visitor has a key or a pass."""
    return _serve(request, "operations.html", PAGE_HEADERS)


async def module(request: Request) -> Response:
    """Serve a module, a style or an image, to any origin."""
    return _serve(request, request.path_params["file"], MODULE_HEADERS)


@cache
def assets() -> Mapping[str, Asset]:
    """Read every file of web/ once, and put the pages together."""
    found = {}
    for file in (files("spacescore") / "web").iterdir():
        if file.name.rpartition(".")[2] in TYPES and file.is_file():
            found[file.name] = file.read_bytes()
    frame = Template(found.pop("page.html").decode())
    fields = found.pop("announcement.html").decode().strip()
    for name, root in PAGES.items():
        found[f"{name}.html"] = _page(frame, name, root, found, fields)
    return {name: _asset(name, body) for name, body in found.items()}


def modules(name: str, sources: Mapping[str, bytes]) -> Iterator[str]:
    """Yield a module and all that it imports, each once."""
    waiting, seen = [name], {name}
    for module in waiting:
        yield module
        fresh = [one for one in _IMPORT.findall(sources[module].decode()) if one not in seen]
        seen.update(fresh)
        waiting += dict.fromkeys(fresh)


def _page(
    frame: Template, name: str, root: str, sources: Mapping[str, bytes], fields: str
) -> bytes:
    wanted = modules(f"{name}.js", sources)
    links = [f'<link rel="modulepreload" href="{root}web/{one}">' for one in wanted]
    body = Template(sources[f"{name}.html"].decode()).substitute(announcement=fields)
    whole = frame.substitute(root=root, name=name, modules="\n  ".join(links), body=body)
    return whole.encode()


def _asset(name: str, body: bytes) -> Asset:
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    kind = TYPES[name.rpartition(".")[2]]
    return Asset(body, gzip.compress(body, mtime=0), kind, tag)


def _serve(request: Request, name: str, headers: Mapping[str, str], status: int = 200) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise Problem(404, "unknown-file", "There is no such file here.")
    whole = {**headers, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    tags = request.headers.get("if-none-match", "").split(",")
    known = {tag.strip().removeprefix("W/") for tag in tags}
    if status == 200 and known & {asset.etag.removeprefix("W/"), "*"}:
        return Response(status_code=304, headers=whole)
    whole["Content-Type"] = asset.type
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, status, {**whole, "Content-Encoding": "gzip"})
    return Response(asset.body, status, whole)
