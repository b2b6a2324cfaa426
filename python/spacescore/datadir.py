"""What a node keeps on disk: keys, a certificate, recordings.

    operator.key     one key a line; the first is current, the others are still accepted
    ticket.key       "id hex" a line; the last mints
    webhook.secret   signs what is told to endpoints that name no secret of their own
    certificate.pem, private_key.pem
    recordings/<space>-<UTC start>.opus, and what belongs to it (`recordings`)
    doors.json       how the doors of spaces are kept
    node.id          the node's name among those on one store
    node.json        where the node was reached when it last started
    lock             held while a node runs here

Beside them lies `rooms.sqlite3`, the books of the spaces, where the service is told of no other
store.

Everything secret is readable by its owner only, and written whole or not at all.
"""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spacescore.errors import StartupError
from spacescore.tokens import new_operator_key

__all__ = ["DataDir"]

CERTIFICATE_SECONDS = 20 * 86_400  # a new one then; each is valid for 30 days


class DataDir:
    """The folder of one node."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Make the folder where it is missing. Raises StartupError when it cannot be used."""
        self.path = Path(path)
        self._lock: int | None = None
        self._given: set[str] = set()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.recordings.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StartupError(f"The data folder {path} cannot be used: {error}.") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StartupError(f"The data folder {path} is not writable.")

    @property
    def recordings(self) -> Path:
        """Where the recordings go."""
        return self.path / "recordings"

    @property
    def operator_key_path(self) -> Path:
        """Where the operator finds their key."""
        return self.path / "operator.key"

    def lock(self) -> None:
        """Claim the folder for this process. Raises StartupError when a node runs here."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StartupError(f"Another node runs on the data folder {self.path}.") from None
        self._lock = descriptor

    def unlock(self) -> None:
        """Give the folder back. Idempotent."""
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # forked children hold the descriptor too
            os.close(self._lock)
            self._lock = None

    def operator_keys(self) -> list[str]:
        """Return the operator's keys; the first start draws one."""
        text = self._read_or_make(self.operator_key_path, lambda: new_operator_key() + "\n")
        keys = text.split()
        if not keys:
            raise StartupError(f"{self.operator_key_path} holds no key.")
        return keys

    def write_operator_keys(self, keys: Iterable[str]) -> None:
        """Put other keys in their place, the issuing one first."""
        self._write(self.operator_key_path, "".join(f"{key}\n" for key in keys))

    def webhook_secret(self) -> str:
        """Return the secret of endpoints that name none; the first need of it draws one."""
        made = base64.b64encode(secrets.token_bytes(32)).decode()
        return self._read_or_make(self.path / "webhook.secret", lambda: f"whsec_{made}\n").strip()

    def ticket_keys(self) -> list[tuple[int, bytes]]:
        """Return (key id, 32 bytes), the minting one last; the first start draws one."""
        path = self.path / "ticket.key"
        text = self._read_or_make(path, lambda: f"1 {secrets.token_hex(32)}\n")
        try:
            rows = [line.split() for line in text.splitlines() if line.strip()]
            keys = [(int(number), bytes.fromhex(key)) for number, key in rows]
        except ValueError:
            keys = []
        if not keys or any(not 0 <= n <= 255 or len(key) != 32 for n, key in keys):
            raise StartupError(f"{path} is damaged: a line is a number and 64 hex digits.")
        return keys

    def certificate(self, generate: Callable[[], tuple[str, str]], now: float) -> tuple[str, str]:
        """Return (certificate, private key) as PEM; `generate` makes a pair when it is time."""
        certificate, key = self.path / "certificate.pem", self.path / "private_key.pem"
        if not self._is_younger(certificate, now - CERTIFICATE_SECONDS) or not key.exists():
            fresh_certificate, fresh_key = generate()
            self._write(key, fresh_key)
            self._write(certificate, fresh_certificate)
        return self._read(certificate), self._read(key)

    def new_recording(self, slug: str, now: float) -> Path:
        """Return a path that no recording has, on disk or about to be."""
        start = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        name, number = f"{slug}-{start}", 1
        while name in self._given or (self.recordings / f"{name}.opus").exists():
            number += 1
            name = f"{slug}-{start}-{number}"
        self._given.add(name)
        return self.recordings / f"{name}.opus"

    def node_id(self) -> str:
        """Return the name of this node among those on one store; a restart keeps it."""
        return self._read_or_make(
            self.path / "node.id", lambda: f"{secrets.token_hex(8)}\n"
        ).strip()

    def write_node(self, node: Mapping[str, Any]) -> None:
        """Note where the node is reached."""
        self._write(self.path / "node.json", json.dumps(node) + "\n")

    def read_node(self) -> dict[str, Any]:
        """Return what `write_node` noted. Raises StartupError."""
        try:
            return dict(json.loads(self._read(self.path / "node.json")))
        except ValueError:
            raise StartupError(f"{self.path}/node.json is damaged.") from None

    def write_doors(self, doors: Mapping[str, Any]) -> None:
        """Note how the doors are kept, so that a restart does not throw them open."""
        self._write(self.path / "doors.json", json.dumps(doors) + "\n")

    def read_doors(self) -> dict[str, Any]:
        """Return what `write_doors` noted. Raises StartupError."""
        path = self.path / "doors.json"
        try:
            return dict(json.loads(self._read(path))) if path.exists() else {}
        except ValueError:
            raise StartupError(f"{path} is damaged.") from None

    def _is_younger(self, path: Path, than: float) -> bool:
        try:
            return path.stat().st_mtime > than
        except FileNotFoundError:
            return False

    def _read_or_make(self, path: Path, make: Callable[[], str]) -> str:
        if not path.exists():
            self._write(path, make())
        return self._read(path)

    def _read(self, path: Path) -> str:
        try:
            return path.read_text()
        except (OSError, UnicodeError) as error:
            raise StartupError(f"{path} cannot be read: {error}.") from error

    def _write(self, path: Path, text: str) -> None:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise StartupError(f"{path} cannot be written: {error}.") from error
