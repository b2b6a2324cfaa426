"""How a request is read: its body, its JSON and its page, each with a limit.

Limits stand where the bytes come in: a body is refused while it streams in, not after.
"""

import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import anyio
from starlette.requests import Request

from spacescore.errors import InvalidRequestError
from spacescore.figures import MAX_TIME, read_count
from spacescore.problem import Problem

__all__ = ["MAX_PAGE", "Fields", "read_body", "read_json", "read_page"]

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0  # an offer is 2 KB
MAX_PAGE = 200  # lines of a list
_PAGE_ID = re.compile(r"[A-Za-z0-9._-]{0,64}")


async def read_body(request: Request, kind: str) -> bytes:
    """Return a body of media type `kind`. Raises Problem 415, 413, 408."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != kind:
        raise Problem(415, "wrong-type", f"The body must be {kind}.", {"Accept": kind})
    too_long = Problem(413, "too-long", f"The body is longer than {MAX_BODY_BYTES} bytes.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:9]) > MAX_BODY_BYTES:
        raise too_long
    body = bytearray()
    with anyio.move_on_after(BODY_SECONDS) as patience:
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise too_long
    if patience.cancelled_caught:
        raise Problem(408, "too-slow", "The body did not come in time.")
    return bytes(body)


async def read_json(request: Request) -> "Fields":
    """Return the fields of a JSON object. Raises Problem 415, 413, 400."""
    body = await read_body(request, "application/json")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise InvalidRequestError("The body must be a JSON object.")
    return Fields(value)


def read_page(request: Request) -> tuple[str, int]:
    """Return before which id, and how many: of a list that is shown by pages."""
    before = request.query_params.get("before", "")
    limit = read_count(request.query_params.get("limit", "50"), MAX_PAGE)
    if not _PAGE_ID.fullmatch(before):
        raise InvalidRequestError("before is the id that the page before ended with.")
    if not limit:
        raise InvalidRequestError(f"limit is 1 to {MAX_PAGE}.")
    return before, limit


class Fields:
    """A JSON object whose members are read by type; a wrong one is an InvalidRequestError."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._value = value

    def text(self, name: str, default: str = "") -> str:
        """Return a string."""
        return str(self._get(name, str, default))

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        return bool(self._get(name, bool, default))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self._get(name, list, [])
        if not all(isinstance(each, str) for each in value):
            raise InvalidRequestError(f"{name} must be a list of texts.")
        return tuple(value)

    def objects(self, name: str) -> tuple["Fields", ...]:
        """Return a list of objects."""
        value = self._get(name, list, [])
        if not all(isinstance(each, dict) for each in value):
            raise InvalidRequestError(f"{name} must be a list of objects.")
        return tuple(Fields(each) for each in value)

    def __contains__(self, name: str) -> bool:
        return self._value.get(name) is not None

    def number(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self._get(name, int, default)
        if isinstance(value, bool):
            raise InvalidRequestError(f"{name} must be a number.")
        if abs(value) > MAX_TIME:
            raise InvalidRequestError(f"{name} is too large a number.")
        return int(value)

    def seconds(self, name: str, least: int = 0, most: int = MAX_TIME) -> float | None:
        """Return a time or a duration, if there is one."""
        value = self._value.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidRequestError(f"{name} must be a number of seconds.")
        if not least <= value <= most:  # and NaN is not
            raise InvalidRequestError(f"{name} is {least} to {most} seconds.")
        return float(value)

    def _get(self, name: str, kind: type, default: Any) -> Any:
        value = self._value.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            words = {str: "text", bool: "true or false", int: "a whole number", list: "a list"}
            raise InvalidRequestError(f"{name} must be {words[kind]}.")
        return value
