"""The outbox in a database that speaks SQL.

A try is a lease: who moves the time at which a letter is due has it until then. A node that dies
meanwhile leaves it to be tried again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spacescore.store.base import Letter
from spacescore.store.sql_audit import Connection

__all__ = ["SqlOutbox"]

_ALL = "id, event, endpoint, body, made, due, tries, dead, error"


class SqlOutbox:
    """See Outbox."""

    def __init__(self, store: Connection) -> None:
        self._store = store

    def insert(self, letters: Sequence[Letter]) -> None:
        """Add within a transaction of the store's."""
        for one in letters:
            row = (one.id, one.event, one.endpoint, one.body, one.made, one.due, one.tries)
            self._store.execute(
                f"INSERT INTO outbox ({_ALL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (*row, int(one.dead), one.error),
            )

    def add(self, letters: Sequence[Letter]) -> None:
        """See Outbox."""
        with self._store.transaction():
            self.insert(letters)

    def due(self, endpoint: str, now: float, limit: int) -> list[Letter]:
        """See Outbox."""
        where = "WHERE endpoint = ? AND dead = 0 AND due <= ? ORDER BY due, id LIMIT ?"
        return self._letters(where, (endpoint, now, limit))

    def claim(self, letter: Letter, until: float) -> bool:
        """See Outbox."""
        with self._store.transaction():
            cursor = self._store.execute(
                "UPDATE outbox SET due = ? WHERE id = ? AND due = ? AND dead = 0",
                (until, letter.id, letter.due),
            )
            return bool(cursor.rowcount == 1)

    def settle(self, letter: Letter) -> None:
        """See Outbox."""
        with self._store.transaction():
            self._store.execute("DELETE FROM outbox WHERE id = ?", (letter.id,))

    def put_back(self, letter: Letter) -> None:
        """See Outbox."""
        with self._store.transaction():
            self._store.execute(
                "UPDATE outbox SET due = ?, tries = ?, dead = ?, error = ? WHERE id = ?",
                (letter.due, letter.tries, int(letter.dead), letter.error, letter.id),
            )

    def get(self, number: str) -> Letter | None:
        """See Outbox."""
        found = self._letters("WHERE id = ?", (number,))
        return found[0] if found else None

    def dead(self, before: str, limit: int) -> list[Letter]:
        """See Outbox."""
        where = "WHERE dead = 1 AND (id < ? OR ? = '') ORDER BY id DESC LIMIT ?"
        return self._letters(where, (before, before, limit))

    def counts(self) -> dict[str, tuple[int, int]]:
        """See Outbox."""
        rows = self._store.rows(
            "SELECT endpoint, COUNT(*), SUM(dead) FROM outbox GROUP BY endpoint ORDER BY endpoint"
        )
        return {endpoint: (int(all_) - int(dead), int(dead)) for endpoint, all_, dead in rows}

    def trim(self, endpoint: str, waiting: int, dead: int) -> int:
        """See Outbox."""
        gone = 0
        with self._store.transaction():
            for state, kept in ((0, waiting), (1, dead)):
                cursor = self._store.execute(
                    "DELETE FROM outbox WHERE endpoint = ? AND dead = ? AND id <="
                    " (SELECT id FROM outbox WHERE endpoint = ? AND dead = ?"
                    " ORDER BY id DESC LIMIT 1 OFFSET ?)",
                    (endpoint, state, endpoint, state, kept),
                )
                gone += int(cursor.rowcount)
        return gone

    def _letters(self, where: str, values: Sequence[object]) -> list[Letter]:
        rows = self._store.rows(f"SELECT {_ALL} FROM outbox {where}", values)  # noqa: S608
        return [_letter(*row) for row in rows]


def _letter(*row: Any) -> Letter:
    *values, dead, error = row
    return replace(Letter(*values), dead=bool(dead), error=error)
