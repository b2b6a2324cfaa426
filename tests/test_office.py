"""The office: what is written down, what follows for the engine, and what time does."""

import sqlite3
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from paper_stage import NOW
from spacescore import Engine
from spacescore.backoff import LONGEST_SECONDS
from spacescore.backplane import PRESENCE_SECONDS, LocalBackplane, Presence
from spacescore.errors import (
    ForbiddenError,
    OverloadedError,
    SpaceTakenError,
    StoreError,
    UnknownSpaceError,
)
from spacescore.office import Office
from spacescore.policy import OPERATOR, Grant, Role
from spacescore.rooms import facts
from spacescore.rooms.commands import (
    Block,
    Edit,
    End,
    GiveRole,
    LowerHand,
    MakeLink,
    Mute,
    Open,
    RaiseHand,
    Remove,
    UseLink,
)
from spacescore.rooms.facts import GRACE_SECONDS, Details
from spacescore.rooms.room import Phase
from spacescore.rooms.standing import Patience
from spacescore.store import MemoryStore, open_store

PATIENCE = Patience()


def person(role: str, peer: int, **more) -> Grant:
    expires = int(NOW) + 86_400
    return Grant("demo", Role(role), peer, f"{role} {peer}", expires, issued=NOW, **more)


HOST, COHOST = person("host", 1), person("cohost", 2)
ADA, EVE = person("speaker", 4), person("listener", 6)


class Online:
    """Stands for the media core: who is connected is said, not negotiated."""

    def __init__(self, engine: Engine, monkeypatch) -> None:
        self.peers: set[int] = set()
        monkeypatch.setattr(engine, "online", lambda space: frozenset(self.peers))


@pytest.fixture
def online(engine, monkeypatch) -> Online:
    return Online(engine, monkeypatch)


def clock() -> float:
    return NOW + trio.current_time()


def office_on(engine: Engine, store=None) -> Office:
    return Office(engine, LocalBackplane(store or MemoryStore()), clock=clock)


def on_paper(main, *arguments):
    """Run under a clock that begins at zero and jumps."""
    mock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(main, *arguments, clock=mock)


async def open_demo(office: Office, **details) -> None:
    await office.create("demo", Details("Demo", **details), OPERATOR, host=HOST)
    await office.do("demo", Open(), OPERATOR)


def test_a_space_is_planned_opened_and_ended_in_the_engine_too(engine):
    async def main() -> None:
        office = office_on(engine)
        await office.create("demo", Details("Demo", starts=int(NOW) + 60), OPERATOR, host=HOST)
        assert engine.spaces == []
        with pytest.raises(SpaceTakenError):
            await office.create("demo", Details("x"), OPERATOR)
        await office.do("demo", Open(), HOST)
        assert engine.space("demo").title == "Demo"
        await office.do("demo", Edit({"title": "Other"}), HOST)
        assert engine.space("demo").title == "Other"
        await office.do("demo", End(), HOST)
        assert engine.spaces == []
        with pytest.raises(UnknownSpaceError):
            await office.room("demo")

    on_paper(main)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_everything_is_there_after_a_restart(engine, tmp_path, kind):
    where = "memory:" if kind == "memory" else tmp_path / "rooms.sqlite3"
    store = open_store(where)

    async def before() -> None:
        office = office_on(engine, store)
        await open_demo(office, topics=("a",), max_speakers=5)
        await office.create("later", Details("Later", starts=int(NOW) + 99), OPERATOR)
        await office.do("demo", RaiseHand(), EVE)
        await office.enter_stage(ADA)
        await office.do("demo", GiveRole(ADA.peer, Role.COHOST), HOST)
        office.rest()

    async def after(again) -> None:
        office = office_on(engine, again)
        await office.restore()
        assert [space.slug for space in engine.spaces] == ["demo"]
        room = await office.room("demo")
        assert room.details == Details("Demo", topics=("a",), max_speakers=5)
        assert list(room.hands) == [EVE.peer]
        assert room.people[ADA.peer].role is Role.COHOST
        assert (await office.room("later")).phase is Phase.PLANNED

    on_paper(before)
    engine.close_space("demo")
    if kind == "sqlite":
        store.close()
    on_paper(after, store if kind == "memory" else open_store(where))


def test_what_cannot_go_on_air_after_a_restart_is_tried_until_it_can(engine):
    store, recordings = MemoryStore(), engine.data.recordings

    async def before() -> None:
        office = office_on(engine, store)
        await open_demo(office)
        await office.create("quiet", Details("Quiet", record=False), OPERATOR)
        await office.do("quiet", Open(), OPERATOR)
        office.rest()

    async def after() -> None:
        office = office_on(engine, store)
        await office.restore()
        assert [space.slug for space in engine.spaces] == ["quiet"]
        assert office.off_air == {"demo"}
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(office.run)
                await trio.sleep(100)
                assert office.off_air == {"demo"}
                tried = len(logs)
                recordings.mkdir()
                await trio.sleep(LONGEST_SECONDS + 1)
                assert engine.space("demo").recording
                assert office.off_air == set()
                assert (await office.do("demo", RaiseHand(), EVE)).hands
                nursery.cancel_scope.cancel()
        assert {line["event"] for line in logs[:tried]} == {"a space is not on air"}
        assert {line["space"] for line in logs} == {"demo"}
        assert 4 <= tried <= 8  # after 1, 2, 4, 8, 16, 30 and 30 s
        assert logs[-2]["event"] == "on air again"

    on_paper(before)
    for space in engine.spaces:
        engine.close_space(space.slug)
    for file in recordings.iterdir():
        file.unlink()
    recordings.rmdir()
    on_paper(after)


def test_a_token_for_the_space_before_opens_nothing_in_the_next(engine):
    async def main() -> None:
        office = office_on(engine)
        await open_demo(office)
        await trio.sleep(10)
        await office.do("demo", End(), HOST)
        await office.create("demo", Details("Another"), OPERATOR)
        with pytest.raises(ForbiddenError, match="earlier"):
            await office.do("demo", Open(), HOST)

    on_paper(main)


def test_what_the_engines_owner_opens_and_closes_is_in_the_books(engine):
    async def main() -> None:
        office = office_on(engine)
        engine.create_space("radio", title="Radio", open_stage=True)
        assert (await office.room("radio")).details.title == "Radio"
        engine.close_space("radio")
        with pytest.raises(UnknownSpaceError):
            await office.room("radio")
        assert [head.slug for head in await office.backplane.ended(5)] == ["radio"]

    on_paper(main)


def test_what_the_engines_owner_closes_stays_closed_when_that_cannot_be_noted(engine, monkeypatch):
    store = MemoryStore()

    def away(*_):
        raise StoreError("away")

    async def main() -> None:
        office = office_on(engine, store)
        engine.create_space("radio")
        await office.room("radio")
        engine.close_space("radio")
        with monkeypatch.context() as patched:
            patched.setattr(store, "append", away)
            with pytest.raises(StoreError):
                await office.room("radio")
        for _ in range(20):
            await trio.sleep(1)
            await office.look()
        assert engine.spaces == []
        with pytest.raises(UnknownSpaceError):
            await office.room("radio")
        assert [head.slug for head in await office.backplane.ended(5)] == ["radio"]

    on_paper(main)


def test_what_the_engines_owner_closes_is_ended_whoever_else_writes_then(engine, monkeypatch):
    store = MemoryStore()
    append = store.append

    def overtaken(*written):
        """Somebody else was faster, once."""
        monkeypatch.setattr(store, "append", append)
        head, (entry, *_) = written[:2]
        faster = replace(head, phase=Phase.OPEN, ended=0.0)
        append(faster, [replace(entry, fact=facts.Edited(Details("Faster")))])
        append(*written)

    async def main() -> None:
        office = office_on(engine, store)
        engine.create_space("radio")
        await office.room("radio")
        engine.close_space("radio")
        monkeypatch.setattr(store, "append", overtaken)
        with pytest.raises(UnknownSpaceError):
            await office.room("radio")
        assert [head.slug for head in await office.backplane.ended(5)] == ["radio"]

    on_paper(main)


def test_the_room_follows_presence_each_second_and_the_grace_runs(engine, online):
    async def main() -> None:
        office = office_on(engine)
        await open_demo(office)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.run)
            for who in (HOST, COHOST):
                await office.enter_stage(who)
                online.peers.add(who.peer)
            await trio.sleep(2)
            room = await office.room("demo")
            assert room.is_here(HOST.peer)
            online.peers.discard(HOST.peer)
            await trio.sleep(GRACE_SECONDS - 2)
            assert (await office.room("demo")).host == HOST.peer
            await trio.sleep(4)
            room = await office.room("demo")
            assert room.host == COHOST.peer
            assert room.phase is Phase.OPEN
            assert engine.space("demo")
            nursery.cancel_scope.cancel()

    on_paper(main)


def test_a_space_that_opens_by_itself_does_so_at_its_time(engine, online):
    async def main() -> None:
        office = office_on(engine)
        details = Details("Demo", starts=int(NOW) + 600, auto_open=True)
        await office.create("demo", details, OPERATOR, host=HOST)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.run)
            await trio.sleep(599)
            assert engine.spaces == []
            await trio.sleep(2)
            assert engine.space("demo").title == "Demo"
            (opened, *_) = await office.backplane.ask(lambda store: store.audit.page(None, "", 1))
            assert (opened.what, opened.by.identity) == ("space.opened", "node")
            nursery.cancel_scope.cancel()

    on_paper(main)


class NoRoom:
    """An engine that has none for some spaces."""

    def __init__(self, engine: Engine, monkeypatch, *slugs: str) -> None:
        self.slugs = set(slugs)
        self._create = engine.create_space
        monkeypatch.setattr(engine, "create_space", self.create)

    def create(self, slug, **more):
        if slug in self.slugs:
            raise OverloadedError("This node has as many spaces as it can carry.")
        return self._create(slug, **more)


def test_what_has_no_room_at_its_time_opens_when_there_is_some_and_keeps_no_other(
    engine, monkeypatch
):
    full = NoRoom(engine, monkeypatch, "first")

    async def main() -> None:
        office = office_on(engine)
        details = Details("", starts=int(NOW) + 60, auto_open=True)
        for slug in ("first", "second"):
            await office.create(slug, details, OPERATOR)
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(office.run)
                await trio.sleep(70)
                assert [space.slug for space in engine.spaces] == ["second"]
                assert (await office.room("first")).phase is Phase.PLANNED
                full.slugs.clear()
                await trio.sleep(2)
                assert (await office.room("first")).phase is Phase.OPEN
                nursery.cancel_scope.cancel()
        assert len(engine.spaces) == 2
        late = [line for line in logs if "could not be opened" in line["event"]]
        assert [line["space"] for line in late] == ["first"]  # said once, not every second

    on_paper(main)


def test_hands_and_seats_run_out_by_the_clock(engine, online):
    async def main() -> None:
        office = office_on(engine)
        await open_demo(office)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(office.run)
            await office.do("demo", RaiseHand(), EVE)
            await office.enter_stage(ADA)
            await trio.sleep(PATIENCE.seat + 2)
            room = await office.room("demo")
            assert not room.seats
            assert list(room.hands) == [EVE.peer]
            await trio.sleep(PATIENCE.hand)
            assert not (await office.room("demo")).hands
            nursery.cancel_scope.cancel()

    on_paper(main)


def test_of_two_nodes_one_decides_first_and_the_other_follows(engine, tmp_path):
    with Engine(host="127.0.0.1", port=0) as other_engine:

        async def main() -> None:
            store = MemoryStore()
            here, there = office_on(engine, store), office_on(other_engine, store)
            await open_demo(here)
            await there.restore()
            await there.do("demo", RaiseHand(), EVE)
            await here.do("demo", LowerHand(EVE.peer), HOST)  # decided on what it had not seen
            with pytest.raises(ForbiddenError):
                await here.do("demo", RaiseHand(), person("speaker", 77))
            grant = other_engine.invite("demo", role="speaker", name="Mallory")
            await there.about("demo", grant.peer, Remove(grant.peer), HOST)
            await here.look()
            with pytest.raises(ForbiddenError):
                await here.enter_stage(grant)
            await here.do("demo", End(), HOST)
            await there.look()
            assert other_engine.spaces == []

        on_paper(main)


def test_a_link_for_one_lets_in_one_of_many_who_come_at_once(engine, tmp_path):
    store = open_store(tmp_path / "rooms.sqlite3")
    came: list[int] = []

    async def main() -> None:
        offices = [Office(engine, LocalBackplane(store)) for _ in range(4)]
        await open_demo(offices[0])
        link = MakeLink("l", "d", Role.SPEAKER, int(time.time()) + 600, 3)
        await offices[0].do("demo", link, OPERATOR)

        async def use(office: Office, peer: int) -> None:
            try:
                await office.do("demo", UseLink("d", peer, f"#{peer}", "x"), None)
                came.append(peer)
            except ForbiddenError:
                pass

        async with trio.open_nursery() as nursery:
            for peer in range(100, 112):
                nursery.start_soon(use, offices[peer % 4], peer)

    trio.run(main)
    store.close()
    assert len(came) == 3


@contextmanager
def locked(path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def test_when_nothing_can_be_written_nothing_changes_and_the_space_goes_on(engine, tmp_path):
    path = tmp_path / "rooms.sqlite3"
    store = open_store(path)

    async def main() -> None:
        office = Office(engine, LocalBackplane(store))
        await office.create("demo", Details("Demo"), OPERATOR)
        await office.do("demo", Open(), OPERATOR)
        with locked(path):
            with pytest.raises(StoreError, match="locked"):
                await office.do("demo", End(), OPERATOR)
            await office.look()
            assert (await office.room("demo")).phase is Phase.OPEN
            assert engine.ticket("demo")
        await office.do("demo", End(), OPERATOR)

    trio.run(main)
    store.close()


def test_a_space_that_the_engine_cannot_open_stays_planned_and_is_opened_later(engine, monkeypatch):
    full = NoRoom(engine, monkeypatch, "demo")

    async def main() -> None:
        office = office_on(engine)
        await office.create("demo", Details("Demo"), OPERATOR)
        with pytest.raises(OverloadedError):
            await office.do("demo", Open(), OPERATOR)
        assert (await office.room("demo")).phase is Phase.PLANNED
        full.slugs.clear()
        await office.do("demo", Open(), OPERATOR)
        assert engine.space("demo")

    on_paper(main)


def test_what_cannot_be_written_is_not_opened_in_the_engine_either(engine, tmp_path):
    path = tmp_path / "rooms.sqlite3"
    store = open_store(path)

    async def main() -> None:
        office = Office(engine, LocalBackplane(store))
        await office.create("demo", Details("Demo"), OPERATOR)
        with locked(path), pytest.raises(StoreError, match="locked"):
            await office.do("demo", Open(), OPERATOR)
        assert engine.spaces == []
        assert (await office.room("demo")).phase is Phase.PLANNED
        await office.do("demo", Open(), OPERATOR)
        assert engine.space("demo")

    trio.run(main)
    store.close()


def test_a_node_that_dies_while_it_opens_a_space_finds_it_planned(engine, monkeypatch):
    store = MemoryStore()
    append = store.append

    def die(head, *more):
        assert engine.space("demo")  # it is there already
        raise KeyboardInterrupt

    async def before() -> None:
        office = office_on(engine, store)
        await office.create("demo", Details("Demo"), OPERATOR)
        monkeypatch.setattr(store, "append", die)
        await office.do("demo", Open(), OPERATOR)

    async def after() -> None:
        office = office_on(engine, store)
        await office.restore()
        assert engine.spaces == []
        await office.do("demo", Open(), OPERATOR)
        assert engine.space("demo")

    with pytest.raises(KeyboardInterrupt):
        on_paper(before)
    monkeypatch.setattr(store, "append", append)
    on_paper(after)


def test_many_who_open_a_space_at_once_open_it_once(engine, tmp_path):
    store = open_store(tmp_path / "rooms.sqlite3")

    async def main() -> None:
        office = Office(engine, LocalBackplane(store))
        await office.create("demo", Details("Demo"), OPERATOR)
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(office.do, "demo", Edit({"title": f"{number}"}), OPERATOR)
                nursery.start_soon(office.do, "demo", Open(), OPERATOR)
        assert engine.space("demo")
        await office.look()
        assert (await office.room("demo")).phase is Phase.OPEN
        head = await office.backplane.find("demo")
        kinds = [type(entry.fact) for entry in await office.backplane.read(head.key)]
        assert kinds.count(facts.Opened) == 1

    trio.run(main)
    store.close()


def test_a_store_that_is_away_is_told_of_once_and_when_it_is_back(engine, monkeypatch):
    store = MemoryStore()

    def away():
        raise StoreError("away")

    async def main() -> None:
        office = office_on(engine, store)
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(office.run)
                for _ in range(2):
                    with monkeypatch.context() as patched:
                        patched.setattr(store, "living", away)
                        await trio.sleep(10)
                    await trio.sleep(10)
                nursery.cancel_scope.cancel()
        assert [line["event"] for line in logs] == ["the office failed", "the office goes on"] * 2

    on_paper(main)


def test_every_act_is_in_the_books_with_who_did_it(engine):
    async def main() -> None:
        office = office_on(engine)
        await open_demo(office)
        await office.enter_stage(ADA)
        await office.do("demo", Mute(ADA.peer), HOST)
        await office.do("demo", Block(ADA.peer), OPERATOR)
        head = await office.backplane.find("demo")
        entries = await office.backplane.read(head.key)
        acts = [(entry.by, type(entry.fact)) for entry in entries]
        assert (HOST.who, facts.Muted) in acts
        assert ("operator", facts.Blocked) in acts

    on_paper(main)


def test_presence_is_summed_over_nodes_and_forgotten_where_a_node_is_silent():
    async def main() -> None:
        plane = LocalBackplane()
        await plane.publish("demo", "a", Presence(frozenset({1}), 10), 0.0)
        await plane.publish("demo", "b", Presence(frozenset({2}), 5), 2.0)
        assert await plane.presence("demo", 2.0) == Presence(frozenset({1, 2}), 15)
        late = await plane.presence("demo", 1.0 + PRESENCE_SECONDS)
        assert late == Presence(frozenset({2}), 5)

    trio.run(main)


def test_presence_of_spaces_that_are_over_is_not_kept():
    async def main() -> None:
        plane = LocalBackplane()
        for number in range(100):
            await plane.publish(f"space-{number}", "a", Presence(), float(number))
        assert len(plane._presence) == PRESENCE_SECONDS + 1

    trio.run(main)
