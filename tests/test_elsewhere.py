"""Two services on one store: the one that is not a space's home says which is."""

import time

import pytest
import trio

from offers import LISTEN, SPEAK
from spacescore import Engine
from spacescore.backplane import LocalBackplane
from spacescore.office import Office
from spacescore.policy import OPERATOR
from spacescore.rooms.commands import Open
from spacescore.rooms.facts import Details
from spacescore.store import MemoryStore
from test_follow import Follower
from web_client import OPERATOR_KEY, Web, problem

HOME = "https://a.example/rooms"
API, LATER = "/api/spaces/demo", "/api/spaces/later"
SDP = {"Content-Type": "application/sdp"}


def two_nodes(a: Engine, b: Engine, url: str, own: str = "") -> tuple[Web, Web]:
    """A space is on air on the first, which says that it is found at `url`; the other at `own`."""
    store = MemoryStore()
    home = Office(a, LocalBackplane(store, shared=True), node="a", url=url)
    other = Office(b, LocalBackplane(store, shared=True), node="b", url=own)

    async def open_there() -> None:
        await home.create("demo", Details("Demo", record=False, open_stage=True), OPERATOR)
        await home.do("demo", Open(), OPERATOR)
        await other.look()

    trio.run(open_there)
    return Web(a, office=home), Web(b, office=other)


@pytest.fixture
def engines():
    with Engine(host="127.0.0.1", port=0) as a, Engine(host="127.0.0.1", port=0) as b:
        yield a, b


@pytest.fixture
def nodes(engines) -> tuple[Web, Web]:
    return two_nodes(*engines, HOME)


def test_who_opens_the_page_is_sent_to_the_home(nodes):
    home, other = nodes
    answer = other.get("/s/demo?from=mail")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{HOME}/s/demo?from=mail")
    assert home.get("/s/demo").status_code == 200
    assert other.get("/s/nowhere").status_code == 404


@pytest.mark.parametrize(("door", "offer"), [("whip", SPEAK), ("whep", LISTEN)])
def test_who_comes_by_whip_or_whep_is_sent_to_the_home_before_a_seat_is_taken(nodes, door, offer):
    home, other = nodes
    answer = other.post(f"/{door}/demo", token=home.token(), content=offer, headers=SDP)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{HOME}/{door}/demo")
    assert not trio.run(other.desk.office.room, "demo").seats


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "state.json", None),
        ("HEAD", "state.json", None),
        ("GET", "ticket", None),
        ("GET", "live.json", None),
        ("POST", "captions", {"text": "Hello"}),
        ("POST", "reactions", {"reaction": "👏"}),
        ("PUT", "admission", {"mode": "closed"}),
        ("POST", "stage", {"name": "Ada"}),
        ("POST", "people", {"name": "Ada"}),
        ("POST", "speakers/7/mute", {"muted": True}),
        ("POST", "people/7/block", {}),
        ("DELETE", "blocked/somebody", None),
    ],
)
def test_what_the_home_alone_knows_is_told_by_nobody_else(nodes, method, path, body):
    home, other = nodes
    answer = other.request(method, f"{API}/{path}", token=OPERATOR_KEY, json=body)
    assert (answer.status_code, answer.headers["location"]) == (421, f"{HOME}{API}/{path}")
    if method != "HEAD":
        assert problem(answer) == (421, "elsewhere")
        assert HOME in answer.json()["detail"]
    assert home.request(method, f"{API}/{path}", token=OPERATOR_KEY, json=body).status_code != 421


def test_a_feed_of_what_goes_on_elsewhere_closes_and_says_so(nodes):
    _, other = nodes
    follower = Follower(other, [OPERATOR_KEY])
    trio.run(follower.run)
    assert (follower.heard, follower.code) == ([], 4421)


def test_a_command_may_be_given_to_any_node(nodes):
    home, other = nodes
    edited = other.request("PATCH", API, token=OPERATOR_KEY, json={"title": "From b"})
    assert edited.status_code == 200
    trio.run(home.desk.office.look)
    assert home.get(f"{API}/state.json").json()["title"] == "From b"


@pytest.mark.parametrize("url", ["", "https://both.example"])
def test_a_home_without_an_address_of_its_own_is_told_of_all_the_same(engines, url):
    _, other = two_nodes(*engines, url, own=url)  # nobody is sent round in circles
    for answer in (other.get(f"{API}/state.json"), other.post("/whep/demo", headers=SDP)):
        assert problem(answer) == (421, "elsewhere")
        assert "public_url" in answer.json()["detail"]
        assert "location" not in answer.headers
    assert other.get("/s/demo").status_code == 200  # the page says so itself


@pytest.mark.parametrize("last", [{"mode": "closed"}, {"mode": "paced", "seconds": 100}])
def test_a_door_that_was_kept_on_any_node_is_so_on_the_one_that_opens_the_space(engines, last):
    a, b = two_nodes(*engines, HOME)
    now = a.desk.clock()
    for node in (a, b):
        node.desk.clock = node.desk.office.clock = lambda: now
    made = a.post("/api/spaces", token=OPERATOR_KEY, json={"space": "later", "draft": True})
    assert made.status_code == 201
    for node, door in ((a, {"mode": "auto"}), (b, {"mode": "closed"}), (a, last)):
        trio.run(node.desk.office.look)
        kept = node.request("PUT", f"{LATER}/admission", token=OPERATOR_KEY, json=door)
        assert kept.json()["mode"] == door["mode"]
        now += 1
    trio.run(b.desk.office.look)
    assert b.get(f"{LATER}/state.json").json()["admit"]["mode"] == last["mode"]
    assert b.post(f"{LATER}/open", token=OPERATOR_KEY).status_code == 200
    admitted = []
    for _ in range(3):
        now += 1
        admitted.append(b.get(f"{LATER}/state.json").json()["admit"]["cohorts"])
    assert admitted == ([0, 0, 0] if last["mode"] == "closed" else [0, 10, 20])


def test_who_takes_a_space_over_opens_its_door_as_far_as_it_would_be_by_now(engines):
    a, b = two_nodes(*engines, HOME)
    now = a.desk.clock()
    for node in (a, b):
        node.desk.clock = node.desk.office.clock = lambda: now
    door = {"mode": "paced", "seconds": 100}
    a.request("PUT", f"{API}/admission", token=OPERATOR_KEY, json=door)
    now += 30
    trio.run(b.desk.office.look)
    assert b.get(f"{API}/state.json").json()["admit"]["cohorts"] == 300


def test_a_door_goes_on_where_it_was_when_its_node_was_started_again(tmp_path):
    now, store = 1_800_000_000.0, MemoryStore()

    def start(engine: Engine) -> Web:
        web = Web(engine, office=Office(engine, LocalBackplane(store), clock=lambda: now))
        web.desk.clock = lambda: now
        trio.run(web.desk.office.restore)
        return web

    for cohorts in (0, 10, 20):
        with Engine(host="127.0.0.1", port=0, data=tmp_path / "data") as engine:
            web = start(engine)
            if not cohorts:
                web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "demo"})
                door = {"mode": "paced", "seconds": 100}
                web.request("PUT", f"{API}/admission", token=OPERATOR_KEY, json=door)
            assert web.get(f"{API}/state.json").json()["admit"]["cohorts"] == cohorts
            now += 1
            trio.run(web.desk.doors.tick)
            web.desk.office.rest()


def test_a_space_that_has_come_here_is_no_longer_elsewhere(nodes):
    _, other = nodes
    office, now = other.desk.office, other.desk.clock()
    office.clock = lambda: now + 60  # its home was silent for so long
    trio.run(office.look)
    assert other.get(f"{API}/state.json").status_code == 200


def test_what_another_node_has_decided_is_answered_as_done(nodes):
    home, other = nodes
    ada = home.keys.verify(home.post(f"{API}/stage", json={}).json()["token"], now=time.time())
    trio.run(home.desk.office.enter_stage, ada)
    mute = f"{API}/speakers/{ada.peer}/mute"
    assert other.post(mute, token=OPERATOR_KEY, json={}).status_code == 200
    people = other.get(f"{API}/people", token=OPERATOR_KEY).json()
    assert [who["muted"] for who in people["stage"]] == [True]
