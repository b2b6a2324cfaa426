"""A small HTTP client: one connection per thread, kept open, and failures as causes."""

import http.client
import json
import ssl
import threading
from typing import Any
from urllib.parse import SplitResult, urlsplit

from spacescore.errors import SpacescoreError

__all__ = ["LoadError", "Refused", "Requests"]


class LoadError(SpacescoreError):
    """The load test cannot start; the message says what to change."""


class Refused(Exception):  # noqa: N818  (a listener's fate, counted by its text)
    """A request came to nothing; `str()` is the cause, short."""


class Requests:
    """Asks one server, from any number of threads."""

    def __init__(self, url: str, *, insecure: bool = False, timeout: float = 10.0) -> None:
        """Raise LoadError where `url` is none."""
        parts = _split(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise LoadError(f"{url!r} is no http or https URL.")
        try:
            self.port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise LoadError(f"{url!r} has no port that can be.") from None
        self.host = parts.hostname
        self.path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._tls = _context(insecure) if parts.scheme == "https" else None
        self._timeout = timeout
        self._local = threading.local()
        self._open: set[http.client.HTTPConnection] = set()  # of all threads

    def close(self) -> None:
        """Close what is open, whoever opened it; nobody asks any more."""
        for connection in list(self._open):
            connection.close()
        self._open.clear()

    def ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[str, dict[str, str]]:
        """Return the body and the headers, names in lower case. Raises Refused.

        A kept connection may have been closed by the server meanwhile: then once more.
        """
        fresh = not hasattr(self._local, "connection")
        try:
            return self._ask(method, path, body, headers or {})
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._forget()
            if fresh:
                raise Refused("HTTP connection closed") from None
            return self.ask(method, path, body, headers)
        except TimeoutError:
            self._forget()
            raise Refused("HTTP timeout") from None
        except ConnectionRefusedError:
            self._forget()
            raise Refused("HTTP connection refused") from None
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            raise Refused(f"HTTP: {error}") from None

    def ask_json(self, method: str, path: str, body: Any = None) -> Any:
        """Send and return JSON. Raises Refused."""
        text = None if body is None else json.dumps(body)
        answer, _ = self.ask(method, path, text, {"Content-Type": "application/json"})
        try:
            return json.loads(answer)
        except ValueError:
            raise Refused("HTTP answer is no JSON") from None

    def _ask(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[str, dict[str, str]]:
        connection = self._connection()
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        if not 200 <= response.status < 300:
            raise Refused(f"HTTP {response.status}")
        return text, {name.lower(): value for name, value in response.getheaders()}

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = connection = (
                http.client.HTTPSConnection(
                    self.host, self.port, timeout=self._timeout, context=self._tls
                )
                if self._tls
                else http.client.HTTPConnection(self.host, self.port, timeout=self._timeout)
            )
            self._open.add(connection)
        known: http.client.HTTPConnection = self._local.connection
        return known

    def _forget(self) -> None:
        if hasattr(self._local, "connection"):
            self._local.connection.close()
            self._open.discard(self._local.connection)
            del self._local.connection


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")  # as whoever looks it up does
    except ValueError as error:
        raise LoadError(f"{url!r} is no URL: {error}.") from None
    return parts


def _context(insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
