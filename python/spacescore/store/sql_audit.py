"""The audit book in a database that speaks SQL."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any, Protocol

from spacescore.rooms.acts import Act, Party

__all__ = ["Connection", "SqlAuditBook"]


_ALL = "id, happened, space, slug, what, actor, target, detail, outcome"


class Connection(Protocol):
    """What a book needs of the store that it is a part of."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run a statement; return its cursor."""

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Read outside of a transaction."""

    def transaction(self) -> AbstractContextManager[None]:
        """Do everything or nothing."""


class SqlAuditBook:
    """See AuditBook."""

    def __init__(self, store: Connection) -> None:
        self._store = store

    def insert(self, acts: Sequence[Act]) -> None:
        """Add within a transaction of the store's."""
        for act in acts:
            row = (act.id, act.at, act.key, act.space, act.what, *_texts(act), act.outcome)
            self._store.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def add(self, acts: Sequence[Act]) -> None:
        """See AuditBook."""
        with self._store.transaction():
            self.insert(acts)

    def page(self, key: str | None, before: str, limit: int) -> list[Act]:
        """See AuditBook."""
        where, values = ("id < ?", [before]) if before else ("id > ?", [""])
        if key is not None:
            where, values = f"space = ? AND {where}", [key, *values]
        rows = self._store.rows(
            f"SELECT {_ALL} FROM audit WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608
            [*values, limit],
        )
        return [_act(*row) for row in rows]

    def forget(self, before: float) -> int:
        """See AuditBook."""
        with self._store.transaction():
            cursor = self._store.execute("DELETE FROM audit WHERE happened < ?", (before,))
            return int(cursor.rowcount)


def _texts(act: Act) -> tuple[str, str, str]:
    by, whom, detail = asdict(act.by), asdict(act.whom), dict(act.detail)
    return _text(by), _text(whom), _text(detail)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _act(
    number: str,
    at: float,
    key: str,
    slug: str,
    what: str,
    by: str,
    whom: str,
    detail: str,
    outcome: str,
) -> Act:
    actor, target = Party(**json.loads(by)), Party(**json.loads(whom))
    return Act(number, at, slug, key, what, actor, target, json.loads(detail), outcome)
