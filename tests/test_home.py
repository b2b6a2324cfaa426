"""Two nodes on one store: a space is on air on one of them, and the other takes over in time."""

from collections.abc import Iterator

import pytest
import trio

from paper_stage import NOW
from spacescore import Engine
from spacescore.backplane import HOME_SECONDS, LocalBackplane
from spacescore.errors import StoreError
from spacescore.office import Office
from spacescore.policy import OPERATOR
from spacescore.rooms.commands import Edit, End, Open
from spacescore.rooms.facts import Details
from spacescore.store import MemoryStore
from test_office import HOST, clock, on_paper


class Node:
    """An engine and its office, on a store that others have too."""

    def __init__(self, engine: Engine, store, name: str) -> None:
        self.engine = engine
        self.backplane = LocalBackplane(store, shared=True)
        self.office = Office(engine, self.backplane, node=name, clock=clock)

    def has(self, slug: str = "demo") -> bool:
        return slug in {space.slug for space in self.engine.spaces}

    async def open(self, slug: str = "demo") -> None:
        await self.office.create(slug, Details(slug, record=False), OPERATOR, host=HOST)
        await self.office.do(slug, Open(), OPERATOR)


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    store = MemoryStore()
    with Engine(host="127.0.0.1", port=0) as a, Engine(host="127.0.0.1", port=0) as b:
        yield Node(a, store, "a"), Node(b, store, "b")


async def pass_time(seconds: int, *nodes: Node) -> None:
    for _ in range(seconds):
        await trio.sleep(1)
        for node in nodes:
            await node.office.look()


def test_a_space_is_on_air_where_it_was_opened_and_nowhere_else(nodes):
    a, b = nodes

    async def main() -> None:
        await a.open()
        await b.office.restore()
        await pass_time(60, a, b)
        assert (a.has(), b.has()) == (True, False)
        await b.office.do("demo", Edit({"title": "From b"}), OPERATOR)
        await pass_time(2, a, b)
        assert a.engine.space("demo").title == "From b"
        await b.office.do("demo", End(), OPERATOR)
        await pass_time(2, a, b)
        assert (a.has(), b.has()) == (False, False)

    on_paper(main)


def test_a_space_that_opens_by_itself_is_on_air_on_one_node(nodes):
    a, b = nodes

    async def main() -> None:
        details = Details("Demo", record=False, starts=int(NOW) + 30, auto_open=True)
        await a.office.create("demo", details, OPERATOR, host=HOST)
        await pass_time(29, b, a)
        assert (a.has(), b.has()) == (False, False)
        await pass_time(60, b, a)
        assert (a.has(), b.has()) == (False, True)

    on_paper(main)


def test_a_home_that_falls_silent_is_taken_over_and_stands_down_when_it_wakes(nodes):
    a, b = nodes

    async def main() -> None:
        await a.open()
        await pass_time(15, a, b)
        await pass_time(int(HOME_SECONDS) - 1, b)
        assert (a.has(), b.has()) == (True, False)
        await pass_time(3, b)
        assert b.has()
        await pass_time(2, a, b)
        assert (a.has(), b.has()) == (False, True)
        assert (await a.office.room("demo")).phase == "open"  # standing down is no end
        await pass_time(30, a, b)
        assert (a.has(), b.has()) == (False, True)

    on_paper(main)


def test_a_node_that_leaves_in_good_order_is_followed_at_once(nodes):
    a, b = nodes

    async def main() -> None:
        await a.open()
        await pass_time(15, a, b)
        a.office.rest()
        a.engine.close_space("demo")
        await a.office.leave_home()
        await pass_time(1, a, b)  # its last look holds nothing again
        assert b.has()

    on_paper(main)


def test_a_node_that_was_started_again_has_its_spaces_at_once(nodes):
    a, b = nodes

    async def main() -> None:
        await a.open()
        a.engine.close_space("demo")  # it died, and here it is again
        again = Office(a.engine, a.backplane, node="a", clock=clock)
        await again.restore()
        assert (a.has(), b.has()) == (True, False)

    on_paper(main)


def test_a_store_that_is_away_takes_nobody_off_the_air(nodes, monkeypatch):
    a, _ = nodes

    async def main() -> None:
        await a.open()

        def away(*_):
            raise StoreError("away")

        monkeypatch.setattr(a.backplane.store, "living", away)
        for _ in range(30):
            await trio.sleep(1)
            with pytest.raises(StoreError):
                await a.office.look()
        assert a.has()

    on_paper(main)
