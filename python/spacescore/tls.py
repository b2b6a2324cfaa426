"""The certificate of the pages, read again when its files change.

New handshakes use the new pair, connections go on with theirs. A pair is tried aside first: one
that does not work, half written or for another key, leaves the old one in place.
"""

import ssl
from pathlib import Path

from spacescore.doctor.certificate import look_at
from spacescore.doctor.facts import Certificate
from spacescore.errors import StartupError

__all__ = ["Pair"]

Stamp = tuple[tuple[int, int, int], ...]


class Pair:
    """A certificate and its key in two files, and the live context that serves them."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the pair. Raises StartupError when it does not work."""
        self._certificate, self._key = certificate, key
        self._context: ssl.SSLContext | None = None
        self._seen = self._stamp()
        self.told = self._try()

    def serve_by(self, context: ssl.SSLContext) -> None:
        """Keep a server's context up to date from now on."""
        self._context = context

    def has_changed(self) -> bool:
        """Whether a file is another than it was when this was last asked, or read."""
        stamp = self._stamp()
        changed, self._seen = stamp != self._seen, stamp
        return changed

    def reload(self) -> None:
        """Let new handshakes use what the files hold. Raises StartupError; the old one stays."""
        self._seen = self._stamp()
        self.told = self._try()
        if self._context is not None:
            self._context.load_cert_chain(self._certificate, self._key)

    def _try(self) -> Certificate:
        told = look_at(self._certificate, self._key)
        if told.error:
            raise StartupError(f"The TLS certificate and key do not work: {told.error}.")
        return told

    def _stamp(self) -> Stamp:
        return tuple(_stamp(path) for path in (self._certificate, self._key))


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written or replaced; symbolic links are followed."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
