"""Every driver behind one fixture; PostgreSQL is started here, on loopback, where there is one."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacescore.store import Store, open_store


def _binaries() -> Path | None:
    places = [Path(p).resolve().parent for p in (shutil.which("initdb"),) if p]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in places if (place / "initdb").exists()), None)


def _unprivileged() -> dict[str, int]:
    """Whom to run it as: PostgreSQL refuses root."""
    if os.geteuid():
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    who = names.get("postgres") or names["nobody"]
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


# What a sanitizer puts before every program of ours is none of PostgreSQL's business.
CLEAN = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


class Postgres:
    """A server of our own."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder = binaries, folder
        self._as = _unprivileged()
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "test", "-A", "trust", "-N"]
        subprocess.run(
            initdb, check=True, capture_output=True, cwd=folder, env=CLEAN, timeout=60, **self._as
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"postgresql://test@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F"]
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.folder / "data", *options],
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=CLEAN,
            **self._as,
        )
        try:
            self._wait()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        ready = [self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False, env=CLEAN).returncode:
            assert time.monotonic() < deadline, "PostgreSQL does not start"
            assert self.process.poll() is None, "PostgreSQL ended"
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # fast: does not wait for clients
        self.process.wait(30)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine: apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="spacescore-pg-"))
    server = Postgres(binaries, folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def empty_postgres(postgres) -> str:
    """The URL of a database without anything in it."""
    import psycopg

    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres.url


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def where(request, tmp_path) -> str:
    """What a store is opened by."""
    if request.param == "postgres":
        return request.getfixturevalue("empty_postgres")
    return "memory:" if request.param == "memory" else str(tmp_path / "rooms.sqlite3")


@pytest.fixture
def store(where) -> Iterator[Store]:
    store = open_store(where)
    yield store
    store.close()
