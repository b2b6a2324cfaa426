"""The store in one file: SQLite in WAL mode.

synchronous=FULL: a commit is on disk when it returns, about 0.3 ms on an SSD; with NORMAL a
power cut could take back what was acknowledged.
"""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacescore.errors import ConflictError, SpacescoreError, StartupError, StoreError
from spacescore.store.sql import SqlStore

__all__ = ["SqliteStore", "open_sqlite"]

BUSY_SECONDS = 1.0  # for whoever else has the file: a backup, a second look


def open_sqlite(path: Path) -> "SqliteStore":
    """Open or make the file. Raises StartupError."""
    try:
        store = SqliteStore(path)
    except (sqlite3.Error, OSError) as error:
        raise StartupError(f"The store {path} cannot be opened: {error}.") from error
    try:
        store.migrate(time.time())
    except BaseException:
        store.close()
        raise
    return store


class SqliteStore(SqlStore):
    """See the module."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self.execute("PRAGMA journal_mode=WAL")
            self.execute("PRAGMA synchronous=FULL")
            self.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            self._connection.close()
            raise

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """See SqlStore."""
        return self._connection.execute(statement, values)

    def begin(self) -> None:
        """See SqlStore. IMMEDIATE: who waits, waits here and not in the middle."""
        self.execute("BEGIN IMMEDIATE")

    def end(self, *, commit: bool) -> None:
        """See SqlStore."""
        if commit:
            self.execute("COMMIT")
        elif self._connection.in_transaction:
            self.execute("ROLLBACK")

    def translate(self, error: Exception) -> Exception:
        """See SqlStore."""
        if isinstance(error, SpacescoreError):
            return error
        if isinstance(error, sqlite3.IntegrityError):
            return ConflictError("Somebody else has written first.")
        if isinstance(error, sqlite3.Error):
            return StoreError(f"Nothing can be stored now ({error}); please try again.")
        return error

    def close(self) -> None:
        """See Store."""
        self._connection.close()
