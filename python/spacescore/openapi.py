"""The API described: an OpenAPI 3.1 document, made of the table of routes itself.

Paths and methods are the table's, a summary is the first line of a handler's docstring; what
a handler takes stands in `_BODIES` by its name, and what a member may be in `_FIELDS`. A
handler that takes nothing needs no line here, and a new route is in the document at once.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spacescore.admission import MAX_SECONDS, MIN_SECONDS, Mode
from spacescore.desk import Handler, desk_of, resource
from spacescore.figures import MAX_TIME
from spacescore.operations import MAX_ROW
from spacescore.policy import Role
from spacescore.reading import MAX_PAGE
from spacescore.rooms.details import (
    MAX_GRACE,
    MAX_KEEP_DAYS,
    MAX_RAW_DESCRIPTION_CHARS,
    MAX_SEATS,
    MAX_TOPIC_CHARS,
    MAX_TOPICS,
    MIN_GRACE,
)
from spacescore.rooms.facts import Visibility
from spacescore.rooms.lifetime import MAX_TTL_SECONDS
from spacescore.rooms.pins import MAX_PIN_TITLE_CHARS, MAX_PINS, MAX_URL_CHARS
from spacescore.rooms.rules import MAX_USES
from spacescore.spaces import MAX_NAME_CHARS, MAX_RAW_CHARS, MAX_TITLE_CHARS

__all__ = ["describe", "routes"]

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "number", "minimum": 0, "maximum": MAX_TIME}  # Unix seconds


def _line(limit: int) -> Schema:
    """Lengths are of what is left when what cannot be seen is taken out."""
    says = f"One line of at most {limit} characters, without what cannot be seen."
    return {"type": "string", "maxLength": MAX_RAW_CHARS, "description": says}


def _or_null(schema: Schema) -> Schema:
    """What is null was not said."""
    choice = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **choice}


_FIELDS: Mapping[str, Schema] = {
    "space": {
        "type": "string",
        "pattern": "^([a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?)?$",
        "description": "Drawn where it is empty.",
    },
    "title": _line(MAX_TITLE_CHARS),
    "description": {"type": "string", "maxLength": MAX_RAW_DESCRIPTION_CHARS},
    "topics": {"type": "array", "items": _line(MAX_TOPIC_CHARS), "maxItems": MAX_TOPICS},
    "language": {"type": "string", "examples": ["en", "de", "pt-BR"]},
    "visibility": {"type": "string", "enum": [str(one) for one in Visibility]},
    "open_stage": _FLAG,
    "max_speakers": {"type": "integer", "minimum": 1, "maximum": MAX_SEATS},
    "record": _FLAG,
    "starts": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_TIME,
        "description": "Unix seconds, within a year from now; 0: not scheduled.",
    },
    "music": _FLAG,
    "auto_open": {"type": "boolean", "description": "By itself, at `starts`."},
    "grace": {
        "type": "integer",
        "minimum": MIN_GRACE,
        "maximum": MAX_GRACE,
        "description": "Seconds for a host to come back; then a co-host takes over.",
    },
    "keep_days": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_KEEP_DAYS,
        "description": "Days after which its recording is deleted; 0: when the node deletes it.",
    },
    "show_names": _FLAG,
    "draft": _FLAG,
    "host": _line(MAX_NAME_CHARS),
    "name": _line(MAX_NAME_CHARS),
    "role": {"type": "string", "enum": [str(role) for role in Role]},
    "first": {"type": "boolean"},
    "ttl": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_TTL_SECONDS,
        "description": "Seconds: from the planned start on, where that is to come.",
    },
    "uses": {"type": "integer", "minimum": 1, "maximum": MAX_USES},
    "code": _TEXT,
    "accept": _FLAG,
    "muted": _FLAG,
    "with_link": _FLAG,
    "peer": {"type": "integer", "minimum": 1, "maximum": 2**32 - 1},
    "published": _FLAG,
    "text": _TEXT,
    "reaction": _TEXT,
    "pins": {
        "type": "array",
        "maxItems": MAX_PINS,
        "items": {
            "type": "object",
            "required": ["url"],
            "properties": {
                "title": _or_null(_line(MAX_PIN_TITLE_CHARS)),
                "url": {"type": "string", "format": "uri", "maxLength": MAX_URL_CHARS},
            },
        },
    },
    "mode": {"type": "string", "enum": [str(one) for one in Mode]},
    "seconds": {
        "type": "number",
        "minimum": MIN_SECONDS,
        "maximum": MAX_SECONDS,
        "description": "Of `paced`: until everybody may enter.",
    },
    "start": _MOMENT,
    "end": _MOMENT,
}
_DETAILS = (
    *("title", "description", "topics", "language", "visibility", "open_stage", "show_names"),
    *("max_speakers", "record", "starts", "music", "auto_open", "grace", "keep_days"),
)
_BODIES: Mapping[str, tuple[str, ...]] = {
    "create_space": ("space", "host", "draft", *_DETAILS),
    "edit_space": _DETAILS,
    "issue_token": ("role", "name", "ttl", "first"),
    "enter_stage": ("name",),
    "introduce": ("name",),
    "make_link": ("role", "name", "ttl", "uses"),
    "use_link": ("code", "name"),
    "answer_offer": ("accept",),
    "give_role": ("role",),
    "hand_over": ("peer",),
    "mute_speaker": ("muted",),
    "block": ("with_link",),
    "pin_links": ("pins",),
    "keep_door": ("mode", "seconds"),
    "publish": ("published",),
    "caption": ("text", "start", "end", "name"),
    "react": ("reaction",),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "use_link": ("code",),
    "give_role": ("role",),
    "hand_over": ("peer",),
    "pin_links": ("pins",),
    "keep_door": ("mode",),
    "caption": ("text",),
    "react": ("reaction",),
}
_PAGE: Mapping[str, Schema] = {
    "before": {"type": "string", "pattern": "^[A-Za-z0-9._-]*$"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 50},
}
_QUERIES: Mapping[str, Mapping[str, Schema]] = {
    "pulse": {"since": {"type": "integer", "minimum": 0, "maximum": MAX_ROW}},
    "show_all_acts": _PAGE,
    "show_acts": _PAGE,
    "list_dead": _PAGE,
}
_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A word for programs."},
    },
}
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def routes() -> list[Route]:
    """Return the table."""
    return [resource("/openapi.json", {"GET": show})]


async def show(request: Request) -> Response:
    """Describe this API."""
    root = request.scope.get("root_path", "")
    document = describe(request.app.routes, desk_of(request).public_url + root or "/")
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=60"})


def describe(table: Iterable[Any], server: str = "/") -> dict[str, Any]:
    """Return the document of everything below /api/."""
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        handlers: Mapping[str, Handler] = getattr(route.endpoint, "handlers", {})
        if route.path.startswith("/api/"):
            path = _PARAMETER.sub(r"{\1}", route.path)
            names = _PARAMETER.findall(route.path)
            paths[path] = {"parameters": [_parameter(name) for name in names]} | {
                method.lower(): _operation(method, handler) for method, handler in handlers.items()
            }
    return {
        "openapi": "3.1.0",
        "info": {"title": "spacescore", "version": version("spacescore")},
        "servers": [{"url": server}],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of somebody in the space, or the operator's key.",
                }
            },
        },
    }


def _parameter(name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0} if name == "peer" else _TEXT
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(method: str, handler: Handler) -> dict[str, Any]:
    name = handler.__name__
    summary = (inspect.getdoc(handler) or name).splitlines()[0]
    refused = {
        "description": "Why not.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    done = {"description": "Done."}
    operation: dict[str, Any] = {
        "operationId": f"{handler.__module__.rpartition('.')[2]}_{name}",
        "summary": summary,
        "responses": {"2XX": done, "304": done, "4XX": refused, "503": refused},
    }
    if name in _QUERIES:
        operation["parameters"] = [
            {"name": member, "in": "query", "schema": schema}
            for member, schema in _QUERIES[name].items()
        ]
    if name in _BODIES and method in ("POST", "PUT", "PATCH"):
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _body(name)}},
        }
    return operation


def _body(name: str) -> dict[str, Any]:
    needed = _NEEDED.get(name, ())
    members = {member: _FIELDS[member] for member in _BODIES[name]}
    optional = {one: _or_null(members[one]) for one in members if one not in needed}
    body = {"type": "object", "properties": members | optional}
    return body | ({"required": list(needed)} if needed else {})
