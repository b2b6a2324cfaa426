"""Who is told, and how they know that it is us: Standard Webhooks, the symmetric scheme.

An endpoint is set as `URL` or `URL,SECRET` or `URL,@FILE`. A file has a secret a line; a letter is
signed with each, so a secret is rolled by adding the new one, and taking the old one away later.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from spacescore.errors import InvalidRequestError, StartupError

__all__ = ["SOME_SECRET", "Endpoint", "read_endpoints", "shown_url"]

PREFIX = "whsec_"
SOME_SECRET = PREFIX + base64.b64encode(bytes(32)).decode()  # to check settings with
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64  # as the specification has them


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL and the secrets that its owner knows."""

    name: str  # the URL as people may read it
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)

    def headers(self, event: str, body: bytes, now: float) -> dict[str, str]:
        """Return what says who sends it, and when: a copy is of no use later."""
        stamp = str(int(now))
        signed = b".".join((event.encode(), stamp.encode(), body))
        digests = (hmac.digest(secret, signed, "sha256") for secret in self.secrets)
        return {
            "content-type": "application/json",
            "webhook-id": event,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(
                f"v1,{base64.b64encode(digest).decode()}" for digest in digests
            ),
        }


def read_endpoints(given: Iterable[str], secret: str) -> tuple[Endpoint, ...]:
    """Return the endpoints of the setting; `secret`: of those that name none.

    Raises InvalidRequestError and StartupError, without what is secret.
    """
    found = tuple(_read(text, secret) for text in given)
    names = [endpoint.name for endpoint in found]
    if len(set(names)) != len(names):
        raise InvalidRequestError("webhooks: two endpoints differ only in what is not shown.")
    return found


def shown_url(url: str) -> str:
    """Return a URL without what may be secret in it: user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path or "/", "", ""))


def _read(text: str, secret: str) -> Endpoint:
    url, _, own = text.partition(",")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidRequestError("webhooks: an endpoint is http(s)://HOST/PATH[,SECRET].")
    name = shown_url(url)
    return Endpoint(name, url, tuple(_secret(name, each) for each in _secrets(own or secret)))


def _secrets(text: str) -> Sequence[str]:
    if not text.startswith("@"):
        return [text]
    path = Path(text[1:])
    try:
        found = path.read_text().split()
    except (OSError, UnicodeError) as error:
        raise StartupError(f"webhooks: {path} cannot be read: {error}.") from error
    if not found:
        raise StartupError(f"webhooks: {path} holds no secret.")
    return found


def _secret(name: str, text: str) -> bytes:
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(PREFIX) or not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
        size = f"{MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes in base64"
        raise InvalidRequestError(f"webhooks: the secret of {name} is not {PREFIX} and {size}.")
    return secret
