"""How the node does, over HTTP: who may see it, and what it says."""

import time

import pytest
import trio

from spacescore import Engine
from spacescore.doctor import Finding, Level
from spacescore.pulse import COLUMNS
from web_client import OPERATOR_KEY, Web, problem

PULSE = "/api/operations"
NOW = float(int(time.time()))  # the engine has its own clock, for tokens


@pytest.fixture
def web(engine: Engine) -> Web:
    engine.create_space("demo", title="The evening round")
    web = Web(engine)
    web.now = NOW
    web.desk.clock = lambda: web.now
    return web


def ask(web: Web, query: str = "", token: str = OPERATOR_KEY) -> dict:
    response = web.get(f"{PULSE}{query}", token=token)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    return response.json()


@pytest.mark.parametrize("path", [PULSE, f"{PULSE}/findings"])
def test_the_operator_sees_it_and_nobody_in_a_space_does(web, path):
    assert problem(web.get(path)) == (401, "unauthenticated")
    for role in ("listener", "speaker", "cohost", "host"):
        assert problem(web.get(path, token=web.token(role))) == (403, "forbidden")
    assert web.get(path, token=OPERATOR_KEY).status_code == 200


def test_a_pass_shows_and_does_nothing_else(web):
    shown = web.keys.issue_pass(now=NOW, ttl=60)
    assert ask(web, token=shown)["node"] == web.desk.node
    assert web.get(f"{PULSE}/findings", token=shown).status_code == 200
    for method, path in (("POST", "/api/spaces"), ("DELETE", "/api/spaces/demo")):
        answer = web.request(method, path, token=shown, json={})
        assert problem(answer) == (401, "unauthenticated")


def test_a_pass_that_has_expired_is_told(web):
    shown = web.keys.issue_pass(now=NOW, ttl=60)
    web.now += 100
    answer = web.get(PULSE, token=shown)
    assert problem(answer) == (401, "unauthenticated")
    assert "expired" in answer.json()["detail"]


def test_each_second_is_a_row_and_who_asks_again_gets_what_is_new(web):
    first = ask(web)
    assert (first["rows"], first["number"], first["columns"]) == ([], 0, list(COLUMNS))
    for _ in range(3):
        web.now += 1
        ask(web)
    whole = ask(web)
    assert [row[0] for row in whole["rows"]] == [NOW + 1, NOW + 2, NOW + 3]
    assert [row[0] for row in ask(web, "?since=2")["rows"]] == [NOW + 3]
    assert ask(web, "?since=3")["rows"] == []


def test_however_many_ask_the_core_is_asked_once_a_second(web, monkeypatch):
    asked = []
    real = web.engine.worker_counters
    monkeypatch.setattr(web.engine, "worker_counters", lambda: asked.append(1) or real())
    for _ in range(5):
        web.now += 0.1
        ask(web)
    assert len(asked) == 1


def test_of_many_who_ask_at_once_one_takes_the_pulse(web):
    async def main():
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(web.desk.vitals.look)

    trio.run(main)
    web.now += 1
    trio.run(main)
    assert web.desk.vitals.pulse.number == 1


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "9" * 13, "²"])
def test_a_number_that_is_none_is_400(web, since):
    answer = web.get(f"{PULSE}?since={since}", token=OPERATOR_KEY)
    assert problem(answer) == (400, "invalid-request")


def test_spaces_are_told_with_their_doors(web):
    web.engine.create_space("other")
    (demo, other) = ask(web)["spaces"]
    assert (demo["space"], demo["title"], other["space"]) == ("demo", "The evening round", "other")
    assert (demo["listeners"], demo["speakers"], demo["live"]) == (0, 0, False)
    assert demo["admission"]["mode"] == "open"


def test_the_doctor_is_asked_once_a_minute(web):
    said = Finding("Machine", "clock", Level.WARNING, "It goes wrong.", "sudo ntpd")
    asked = []
    web.desk.vitals.doctor = lambda: asked.append(1) or [said]
    for _ in range(2):
        (found,) = web.get(f"{PULSE}/findings", token=OPERATOR_KEY).json()["findings"]
    assert (found["level"], found["fix"], len(asked)) == ("warning", "sudo ntpd", 1)
    web.now += 61
    web.get(f"{PULSE}/findings", token=OPERATOR_KEY)
    assert len(asked) == 2


def test_an_engine_that_is_closed_is_503(web):
    web.engine.close()
    assert problem(web.get(PULSE, token=OPERATOR_KEY))[0] == 503
