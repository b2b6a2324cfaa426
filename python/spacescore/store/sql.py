"""One schema in two databases.

Statements are written with ? for parameters and use nothing that either database lacks. A
driver says how to begin a transaction, and what its exceptions mean. Migrations are numbered
files, applied in their order, each in one transaction with the note that it was.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import Any

from spacescore.errors import ConflictError, StartupError, StoreError
from spacescore.rooms.acts import Act
from spacescore.rooms.facts import dump, load
from spacescore.rooms.room import Phase
from spacescore.store.base import Entry, Head, Home, Letter, dump_details, read_details
from spacescore.store.sql_audit import SqlAuditBook
from spacescore.store.sql_outbox import SqlOutbox

__all__ = ["SqlStore", "migrations"]

_HEAD = "key, slug, version, phase, details, created, opened, ended"


@cache
def migrations() -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return (number, statements) of every migration in its order."""
    folder = files("spacescore") / "store" / "migrations"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    texts = sorted((int(file.name.partition("_")[0]), file.read_text()) for file in found)
    return tuple(
        (number, tuple(each for each in text.split(";") if each.strip())) for number, text in texts
    )


class SqlStore(ABC):
    """A store in a database that speaks SQL. One connection, one caller at a time."""

    blocking = True
    shared = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.audit = SqlAuditBook(self)
        self.outbox = SqlOutbox(self)

    @abstractmethod
    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; return its cursor."""

    @abstractmethod
    def begin(self) -> None:
        """Begin a transaction that will write."""

    @abstractmethod
    def end(self, *, commit: bool) -> None:
        """Commit, or roll back."""

    @abstractmethod
    def translate(self, error: Exception) -> Exception:
        """Return what of ours a driver's exception is: ConflictError, StoreError."""

    @abstractmethod
    def close(self) -> None:
        """See Store."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do everything or nothing."""
        with self._lock:
            try:
                self.begin()
                yield
                self.end(commit=True)
            except BaseException as error:
                self._give_up()
                if isinstance(error, Exception):
                    raise self.translate(error) from error
                raise

    def migrate(self, now: float) -> None:
        """Bring the schema up to date. Raises StartupError, also when it is ahead of us."""
        known = [number for number, _ in migrations()]
        try:
            with self.transaction():
                self.execute(
                    "CREATE TABLE IF NOT EXISTS migrations"
                    " (number INTEGER PRIMARY KEY, applied DOUBLE PRECISION NOT NULL)"
                )
                rows = self.execute("SELECT number FROM migrations").fetchall()
                done = {int(row[0]) for row in rows}
                if done - set(known):
                    raise StartupError("The store was written by a later version of spacescore.")
                for number, statements in migrations():
                    if number not in done:
                        for statement in statements:
                            self.execute(statement)
                        self.execute("INSERT INTO migrations VALUES (?, ?)", (number, now))
        except StoreError as error:
            raise StartupError(f"The store cannot be used: {error}") from error

    def living(self) -> list[Head]:
        """See Store."""
        return self._heads("WHERE phase <> 'ended' ORDER BY created")

    def ended(self, limit: int) -> list[Head]:
        """See Store."""
        return self._heads("WHERE phase = 'ended' ORDER BY ended DESC LIMIT ?", (limit,))

    def find(self, slug: str) -> Head | None:
        """See Store."""
        found = self._heads("WHERE slug = ? AND phase <> 'ended'", (slug,))
        found = found or self._heads("WHERE slug = ? ORDER BY ended DESC LIMIT 1", (slug,))
        return found[0] if found else None

    def find_at(self, slug: str, when: float) -> Head | None:
        """See Store."""
        where = "WHERE slug = ? AND created <= ? ORDER BY created DESC LIMIT 1"
        found = self._heads(where, (slug, when))
        return found[0] if found else None

    def read(self, key: str, after: int = 0) -> list[Entry]:
        """See Store."""
        rows = self.rows(
            "SELECT version, happened, actor, kind, body FROM facts"
            " WHERE space = ? AND version > ? ORDER BY version",
            (key, after),
        )
        return [Entry(version, at, by, load(kind, body)) for version, at, by, kind, body in rows]

    def append(
        self,
        head: Head,
        entries: Sequence[Entry],
        acts: Sequence[Act] = (),
        letters: Sequence[Letter] = (),
    ) -> None:
        """See Store."""
        before = entries[0].version - 1
        row = (head.slug, head.version, str(head.phase), dump_details(head.details))
        row_times = (head.created, head.opened, head.ended)
        with self.transaction():
            if before == 0:
                self.execute(
                    f"INSERT INTO spaces ({_HEAD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (head.key, *row, *row_times),
                )
            else:
                self._advance(head.key, before, (*row, *row_times))
            for entry in entries:
                values = (head.key, entry.version, entry.at, entry.by, *dump(entry.fact))
                self.execute("INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)", values)
            self.audit.insert(acts)
            self.outbox.insert(letters)

    def homes(self, now: float) -> dict[str, Home]:
        """See Store."""
        where = "WHERE phase = 'open' AND home_until > ?"
        rows = self.rows(f"SELECT key, home, home_url FROM spaces {where}", (now,))  # noqa: S608
        return {key: Home(node, url) for key, node, url in rows}

    def hold(self, keys: Sequence[str], home: Home, now: float, until: float) -> set[str]:
        """See Store."""
        statement = (
            "UPDATE spaces SET home = ?, home_url = ?, home_until = ?"
            " WHERE key = ? AND (home = ? OR home_until <= ?)"
        )
        held = set()
        with self.transaction():
            for key in sorted(keys):  # two nodes lock rows in one order
                values = (home.node, home.url, until, key, home.node, now)
                if self.execute(statement, values).rowcount == 1:
                    held.add(key)
        return held

    def release(self, node: str) -> None:
        """See Store."""
        with self.transaction():
            self.execute("UPDATE spaces SET home_until = 0 WHERE home = ?", (node,))

    def _advance(self, key: str, before: int, row: Sequence[Any]) -> None:
        cursor = self.execute(
            "UPDATE spaces SET slug = ?, version = ?, phase = ?, details = ?,"
            " created = ?, opened = ?, ended = ? WHERE key = ? AND version = ?",
            (*row, key, before),
        )
        if cursor.rowcount != 1:
            raise ConflictError("Somebody else has written first.")

    def _heads(self, where: str, values: Sequence[Any] = ()) -> list[Head]:
        rows = self.rows(f"SELECT {_HEAD} FROM spaces {where}", values)  # noqa: S608
        return [
            Head(key, slug, version, Phase(phase), read_details(details), *moments)
            for key, slug, version, phase, details, *moments in rows
        ]

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Read outside of a transaction."""
        with self._lock:
            try:
                return list(self.execute(statement, values).fetchall())
            except Exception as error:
                self._give_up()
                raise self.translate(error) from error

    def _give_up(self) -> None:
        with suppress(Exception):  # the first error is the one to tell of
            self.end(commit=False)
