"""What every store does, and what only those on disk can."""

import re
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from paper_stage import ADA, HOST, NOW, Stage
from spacescore.errors import ConflictError, StartupError, StoreError
from spacescore.rooms import facts
from spacescore.rooms.commands import End, MuteAll
from spacescore.rooms.facts import Details, Fact
from spacescore.rooms.room import Phase, Room
from spacescore.store import Entry, Head, Store, open_store
from spacescore.store.postgres import PostgresStore
from spacescore.store.sql import migrations

DETAILS = Details("Démo 👩‍🚀", topics=("a", "b"), starts=5)


def entries(made: list[Fact], after: int = 0) -> list[Entry]:
    return [Entry(after + n, NOW + n, "operator", fact) for n, fact in enumerate(made, 1)]


def begin(store: Store, slug: str = "demo", key: str = "k1", at: float = NOW) -> Head:
    made = entries([facts.Created(slug, DETAILS), facts.Opened()])
    room = Room.of((entry.fact, at) for entry in made)
    head = Head.of(key, room)
    store.append(head, made)
    return head


def go_on(store: Store, head: Head, *made: Fact) -> Head:
    new = entries(list(made), head.version)
    moved = replace(head, version=new[-1].version)
    if isinstance(made[-1], facts.Ended):
        moved = replace(moved, phase=Phase.ENDED, ended=new[-1].at)
    store.append(moved, new)
    return moved


def test_what_was_appended_is_read_again(store):
    head = begin(store)
    assert store.living() == [head]
    assert store.find("demo") == head
    assert [entry.version for entry in store.read("k1")] == [1, 2]
    go_on(store, head, facts.Seated(4), facts.Connected(4))
    assert store.read("k1", after=2) == [
        Entry(3, NOW + 1, "operator", facts.Seated(4)),
        Entry(4, NOW + 2, "operator", facts.Connected(4)),
    ]


def test_every_fact_survives_the_store(store):
    stage = Stage().open().seat(HOST, ADA)
    stage.do(HOST, MuteAll())
    stage.do(HOST, End())
    made = [Entry(n, at, "x", fact) for n, (fact, at) in enumerate(stage.history, 1)]
    store.append(Head.of("k", stage.room), made)
    assert Room.of((entry.fact, entry.at) for entry in store.read("k")) == stage.room


def test_who_decided_on_an_old_version_is_told(store):
    head = begin(store)
    go_on(store, head, facts.Seated(4))
    with pytest.raises(ConflictError):
        go_on(store, head, facts.Seated(5))
    assert [entry.fact for entry in store.read("k1", 2)] == [facts.Seated(4)]


def test_a_name_is_one_living_spaces(store):
    head = begin(store)
    with pytest.raises(ConflictError):
        begin(store, key="k2")
    go_on(store, head, facts.Ended())
    assert store.living() == []
    assert store.find("demo").phase is Phase.ENDED
    begin(store, key="k2")
    assert store.find("demo").key == "k2"
    assert [head.key for head in store.ended(10)] == ["k1"]
    assert len(store.read("k1")) == 3


def test_of_many_who_write_at_once_one_is_first_at_each_version(store):
    head = begin(store)
    won = []

    def write(number: int) -> None:
        at = head
        while len(won) < 40:
            try:
                at = go_on(store, at, facts.Seated(number))
                won.append(at.version)
            except ConflictError:
                last = store.read("k1")[-1].version
                at = replace(at, version=last)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(3, 3 + len(won)))
    assert [entry.version for entry in store.read("k1")] == list(range(1, 3 + len(won)))


def test_an_unknown_space_has_no_facts(store):
    assert store.find("nowhere") is None
    assert store.read("nothing") == []
    assert store.ended(5) == []


@pytest.mark.parametrize("where", ["sqlite", "postgres"], indirect=True)
def test_a_second_start_finds_everything(where, store):
    head = begin(store)
    store.close()
    again = open_store(where)
    assert again.living() == [head]
    again.close()


def test_two_connections_see_each_other(where, store):
    if where == "memory:":
        pytest.skip("memory is one process's")
    other = open_store(where)
    head = begin(store)
    assert other.find("demo") == head
    go_on(other, head, facts.Seated(4))
    with pytest.raises(ConflictError):
        go_on(store, head, facts.Seated(5))
    other.close()


def test_a_store_of_a_later_version_is_not_touched(where, store):
    if where == "memory:":
        pytest.skip("memory has no versions")
    with store.transaction():
        store.execute("INSERT INTO migrations VALUES (?, ?)", (9_999, 0.0))
    with pytest.raises(StartupError, match="later version"):
        open_store(where)


def test_migrations_are_numbered_without_gaps():
    numbers = [number for number, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("text", ["mysql://x", "http://x", "/nowhere/rooms.sqlite3"])
def test_a_store_that_cannot_be_is_named(text):
    with pytest.raises(StartupError, match="store"):
        open_store(text)


# SQLite.


def test_the_file_is_its_owners_and_no_database_is_a_clear_error(tmp_path):
    path = tmp_path / "rooms.sqlite3"
    open_store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StartupError, match="not a database"):
        open_store(path)


def test_a_locked_database_is_a_clear_error_and_nothing_is_half_written(tmp_path):
    path = tmp_path / "rooms.sqlite3"
    store = open_store(path)
    head = begin(store)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            go_on(store, head, facts.Seated(4))
        assert store.find("demo") == head  # reading goes on
        other.execute("ROLLBACK")
    other.close()
    go_on(store, head, facts.Seated(4))
    store.close()


WRITER = """
import sys
from store_writer import write
write(sys.argv[1], int(sys.argv[2]))
"""


def writer(path: Path, limit: int = 0) -> subprocess.Popen:
    tests = str(Path(__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {tests!r}){WRITER}"
    command = [sys.executable, "-c", code, str(path), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_while_writing(where: str, acknowledged: Callable[[], int]) -> None:
    """Kill a process that writes, over and over; what it said is written must be there."""
    said = 0
    for turn in range(6):
        process = writer(where)
        for _ in range(20 + 7 * turn):
            said = int(process.stdout.readline())
        process.kill()
        rest, _ = process.communicate()
        said = max([said, *map(int, rest.split())])
        assert acknowledged() >= said


def count(where: str) -> int:
    store = open_store(where)
    found = [entry.version for entry in store.read("crash")]
    assert found == list(range(1, len(found) + 1))
    assert store.find("crash").version == len(found)
    store.close()
    return len(found)


@pytest.mark.parametrize("where", ["sqlite", "postgres"], indirect=True)
def test_kill_9_takes_nothing_back_that_was_acknowledged(where):
    kill_while_writing(where, lambda: count(where))


def test_a_full_disk_is_a_clear_error_and_what_was_acknowledged_stays(tmp_path):
    process = writer(tmp_path / "rooms.sqlite3", limit=1_000_000)
    said, _ = process.communicate(timeout=60)
    lines = said.split()
    assert process.returncode == 0
    assert "refused" in lines
    before, after = lines[: lines.index("refused")], lines[lines.index("refused") + 1 :]
    assert len(before) > 20
    assert len(after) == 5, "it goes on when there is room again"
    assert count(tmp_path / "rooms.sqlite3") == int(lines[-1])


# PostgreSQL.


def test_a_server_that_restarts_is_found_again(postgres, empty_postgres):
    store = open_store(empty_postgres)
    head = begin(store)
    postgres.stop()
    with pytest.raises(StoreError):
        go_on(store, head, facts.Seated(4))
    postgres.start()
    go_on(store, head, facts.Seated(4))
    assert len(store.read("k1")) == 3
    store.close()


def test_a_server_that_is_not_there_is_named_without_the_password():
    pytest.importorskip("psycopg")
    with pytest.raises(StartupError) as caught:
        open_store("postgresql://ada:hush@127.0.0.1:9/rooms")
    assert "127.0.0.1:9/rooms" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_what_a_server_says_of_itself_is_not_for_who_asks():
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    store = PostgresStore(psycopg, "postgresql://ada@127.0.0.1:1/books")
    with pytest.raises(StoreError) as told:
        store.living()
    assert "127.0.0.1" in str(told.value.__cause__)
    assert not re.search(r"127\.0\.0\.1|ada|books", str(told.value))
    assert "try again" in str(told.value)
