"""Two nodes with one backplane: what is done on one of them is so on the other."""

from collections.abc import Iterator

import pytest
import trio

from spacescore import Engine
from spacescore.backplane import HOME_SECONDS, LocalBackplane
from spacescore.commons import MAX_LIVE, Admission, LocalCommons
from spacescore.errors import ForbiddenError
from spacescore.limits import Limit
from spacescore.office import Office
from spacescore.store import MemoryStore
from virtual_peer import listen_by_ticket, wait_for
from web_client import OPERATOR_KEY, Web, problem

ONE = "/api/spaces/demo"
NOW = 1_000_000.0


class Node(Web):
    """A front of its own on a backplane that another has too."""

    now = NOW

    def __init__(self, engine: Engine, backplane: LocalBackplane, name: str) -> None:
        office = Office(engine, backplane, node=name, clock=lambda: Node.now)
        super().__init__(engine, office=office)
        self.desk.clock = lambda: Node.now


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    """The first has a space on air, the second knows of it."""
    backplane = LocalBackplane(MemoryStore(), shared=True)
    Node.now = NOW
    with Engine(host="127.0.0.1", port=0) as a, Engine(host="127.0.0.1", port=0) as b:
        home, other = Node(a, backplane, "a"), Node(b, backplane, "b")
        space = {"space": "demo", "open_stage": True, "record": False}
        assert home.post("/api/spaces", token=OPERATOR_KEY, json=space).status_code == 201
        trio.run(other.desk.office.look)
        yield home, other


def take_over(node: Node) -> None:
    """Its home falls silent."""
    Node.now += HOME_SECONDS + 1
    trio.run(node.desk.office.look)


def test_a_door_that_is_kept_on_any_node_lets_nobody_into_the_core_of_the_home(nodes):
    home, other = nodes
    ticket = home.get(f"{ONE}/ticket").json()
    trio.run(other.desk.doors.keep, "demo", "closed")
    trio.run(home.desk.doors.tick)
    assert home.get(f"{ONE}/state.json").json()["admit"]["mode"] == "closed"
    early = listen_by_ticket(ticket)
    wait_for(lambda: home.engine.counters()["dropped_not_admitted"])
    trio.run(other.desk.doors.keep, "demo", "open")
    trio.run(home.desk.doors.tick)
    early.connected().leave()


def test_the_home_alone_moves_a_door_and_the_next_home_goes_on_from_there(nodes):
    home, other = nodes
    backplane = home.desk.office.backplane
    trio.run(lambda: home.desk.doors.keep("demo", "paced", seconds=100))
    for _ in range(10):
        Node.now += 1
        trio.run(home.desk.doors.tick)
        trio.run(other.desk.doors.tick)
        trio.run(other.desk.doors.tick)
    assert trio.run(backplane.admission, "demo") == Admission(100, "paced", 10.0)
    take_over(other)
    trio.run(home.desk.office.look)  # and stands down
    trio.run(home.desk.doors.tick)
    for _ in range(11):
        trio.run(other.desk.doors.tick)
        Node.now += 1
    assert trio.run(backplane.admission, "demo") == Admission(200, "paced", 10.0)


def test_a_door_of_a_planned_space_stands_still_until_it_opens(nodes):
    home, _ = nodes
    later = {"space": "later", "draft": True}
    home.post("/api/spaces", token=OPERATOR_KEY, json=later)
    door = {"mode": "paced", "seconds": 100}
    home.request("PUT", "/api/spaces/later/admission", token=OPERATOR_KEY, json=door)
    cohorts = []
    for _ in range(5):
        Node.now += 1
        trio.run(home.desk.doors.tick)
        cohorts.append(trio.run(home.desk.office.backplane.admission, "later").cohorts)
        if Node.now == NOW + 3:
            home.post("/api/spaces/later/open", token=OPERATOR_KEY)
    assert cohorts == [0, 0, 0, 0, 10]


def test_captions_and_applause_go_with_the_space_to_its_next_home(nodes):
    home, other = nodes
    home.post(f"{ONE}/captions", token=OPERATOR_KEY, json={"text": "Good evening"})
    for _ in range(3):
        assert home.post(f"{ONE}/reactions", json={"reaction": "👏"}).status_code == 204
    take_over(other)
    live = other.get(f"{ONE}/live.json").json()
    assert [line["text"] for line in live["captions"]] == ["Good evening"]
    assert live["reactions"]["👏"] == 3
    said = other.post(f"{ONE}/captions", token=OPERATOR_KEY, json={"text": "and welcome"})
    assert said.json() == {"number": 2}


def test_who_was_blocked_on_one_node_is_a_stranger_on_none(nodes):
    home, other = nodes
    troll = home.post(f"{ONE}/stage", json={"name": "Troll"}).json()
    home.request("PUT", f"{ONE}/hand", token=troll["token"])
    grant = home.keys.verify(troll["token"], now=Node.now)
    offer = f"{ONE}/people/{grant.peer}/block"
    trio.run(other.desk.office.enter_stage, grant)
    assert home.post(offer, token=OPERATOR_KEY, json={}).status_code == 204
    key = trio.run(home.desk.office.key, "demo")
    for node in nodes:
        with pytest.raises(ForbiddenError):
            trio.run(node.desk.office.backplane.check_network, key, "127.0.0.1", Node.now)
    assert problem(home.post(f"{ONE}/people", json={"name": "X"})) == (403, "forbidden")


def test_who_asks_two_nodes_asks_no_more_often_than_of_one(nodes):
    home, other = nodes
    for node in nodes:
        node.desk.strangers = Limit(0.001, 2.0)
    for _ in range(2):
        assert home.post(f"{ONE}/stage", json={"name": "X"}).status_code == 201
    take_over(other)
    assert problem(other.post(f"{ONE}/stage", json={"name": "X"})) == (429, "too-many-requests")


def test_the_live_text_of_a_great_many_spaces_is_not_kept_for_ever():
    async def main() -> None:
        commons = LocalCommons()
        for number in range(MAX_LIVE + 1):
            await commons.caption(str(number), "Hello", now=NOW)
        assert not (await commons.live("0")).captions
        assert len((await commons.live("1")).captions) == 1

    trio.run(main)
