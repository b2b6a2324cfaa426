"""Doors over HTTP, and what pages are told of them."""

import re

import pytest
import trio

from offers import LISTEN
from spacescore._native import _core
from spacescore.admission import cohort_of
from spacescore.backplane import LocalBackplane
from spacescore.doors import Doors
from spacescore.errors import StoreError
from spacescore.polling import Bounds
from web_client import OPERATOR_KEY, Web, problem

DOOR, STATE = "/api/spaces/demo/admission", "/api/spaces/demo/state.json"
LATER = "/api/spaces/later"


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo")
    return Web(engine)


def keep(web, token=OPERATOR_KEY, **body):
    return web.request("PUT", DOOR, token=token, json=body)


def test_a_door_is_open_until_somebody_keeps_it(web):
    assert web.get(STATE).json()["admit"] == {"mode": "open", "cohorts": 1_000, "rate": 0}


def test_a_paced_door_moves_with_the_clock_and_is_told_at_once(web):
    now = web.desk.clock()
    web.desk.clock = lambda: now
    began = now
    assert keep(web, mode="paced", seconds=100).json()["cohorts"] == 0
    for second in range(1, 4):
        now = began + second
        admit = web.get(STATE).json()["admit"]
        assert admit["mode"] == "paced"
        assert admit["cohorts"] == pytest.approx(10 * second, abs=1)
        assert admit["rate"] == 10.0


def test_while_a_crowd_may_wait_pages_ask_more_seldom(web):
    assert web.get(STATE).json()["pace"] == 2.0
    keep(web, mode="closed")
    assert web.get(STATE).json()["pace"] == 5.0
    keep(web, mode="open")
    assert web.get(STATE).json()["pace"] == 2.0
    starts = int(web.desk.clock()) + 86_400
    web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "later", "starts": starts})
    assert web.get("/api/spaces/later/state.json").json()["pace"] == 20.0


def test_a_node_whose_event_loop_is_late_has_pages_ask_more_seldom(web):
    now = web.desk.clock()
    web.desk.clock = lambda: now
    assert web.get(STATE).json()["pace"] == 2.0
    web.desk.note_lag(0.15)
    now += 1.0
    assert web.get(STATE).json()["pace"] == 3.0


def test_a_pace_keeps_to_the_bounds_that_were_given(engine):
    engine.create_space("demo")
    web = Web(engine, bounds=Bounds(6.0, 9.0))
    assert web.get(STATE).json()["pace"] == 6.0
    starts = int(web.desk.clock()) + 86_400
    web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "later", "starts": starts})
    assert web.get("/api/spaces/later/state.json").json()["pace"] == 9.0


def test_a_node_that_is_asked_too_much_has_pages_ask_more_seldom(web):
    now = web.desk.clock()
    web.desk.clock = lambda: now
    paces = []
    for _ in range(3):
        now += 1.0
        paces.append(web.get(STATE).json()["pace"])
        before = web.desk.pacing.asked
        web.get(STATE)  # is kept, and counts all the same
        assert web.desk.pacing.asked == before + 1
        web.desk.pacing.asked += 2_000  # and so do the others'
    assert paces[0] == 2.0
    assert paces[2] > paces[1] > paces[0]


@pytest.mark.parametrize(("role", "status"), [("", 401), ("speaker", 403), ("host", 200)])
def test_only_those_who_run_the_space_keep_its_door(web, role, status):
    token = web.token(role) if role else ""
    assert keep(web, token, mode="closed").status_code == status


@pytest.mark.parametrize(
    "body", [{}, {"mode": "ajar"}, {"mode": "paced"}, {"mode": "paced", "seconds": "soon"}]
)
def test_a_way_that_is_none_is_refused(web, body):
    assert problem(keep(web, **body)) == (400, "invalid-request")


def test_an_automatic_door_opens_by_itself_and_goes_with_its_space(engine):
    now = 1_000_000.0
    engine.create_space("demo")
    backplane = LocalBackplane()
    doors = Doors(engine, backplane, lambda: now)

    async def evening():
        nonlocal now
        await doors.keep("demo", "auto")
        assert (await backplane.admission("demo")).cohorts == 0
        for _ in range(40):
            now += 1.0
            await doors.tick()
        assert (await backplane.admission("demo")).cohorts == 1_000
        await doors.keep("demo", "closed")
        engine.close_space("demo")
        await doors.tick()
        engine.create_space("demo")
        await doors.tick()
        assert (await backplane.admission("demo")).cohorts == 1_000

    trio.run(evening)


def test_a_door_may_be_closed_before_its_space_is_open(engine):
    backplane = LocalBackplane()
    doors = Doors(engine, backplane, lambda: 1_000_000.0)

    async def evening():
        await doors.keep("later", "closed")
        engine.create_space("later")
        await doors.tick()
        assert (await backplane.admission("later")).cohorts == 0

    trio.run(evening)


@pytest.mark.parametrize("opens", [False, True], ids=["planned", "open"])
@pytest.mark.parametrize("looks", [False, True], ids=["at once", "later"])
def test_a_door_goes_with_its_space_and_not_with_the_name(web, opens, looks):
    for _ in range(2):
        web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "later", "draft": True})
        assert web.get(f"{LATER}/state.json").json()["admit"]["mode"] == "open"
        keep = web.request("PUT", f"{LATER}/admission", token=OPERATOR_KEY, json={"mode": "closed"})
        assert keep.json()["cohorts"] == 0
        if opens:
            web.post(f"{LATER}/open", token=OPERATOR_KEY)
        assert web.get(f"{LATER}/state.json").json()["admit"]["cohorts"] == 0
        web.delete(LATER, token=OPERATOR_KEY)
        if looks:
            trio.run(web.desk.doors.tick)
            assert "later" not in web.engine.data.read_doors()


@pytest.mark.parametrize(("peer", "cohort"), [(1, 0), (2**31, 500), (2**32 - 1, 999)])
def test_whoever_has_a_number_has_a_cohort(peer, cohort):
    assert cohort_of(peer) == cohort


def test_whoever_comes_by_whep_is_of_a_cohort_by_chance(web):
    keys = _core.TicketKeys()
    for number, key in web.engine.data.ticket_keys():
        keys.add(number, key)
    found = set()
    for _ in range(20):
        answer = web.engine.accept_offer("demo", LISTEN)
        ufrag = re.search(r"a=ice-ufrag:(\S+)", answer.sdp)[1]
        opened = keys.open(ufrag, int(web.desk.clock()))
        assert opened.cohort == cohort_of(opened.peer)
        found.add(opened.cohort)
    assert len(found) > 10  # or one in a great many runs


def test_a_restart_throws_no_door_open(engine):
    now = 1_000_000.0

    async def before():
        nonlocal now
        doors = Doors(engine, LocalBackplane(), lambda: now)
        engine.create_space("demo")
        await doors.keep("demo", "paced", seconds=100)
        await doors.keep("quiet", "closed")
        for _ in range(10):
            now += 1
            await doors.tick()

    async def after():
        backplane = LocalBackplane()
        doors = Doors(engine, backplane, lambda: now)
        await doors.tick()
        assert (await backplane.admission("demo")).cohorts == pytest.approx(100, abs=1)
        assert (await backplane.admission("quiet")).cohorts == 0

    trio.run(before)
    trio.run(after)


def test_what_was_noted_and_makes_no_sense_is_not_kept(engine):
    wrong = {"cursor": -1, "rate": 0, "mode": "closed"}
    engine.data.write_doors({"a": wrong, "b": {"mode": "ajar"}, "c": 7})
    backplane = LocalBackplane()

    async def look():
        await Doors(engine, backplane).tick()
        assert (await backplane.admission("a")).cohorts == 1_000

    trio.run(look)


def test_a_door_whose_keeping_cannot_be_audited_is_not_kept(web, monkeypatch):
    def away(*_):
        raise StoreError("Nothing can be stored now (disk full); please try again.")

    with monkeypatch.context() as patched:
        patched.setattr(web.desk.office.backplane.store, "append", away)
        assert problem(keep(web, mode="closed")) == (503, "not-stored")
    assert web.get(STATE).json()["admit"]["mode"] == "open"
