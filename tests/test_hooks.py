"""Webhooks over HTTP: the operator sees who is told, and sends dead letters again."""

import pytest

from spacescore.store import Letter
from spacescore.webhooks.endpoints import SOME_SECRET, read_endpoints
from spacescore.webhooks.letters import letters_for
from web_client import OPERATOR_KEY, Web, problem

DEAD = "/api/webhooks/dead"
NAME = "https://a.example/hook"


@pytest.fixture
def web(engine) -> Web:
    web = Web(engine)
    web.desk.endpoints = [NAME]
    return web


def letter(number: int, **more) -> Letter:
    known = {"event": "m", "endpoint": NAME, "body": "{}", "made": 1.0, "due": 1.0, "dead": True}
    return Letter(id=f"{number:03}.0", **(known | more))


def outbox(web: Web):
    return web.desk.office.backplane.store.outbox


def test_only_the_operator_sees_them(web):
    web.engine.create_space("demo")
    for path in ("/api/webhooks", DEAD):
        assert problem(web.get(path)) == (401, "unauthenticated")
        assert problem(web.get(path, token=web.token("host"))) == (403, "forbidden")


def test_endpoints_are_shown_with_what_waits_and_those_no_longer_set(web):
    outbox(web).add([letter(1), letter(2, dead=False), letter(3, endpoint="https://old.example/")])
    shown = web.get("/api/webhooks", token=OPERATOR_KEY).json()["endpoints"]
    assert shown == [
        {"endpoint": NAME, "set": True, "waiting": 1, "dead": 1},
        {"endpoint": "https://old.example/", "set": False, "waiting": 0, "dead": 1},
    ]


def test_the_dead_are_read_by_page_sent_again_and_forgotten(web):
    outbox(web).add([letter(n, tries=14, error="HTTP 500") for n in range(3)])
    first = web.get(f"{DEAD}?limit=2", token=OPERATOR_KEY).json()
    assert [one["id"] for one in first["letters"]] == ["002.0", "001.0"]
    rest = web.get(f"{DEAD}?limit=2&before={first['before']}", token=OPERATOR_KEY).json()
    assert ([one["error"] for one in rest["letters"]], rest["before"]) == (["HTTP 500"], None)
    again = web.post(f"{DEAD}/001.0/retry", token=OPERATOR_KEY)
    assert (again.status_code, again.json()["tries"]) == (202, 0)
    assert outbox(web).due(NAME, web.desk.clock(), 9)[0].id == "001.0"
    assert problem(web.post(f"{DEAD}/001.0/retry", token=OPERATOR_KEY)) == (404, "unknown-letter")
    assert web.delete(f"{DEAD}/002.0", token=OPERATOR_KEY).status_code == 204
    assert problem(web.delete(f"{DEAD}/002.0", token=OPERATOR_KEY)) == (404, "unknown-letter")


def test_an_evening_becomes_letters_with_its_facts(web):
    ledger = web.desk.office.ledger
    ledger.post = letters_for(read_endpoints([NAME], SOME_SECRET))
    host = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "demo"}).json()["host_token"]
    eve = web.post("/api/spaces/demo/people", json={"name": "Eve"}).json()
    web.request("PUT", "/api/spaces/demo/hand", token=eve["token"])
    web.post(f"/api/spaces/demo/people/{eve['peer']}/block", token=host, json={})
    web.delete("/api/spaces/demo", token=host)
    told = outbox(web).due(NAME, web.desk.clock() + 9, 99)
    types = [one.body.split('"')[3] for one in sorted(told, key=lambda one: one.id)]
    assert types == [
        *("space.planned", "host.named", "space.opened", "hand.raised"),
        *("person.blocked", "person.removed", "space.ended"),
    ]
