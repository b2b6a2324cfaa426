"""The pages: static files of the package, read once, answered with validators."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

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
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'self'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "media-src 'self' blob: mediastream:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
MODULE_HEADERS = {
    "Cache-Control": "public, max-age=60",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    type: str
    etag: str


def routes() -> list[Route]:
    """Return the table."""
    return [
        resource("/", {"GET": landing}, open_to_all=False),
        resource("/s/{space}", {"GET": page}, open_to_all=False),
        resource("/r/{recording}", {"GET": recording}, open_to_all=False),
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
        return _serve(request, "space.html", PAGE_HEADERS, status=404)
    return _serve(request, "space.html", PAGE_HEADERS)


async def recording(request: Request) -> Response:
    """Show one recording; the page finds out whether there is one for its visitor."""
    return _serve(request, "replay.html", PAGE_HEADERS)


async def module(request: Request) -> Response:
    """Serve a module, a style or an image, to any origin."""
    return _serve(request, request.path_params["file"], MODULE_HEADERS)


@cache
def assets() -> Mapping[str, Asset]:
    """Read every file of web/ once."""
    found = {}
    for file in (files("spacescore") / "web").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind and file.is_file():
            body = file.read_bytes()
            found[file.name] = Asset(body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
    return found


def _serve(request: Request, name: str, headers: Mapping[str, str], status: int = 200) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise Problem(404, "unknown-file", "There is no such file here.")
    whole = {**headers, "ETag": asset.etag}
    known = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
    if status == 200 and known & {asset.etag, f"W/{asset.etag}", "*"}:
        return Response(status_code=304, headers=whole)
    return Response(asset.body, status, {**whole, "Content-Type": asset.type})
