"""Where facts are kept: in memory, in SQLite, in PostgreSQL; one interface and one schema.

`append` is a compare-and-set: it writes behind the version that the facts were decided on,
or raises ConflictError when somebody else has written there. What it returned from is on
disk. Everything here waits for disks and servers: call it from a thread.
"""

from pathlib import Path

from spacescore.errors import StartupError
from spacescore.store.base import Entry, Head, Home, Letter, Store
from spacescore.store.memory import MemoryStore

__all__ = ["Entry", "Head", "Home", "Letter", "MemoryStore", "Store", "open_store"]


def open_store(where: str | Path) -> Store:
    """Open a store: a path is SQLite's file, postgresql://... a server, memory: neither.

    Raises StartupError, with what to change.
    """
    text = str(where)
    if text == "memory:":
        return MemoryStore()
    if text.startswith(("postgresql://", "postgres://")):
        from spacescore.store.postgres import open_postgres

        return open_postgres(text)
    if "://" in text:
        scheme = text.partition("://")[0]
        raise StartupError(f"A store is a file or postgresql://..., not {scheme}://.")
    from spacescore.store.sqlite import open_sqlite

    return open_sqlite(Path(text))
