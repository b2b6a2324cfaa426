"""Which links may be pinned: a few, over https, with nothing in them that misleads."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from spacescore.errors import InvalidRequestError
from spacescore.rooms.facts import Pin
from spacescore.spaces import clean_text

__all__ = ["MAX_PINS", "MAX_PIN_TITLE_CHARS", "MAX_URL_CHARS", "check_pins"]

MAX_PINS = 5
MAX_PIN_TITLE_CHARS = 80
MAX_URL_CHARS = 500
# Outside of ASCII there are twins of every letter; % and xn-- are plain.
_URL_TEXT = re.compile(r"""[!#-;=?-\[\]_a-z~]+""")
_HOST = re.compile(
    r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE
)


def check_pins(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """Return clean pins; one without a title shows its host. Raises InvalidRequestError."""
    found = tuple(_check(pin) for pin in pins)
    if len(found) > MAX_PINS:
        raise InvalidRequestError(f"A space has at most {MAX_PINS} pinned links.")
    return found


def _check(pin: Pin) -> Pin:
    url = pin.url.strip()
    if len(url) > MAX_URL_CHARS:
        raise InvalidRequestError(f"A pinned link has at most {MAX_URL_CHARS} characters.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not (_URL_TEXT.fullmatch(url) and url[:8].lower() == "https://" and _HOST.fullmatch(host)):
        raise InvalidRequestError("A pinned link is a whole https:// URL, in ASCII.")
    if "@" in parts.netloc:
        raise InvalidRequestError("A pinned link names nobody before its host.")
    return Pin(clean_text(pin.title, MAX_PIN_TITLE_CHARS) or host, url)
