"""Going away: who is sent on, what people are told, and for how long."""

import json
import signal
import socket
import urllib.error
import urllib.request

import pytest
import trio

from offers import LISTEN
from served import Served
from spacescore.drain import JOINS, Farewell, until_empty
from spacescore.pages import PAGE_HEADERS
from web_client import Web, problem
from webrtc_client import Peer

THERE = "https://other.example.org"


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo", open_stage=True)
    return Web(engine)


def ask(web: Web, path: str, method: str):
    body = {"content": LISTEN, "headers": {"Content-Type": "application/sdp"}}
    return web.request(method, path.format(space="demo"), **(body if method == "POST" else {}))


@pytest.mark.parametrize("path", JOINS)
def test_who_would_join_is_sent_to_the_node_that_takes_over(web, path):
    web.desk.farewell = Farewell(0, THERE)
    response = ask(web, path, JOINS[path])
    assert response.status_code == 307, "the method stays, as WHIP wants it"
    assert response.headers["location"] == THERE + path.format(space="demo")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [path for path in JOINS if not path.startswith("/s/")])
def test_who_would_join_is_refused_where_nobody_takes_over(web, path):
    web.desk.farewell = Farewell(0)
    response = ask(web, path, JOINS[path])
    assert problem(response) == (503, "overloaded")
    assert int(response.headers["retry-after"]) >= 1


def test_a_page_is_served_where_nobody_takes_over(web):
    web.desk.farewell = Farewell(0)
    response = web.get("/s/demo")
    assert response.status_code == 200
    assert response.headers["content-security-policy"] == PAGE_HEADERS["Content-Security-Policy"]


def test_every_path_of_the_table_is_a_route(web):
    assert JOINS.keys() <= {route.path for route in web.app.routes}


def test_moderation_and_leaving_go_on_meanwhile(web):
    token = web.token("host")
    web.desk.farewell = Farewell(0, THERE)
    assert web.delete("/api/spaces/demo", token=token).status_code == 204
    assert web.get("/healthz").status_code == 200
    assert problem(web.get("/readyz")) == (503, "draining")


def test_a_path_that_was_made_up_stays_a_path(web):
    web.desk.farewell = Farewell(0, THERE)
    location = web.get("/s/a%2F%0d%0aX:%20b").headers.get("location", "")
    assert location in ("", f"{THERE}/s/a%2F%0D%0AX%3A%20b")


def test_state_tells_everybody_until_when_and_where_to(web):
    web.desk.farewell = Farewell(1_800_000_000.5, THERE)
    told = web.get("/api/spaces/demo/state.json").json()["moving"]
    assert told == {"ends": 1_800_000_000, "to": f"{THERE}/s/demo"}
    assert Farewell(5).state("demo") == {"ends": 5, "to": None}


# For how long.


def waited(leaving: list[int], seconds: float, autojump, *, stop_at: float = 1e9):
    """Return why it ended, and after how long."""

    async def main():
        stopping, began = trio.Event(), trio.current_time()

        async def people() -> int:
            return sum(when > trio.current_time() - began for when in leaving)

        async def stop():
            await trio.sleep(stop_at)
            stopping.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            why = await until_empty(people, seconds, stopping.wait)
            nursery.cancel_scope.cancel()
        return why, round(trio.current_time() - began, 3)

    return trio.run(main, clock=autojump)


def test_an_empty_node_leaves_at_once(autojump):
    assert waited([], 600, autojump) == ("empty", 0)


def test_it_waits_for_the_last_one(autojump):
    assert waited([3, 40], 600, autojump) == ("empty", 40)


def test_it_waits_no_longer_than_it_said(autojump):
    assert waited([3600], 600, autojump) == ("time is over", 600)


def test_it_waits_no_longer_when_told_to_stop(autojump):
    assert waited([3600], 600, autojump, stop_at=7.1) == ("stopped", 7.1)


def test_no_time_is_no_time(autojump):
    why, seconds = waited([3600], 0, autojump)
    assert (why, seconds) == ("time is over", 0)


# A real process.


@pytest.fixture
def draining(tmp_path):
    """A service with a listener inside, that was told to go."""
    served = Served(tmp_path / "data", "--demo", "--drain-seconds", "60", "--drain-to", THERE)
    listener, sessions = Peer(), []

    def offer(sdp: str) -> str:
        answer, session = served.offer("/whep/demo", sdp)
        sessions.append(session)
        return answer

    listener.join(offer)
    served.process.send_signal(signal.SIGTERM)
    while not served.state()["moving"]:
        pass
    yield served, sessions[0]
    listener.close()
    served.end()


def test_a_node_that_drains_keeps_who_is_there_and_sends_on_who_comes(draining):
    served, session = draining
    with pytest.raises(urllib.error.HTTPError) as ready:
        served.get("/readyz")
    ready.value.close()
    assert ready.value.code == 503
    assert served.state()["moving"]["to"] == f"{THERE}/s/demo"
    assert served.state()["listeners"] == 1
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as raw:
        raw.sendall(b"GET /s/demo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 307")
    assert served.process.poll() is None
    assert served.delete(session) == 200, "leaving is possible"
    _, log = served.process.communicate(timeout=20)
    assert served.process.returncode == 0
    events = [json.loads(line) for line in log.splitlines()]
    assert [event["reason"] for event in events if event["event"] == "drained"] == ["empty"]
    assert events[-1]["event"] == "stopped"


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(draining, second):
    served, _ = draining
    code, seconds, log = served.stop(second)
    assert code == 0, log
    assert seconds < 5
