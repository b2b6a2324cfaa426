"""The store in PostgreSQL, for more than one node: psycopg, called from threads.

A connection that was lost is made anew by the next call; what was under way is answered
with StoreError, and whether it was written the next decision sees by its version.
"""

import re
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from spacescore.errors import ConflictError, SpacescoreError, StartupError, StoreError
from spacescore.store.sql import SqlStore

__all__ = ["PostgresStore", "open_postgres"]

CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 5_000
_MIGRATING = 7_740_881  # an advisory lock: two nodes may start at once


def open_postgres(url: str) -> "PostgresStore":
    """Connect, and bring the schema up to date. Raises StartupError, without the password."""
    try:
        import psycopg
    except ImportError as error:
        raise StartupError(
            "A store in PostgreSQL needs psycopg: pip install 'spacescore[postgres]'."
        ) from error
    store = PostgresStore(psycopg, url)
    try:
        store.migrate(time.time())
    except StartupError as error:
        store.close()
        parts = urlsplit(url)
        place = f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"
        raise StartupError(f"PostgreSQL at {place}: {error}") from None
    return store


class PostgresStore(SqlStore):
    """See the module."""

    shared = True

    def __init__(self, driver: Any, url: str) -> None:
        super().__init__()
        self._driver = driver
        self._url = url
        self._connection: Any = None

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """See SqlStore. Reads outside of a transaction are each their own."""
        if self._connection is None or self._connection.closed:
            self._connection = self._driver.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={STATEMENT_MILLISECONDS}",
            )
        return self._connection.execute(statement.replace("?", "%s"), values)

    def begin(self) -> None:
        """See SqlStore. Where the server has restarted meanwhile, nothing is lost yet."""
        try:
            self.execute("BEGIN")
        except self._driver.OperationalError:
            if not self._connection or not self._connection.closed:
                raise
            self.execute("BEGIN")

    def end(self, *, commit: bool) -> None:
        """See SqlStore."""
        if commit:
            self.execute("COMMIT")
        elif self._connection is not None and not self._connection.closed:
            self.execute("ROLLBACK")

    def migrate(self, now: float) -> None:
        """See SqlStore; one node at a time."""
        try:
            self.execute("SELECT pg_advisory_lock(?)", (_MIGRATING,))
            super().migrate(now)
            self.execute("SELECT pg_advisory_unlock(?)", (_MIGRATING,))
        except self._driver.Error as error:
            raise StartupError(f"it cannot be used ({_first_line(error)}).") from error

    def translate(self, error: Exception) -> Exception:
        """See SqlStore. What the server says names hosts, people and files: it stays the cause."""
        if isinstance(error, SpacescoreError):
            return error
        if isinstance(error, self._driver.errors.UniqueViolation):
            return ConflictError("Somebody else has written first.")
        if isinstance(error, self._driver.Error):
            return StoreError(f"Nothing can be stored now ({_kind(error)}); please try again.")
        return error

    def close(self) -> None:
        """See Store."""
        if self._connection is not None:
            self._connection.close()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _kind(error: Exception) -> str:
    """DiskFull -> disk full."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()
