"""Answers that are rendered once and sent as they are: fresh, forgotten in time, nobody's own."""

import pytest

from spacescore.drain import Farewell
from spacescore.kept import MAX_KEPT, Answer, Kept
from spacescore.limits import Limit, Limiter
from spacescore.policy import OPERATOR
from spacescore.rooms.commands import Edit
from web_client import OPERATOR_KEY, Web, problem

STATE, TICKET = "/api/spaces/demo/state.json", "/api/spaces/demo/ticket"


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo")
    return Web(engine)


@pytest.mark.parametrize("path", [STATE, TICKET])
def test_the_second_answer_is_the_first_byte_by_byte(web, path):
    web.desk.clock = lambda: 2e9
    first = web.get(path)
    assert web.desk.kept.find(path, 2e9)
    second = web.get(path)
    assert (second.content, second.headers) == (first.content, first.headers)
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["access-control-allow-origin"] == "*"


def test_who_has_it_already_is_told_so(web):
    web.desk.clock = lambda: 2e9
    tag = web.get(STATE).headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"x", {tag}'):
        answer = web.get(STATE, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in answer.headers
    assert web.get(STATE, headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_tag_is_answered_by_the_first_rendering_too(web):
    web.desk.clock = lambda: 2e9
    tag = web.get(STATE).headers["etag"]
    web.desk.kept.clear()
    assert web.get(STATE, headers={"If-None-Match": tag}).status_code == 304


def test_what_changes_in_a_space_is_seen_at_once_and_elsewhere_nothing_is_forgotten(web):
    now = web.desk.clock()
    web.desk.clock = web.desk.office.clock = lambda: now
    web.engine.create_space("other")
    web.get("/api/spaces/other/state.json")
    web.get(STATE)
    web.request("PATCH", "/api/spaces/demo", token=OPERATOR_KEY, json={"title": "Another"})
    assert web.get(STATE).json()["title"] == "Another"
    assert web.desk.kept.find("/api/spaces/other/state.json", web.desk.clock())
    web.delete("/api/spaces/demo", token=OPERATOR_KEY)
    assert problem(web.get(STATE)) == (404, "unknown-space")
    assert problem(web.get(TICKET)) == (404, "unknown-space")


def test_what_changes_while_an_answer_is_made_is_not_hidden_by_it(web, monkeypatch):
    web.desk.clock = lambda: 2e9
    office, tick = web.desk.office, web.desk.doors.tick

    async def rename() -> None:
        monkeypatch.setattr(web.desk.doors, "tick", tick)
        await office.do("demo", Edit({"title": "Another"}), OPERATOR)

    monkeypatch.setattr(web.desk.doors, "tick", rename)
    web.get(STATE)
    assert web.get(STATE).json()["title"] == "Another"


@pytest.mark.parametrize("name", ["state.json", "live.json", "ticket"])
def test_what_is_kept_of_a_space_by_invitation_is_told_to_those_alone_who_may_ask(web, name):
    now = web.desk.clock()
    web.desk.clock = web.desk.office.clock = lambda: now
    body, path = {"space": "own", "visibility": "invite"}, f"/api/spaces/own/{name}"
    host = web.post("/api/spaces", token=OPERATOR_KEY, json=body).json()["host_token"]
    for _ in range(2):
        assert web.get(path, token=host).headers["cache-control"] == "no-store"
        assert problem(web.get(path)) == (401, "unauthenticated")
        assert problem(web.get(path, token=web.token("host"))) == (403, "forbidden")


def test_those_who_were_invited_are_told_alike_what_is_rendered_once_a_second(web, monkeypatch):
    now, asked, real = 2e9, [], web.engine.stats
    monkeypatch.setattr(web.engine, "stats", lambda space: asked.append(space) or real(space))
    web.desk.clock = web.desk.office.clock = lambda: now
    body, state = {"space": "own", "visibility": "invite"}, "/api/spaces/own/state.json"
    host = web.post("/api/spaces", token=OPERATOR_KEY, json=body).json()["host_token"]
    asked.clear()
    first, second = (web.get(state, token=each) for each in (host, OPERATOR_KEY))
    assert (first.content, first.headers) == (second.content, second.headers)
    assert asked == ["own"]
    tag = {"If-None-Match": first.headers["etag"]}
    assert web.get(state, token=host, headers=tag).status_code == 304
    web.request("PATCH", "/api/spaces/own", token=host, json={"title": "Another"})
    assert web.get(state, token=host).json()["title"] == "Another"
    peer = web.keys.verify(host, now=now).peer
    web.delete(f"/api/spaces/own/speakers/{peer}", token=OPERATOR_KEY)
    assert problem(web.get(state, token=host)) == (403, "removed")


@pytest.mark.parametrize("name", ["state.json", "live.json"])
def test_that_there_is_no_such_space_is_kept_for_everybody_too(web, name):
    web.desk.clock = web.desk.office.clock = lambda: 2e9
    path = f"/api/spaces/none/{name}"
    first = web.get(path)
    assert problem(first) == (404, "unknown-space")
    assert first.headers["cache-control"] == "public, max-age=2, stale-while-revalidate=1"
    assert web.desk.kept.find(path, 2e9)
    assert (web.get(path).content, web.get(path).headers) == (first.content, first.headers)
    assert web.desk.kept.find(path, 2e9 + 1) is None
    web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "none"})
    assert web.get(path).status_code == 200, "it is seen at once when there is one"


def test_a_name_that_no_space_can_have_takes_no_place(web):
    web.desk.clock = lambda: 2e9
    path = f"/api/spaces/{'x' * 49}/state.json"
    assert problem(web.get(path)) == (404, "unknown-space")
    assert web.desk.kept.find(path, 2e9) is None


def test_a_node_that_drains_does_not_say_that_a_space_is_gone_for_good(web):
    web.desk.farewell = Farewell(0.0)
    gone = web.get("/api/spaces/none/state.json")
    assert (gone.status_code, gone.headers["cache-control"]) == (404, "no-store")


def test_while_a_node_drains_it_matters_who_asks(web):
    web.get(TICKET)
    web.desk.farewell = Farewell(0.0)
    assert problem(web.get(TICKET)) == (503, "overloaded")


def test_a_kept_ticket_is_counted_by_address_all_the_same(web):
    web.desk.clock = lambda: 2e9
    web.desk.tickets = Limiter(Limit(1.0, 3.0))
    assert [web.get(TICKET).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_requests_are_counted_wherever_they_are_answered(web):
    for _ in range(3):
        web.get(STATE)
    assert 'spacescore_http_requests_total{node="' in web.get("/metrics").text
    line = next(line for line in web.get("/metrics").text.splitlines() if 'status="200"' in line)
    assert float(line.split()[-1]) >= 4.0


def test_the_table_does_not_grow_without_end():
    kept = Kept()
    for number in range(MAX_KEPT + 10):
        kept.put(f"/{number}", Answer("demo", 0.0, 9.0, False, False, b"", {}, {}, {}))
    assert kept.find("/9", 1.0) is None
    assert kept.find(f"/{MAX_KEPT}", 1.0)


def test_a_ticket_tells_of_stun_and_turn(engine):
    from spacescore.desk import IceServer

    engine.create_space("demo")
    servers = [IceServer("stun:a.example"), IceServer("turn:b.example", "u", "s")]
    told = Web(engine, ice_servers=servers).get(TICKET).json()["ice_servers"]
    assert told == [
        {"urls": "stun:a.example"},
        {"urls": "turn:b.example", "username": "u", "credential": "s"},
    ]
