"""Two services on one store: the one that is not a space's home says which is."""

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
API = "/api/spaces/demo"
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


def test_a_space_that_has_come_here_is_no_longer_elsewhere(nodes):
    _, other = nodes
    office, now = other.desk.office, other.desk.clock()
    office.clock = lambda: now + 60  # its home was silent for so long
    trio.run(office.look)
    assert other.get(f"{API}/state.json").status_code == 200
