"""The application as a whole: who may ask for what, what comes back, and what it never does."""

import json
import time

import httpx
import pytest
import trio
from structlog.testing import capture_logs

from offers import SPEAK
from spacescore import asgi
from spacescore.backplane import HOME_SECONDS
from spacescore.clients import Proxies
from spacescore.drain import Farewell
from spacescore.errors import InvalidRequestError
from spacescore.limits import Limit, Limiter, TokenBucket
from spacescore.office import Office
from spacescore.rooms.lifetime import MAX_TTL_SECONDS
from web_client import OPERATOR_KEY, Web, problem


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo", title="Demo <stage>", open_stage=True)
    engine.create_space("closed-stage")
    return Web(engine)


# Spaces.


def test_the_operator_opens_a_space_and_gets_its_hosts_token_once(web):
    response = web.post(
        "/api/spaces", token=OPERATOR_KEY, json={"space": "launch", "title": "The Launch"}
    )
    assert response.status_code == 201
    assert response.headers["location"] == "http://rooms.test/api/spaces/launch"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["space"] == "launch"
    assert body["title"] == "The Launch"
    assert body["link"] == "http://rooms.test/s/launch"
    grant = web.keys.verify(body["host_token"], now=web.desk.clock())
    assert (grant.space, grant.role) == ("launch", "host")
    assert "host_token" not in web.get("/api/spaces/launch").json()


def test_a_space_without_a_name_gets_one(web):
    body = web.post("/api/spaces", token=OPERATOR_KEY, json={}).json()
    assert web.get(f"/api/spaces/{body['space']}").status_code == 200


@pytest.mark.parametrize(
    ("fields", "headers"),
    [({"host": "x" * 65}, {}), ({"host": 5}, {}), ({}, {"Host": "no host"})],
)
def test_a_space_that_cannot_be_answered_for_is_not_opened(web, fields, headers):
    body = {"space": "launch", **fields}
    response = web.post("/api/spaces", token=OPERATOR_KEY, json=body, headers=headers)
    assert problem(response) == (400, "invalid-request")
    assert problem(web.get("/api/spaces/launch")) == (404, "unknown-space")


def test_an_open_space_cannot_be_opened_again(web):
    response = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "demo"})
    assert problem(response) == (409, "space-taken")


@pytest.mark.parametrize("who", ["speaker", "host", "listener"])
def test_only_the_operator_opens_spaces(web, who):
    response = web.post("/api/spaces", token=web.token(who), json={"space": "mine"})
    assert problem(response) == (403, "forbidden")


def test_a_stranger_is_asked_who_they_are(web):
    response = web.post("/api/spaces", json={"space": "mine"})
    assert problem(response) == (401, "unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer x.y.z", "Bearer \x7f", "Token t"]
)
def test_a_bad_authorization_is_401_and_never_a_stranger(web, header):
    response = web.post("/api/spaces", headers={"Authorization": header}, json={})
    assert problem(response) == (401, "unauthenticated")


def test_a_host_ends_the_space_and_then_it_is_gone(web):
    token = web.token("host")
    assert web.delete("/api/spaces/demo", token=web.token("speaker")).status_code == 403
    assert web.delete("/api/spaces/demo", token=token).status_code == 204
    for path in ("/api/spaces/demo", "/api/spaces/demo/state.json", "/api/spaces/demo/ticket"):
        assert problem(web.get(path)) == (404, "unknown-space")


def test_the_list_has_every_space(web):
    spaces = web.get("/api/spaces").json()["spaces"]
    assert {space["space"] for space in spaces} == {"demo", "closed-stage"}
    assert spaces[0].keys() >= {"title", "live", "listeners", "open_stage", "link", "started"}


# People.


def test_a_host_invites_a_speaker_by_a_link(web):
    response = web.post(
        "/api/spaces/demo/tokens",
        token=web.token("host"),
        json={"role": "speaker", "name": " Grace\n", "ttl": 60},
    )
    assert response.status_code == 201
    body = response.json()
    assert body["link"] == f"http://rooms.test/s/demo#token={body['token']}"
    grant = web.keys.verify(body["token"], now=web.desk.clock())
    assert (grant.peer, grant.name, grant.expires) == (body["peer"], "Grace", body["expires"])


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "king"},
        {"role": 5},
        {"name": []},
        {"name": "x" * 65},
        {"ttl": 0},
        {"ttl": MAX_TTL_SECONDS + 1},
        {"ttl": "60"},
        {"ttl": True},
        {"ttl": 1.5},
    ],
)
def test_an_invitation_with_a_wrong_field_is_400(web, fields):
    response = web.post("/api/spaces/demo/tokens", token=web.token("host"), json=fields)
    assert problem(response) == (400, "invalid-request")


def test_speakers_invite_nobody(web):
    response = web.post("/api/spaces/demo/tokens", token=web.token("speaker"), json={})
    assert problem(response) == (403, "forbidden")


def test_a_token_of_another_space_is_403(web):
    token = web.token("host", "closed-stage")
    assert problem(web.delete("/api/spaces/demo", token=token)) == (403, "forbidden")


def test_an_open_stage_takes_anybody_and_a_closed_one_nobody(web):
    response = web.post("/api/spaces/demo/stage", json={"name": "Ada"})
    assert response.status_code == 201
    assert response.json()["role"] == "speaker"
    assert web.post("/api/spaces/demo/stage", json={}).json()["name"] == "Guest"
    closed = web.post("/api/spaces/closed-stage/stage", json={"name": "Ada"})
    assert problem(closed) == (403, "forbidden")


def test_nobody_is_muted_or_removed_who_is_not_there(web):
    token = web.token("host")
    for peer in ("1", "x", "-1", "٣", "4294967296", "9999999999", "99999999999"):
        response = web.post(
            f"/api/spaces/demo/speakers/{peer}/mute", token=token, json={"muted": True}
        )
        assert problem(response) == (404, "unknown-peer")
        response = web.delete(f"/api/spaces/demo/speakers/{peer}", token=token)
        assert problem(response) == (404, "unknown-peer")


def test_who_was_removed_cannot_come_back_with_the_same_token(web):
    grant = web.engine.invite("demo", role="speaker", name="Mallory")
    removed = web.delete(f"/api/spaces/demo/speakers/{grant.peer}", token=web.token("host"))
    assert removed.status_code == 204
    response = web.post(
        "/whip/demo",
        token=web.token_of(grant),
        content=SPEAK,
        headers={"Content-Type": "application/sdp"},
    )
    assert problem(response) == (403, "removed")


def test_speakers_are_not_for_each_other_to_mute(web):
    token = web.token("speaker")
    response = web.post("/api/spaces/demo/speakers/5/mute", token=token, json={"muted": True})
    assert problem(response) == (403, "forbidden")


# What pages poll.


def test_everybody_gets_the_same_ticket_and_any_cache_may(web):
    first, second = web.get("/api/spaces/demo/ticket"), web.get("/api/spaces/demo/ticket")
    assert first.json() == second.json()
    assert first.headers["cache-control"] == "public, max-age=5, stale-while-revalidate=1"
    assert first.headers["access-control-allow-origin"] == "*"
    body = first.json()
    assert len(body["ticket"]) == 66
    assert len(body["password"]) == 32
    assert body["candidates"] == [{"ip": "127.0.0.1", "port": web.engine.port, "protocol": "udp"}]
    assert body["fingerprint"] == web.engine.fingerprint
    assert body["cname"] == body["space"] == "demo"
    assert 0 < body["ssrc"] < 2**32
    assert body["expiry"] > web.desk.clock() + 30


def test_what_a_space_says_of_itself_may_be_kept_where_it_is_for_everybody(web):
    everybodys = web.get("/api/spaces/demo").headers["cache-control"]
    assert everybodys == "public, max-age=1, stale-while-revalidate=1"
    made = {"space": "own", "visibility": "invite"}
    host = web.post("/api/spaces", token=OPERATOR_KEY, json=made).json()["host_token"]
    assert web.get("/api/spaces/own", token=host).headers["cache-control"] == "no-store"


def test_the_state_says_what_a_page_shows(web):
    response = web.get("/api/spaces/demo/state.json")
    assert response.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=1"
    state = response.json()
    assert state.pop("time") == pytest.approx(web.desk.clock(), abs=2)
    assert state.pop("started") == pytest.approx(web.desk.clock(), abs=30)
    assert state == {
        "space": "demo",
        "phase": "open",
        "title": "Demo <stage>",
        "hands": 0,
        "pins": [],
        "live": False,
        "listeners": 0,
        "sample": [],
        "called": [],
        "pace": 2.0,
        "speakers": [],
        "open_stage": True,
        "recording": True,
        "off_air": False,
        "moving": None,
        "admit": {"cohorts": 1000, "mode": "open", "rate": 0.0},
    }


def test_however_many_ask_for_the_state_the_core_is_asked_once_a_second(web, monkeypatch):
    asked = []
    real = web.engine.stats
    monkeypatch.setattr(web.engine, "stats", lambda space: asked.append(space) or real(space))
    now = [1000.0]
    web.desk.clock = lambda: now[0]
    for moment in (1000.0, 1000.1, 1000.99, 1001.0, 999.0):
        now[0] = moment
        web.get("/api/spaces/demo/state.json")
    assert len(asked) == 3  # a clock that steps back counts as old


# Limits.


def test_a_body_of_64_kib_is_read_and_one_byte_more_is_413(web):
    padding = "x" * (64 * 1024 - len('{"name":"a","x":""}'))
    fits = json.dumps({"name": "a", "x": padding}, separators=(",", ":"))
    headers = {"Content-Type": "application/json"}
    assert len(fits) == 64 * 1024
    assert web.post("/api/spaces/demo/stage", content=fits, headers=headers).status_code == 201
    response = web.post("/api/spaces/demo/stage", content=fits + " ", headers=headers)
    assert problem(response) == (413, "too-long")


@pytest.mark.parametrize("declared", [{}, {"Content-Length": "0"}])
def test_a_body_is_refused_while_it_streams_in(web, declared):
    read = []

    async def endless():
        read.append(1)
        assert len(read) < 100, "the server reads on"
        return {"type": "http.request", "body": b"x" * 4096, "more_body": True}

    headers = {"Content-Type": "application/json"} | declared
    response = web.stream("/api/spaces/demo/stage", endless, headers)
    assert problem(response) == (413, "too-long")
    assert len(read) == 17


@pytest.mark.parametrize("length", ["65537", "9" * 30, "x"])
def test_a_declared_length_over_the_limit_is_413_without_reading(web, length):
    headers = {"Content-Type": "application/json", "Content-Length": length}
    response = web.post("/api/spaces/demo/stage", content=b"{}", headers=headers)
    assert problem(response) == (413, "too-long")


def test_a_body_that_does_not_come_is_408(web, autojump):
    async def stalled():
        await trio.sleep(3600)

    headers = {"Content-Type": "application/json"}
    response = web.stream("/api/spaces/demo/stage", stalled, headers, clock=autojump)
    assert problem(response) == (408, "too-slow")


def test_a_client_that_hangs_up_costs_nothing(web):
    async def gone():
        return {"type": "http.disconnect"}

    with capture_logs() as logs:
        response = web.stream("/api/spaces/demo/stage", gone, {"Content-Type": "application/json"})
    assert response.status_code == 400
    assert logs == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b"[" * 60_000, b'{"name":"\\ud800"'],
    ids=range(8),
)
def test_what_is_no_json_object_is_400(web, body):
    headers = {"Content-Type": "application/json"}
    response = web.post("/api/spaces/demo/stage", content=body, headers=headers)
    assert problem(response) == (400, "invalid-request")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/jsonx", "application/sdp"])
def test_another_type_is_415(web, kind):
    headers = {"Content-Type": kind} if kind else {}
    response = web.post("/api/spaces/demo/stage", content=b"{}", headers=headers)
    assert problem(response) == (415, "wrong-type")


def test_a_type_may_have_parameters_and_any_case(web):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert web.post("/api/spaces/demo/stage", content=b"{}", headers=headers).status_code == 201


def test_too_many_joins_at_once_are_asked_to_come_later(web):
    web.desk.clock = lambda: 1000.0
    while not web.desk.joins.take(1000.0):
        pass
    response = web.post("/api/spaces/demo/stage", json={})
    assert problem(response) == (503, "overloaded")
    assert 1 <= int(response.headers["retry-after"]) <= 5


EXHAUSTED = {"rate": 1e-6, "burst": 0.5}


def test_strangers_hold_back_neither_hosts_nor_speakers(web):
    web.desk.joins = TokenBucket(**EXHAUSTED)
    assert problem(web.post("/api/spaces/demo/people", json={})) == (503, "overloaded")
    for role in ("host", "cohost", "speaker"):
        link = web.post("/api/spaces/demo/people", json={}, token=web.token(role))
        assert link.status_code == 201
    web.desk.stage = TokenBucket(**EXHAUSTED)
    assert web.post("/api/spaces/demo/people", json={}, token=web.token("host")).status_code == 201
    speaker = web.post("/api/spaces/demo/people", json={}, token=web.token("speaker"))
    assert problem(speaker) == (503, "overloaded")


def behind(*hops: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(hops)}


def test_one_address_has_its_part_of_the_strangers_stream(engine):
    engine.create_space("demo", open_stage=True)
    web = Web(engine, proxies=Proxies(["127.0.0.1"]))
    web.desk.clock = lambda: 1000.0
    web.desk.strangers = Limit(1.0, 2.0)
    here, there = behind("6.6.6.6", "198.51.100.1"), behind("198.51.100.2")

    def ask(headers):
        return web.post("/api/spaces/demo/stage", json={}, headers=headers)

    assert [ask(here).status_code for _ in range(2)] == [201, 201]
    assert problem(ask(here)) == (429, "too-many-requests")
    assert problem(ask(behind("7.7.7.7", "198.51.100.1"))) == (429, "too-many-requests")
    assert int(ask(here).headers["retry-after"]) >= 1
    assert ask(there).status_code == 201
    assert [ask({}).status_code for _ in range(5)] == [201] * 5  # the proxy does not say for whom


def test_a_header_that_nobody_trusted_writes_changes_nothing(engine):
    engine.create_space("demo", open_stage=True)
    web = Web(engine)
    web.desk.clock = lambda: 1000.0
    web.desk.strangers = Limit(1.0, 1.0)
    with capture_logs() as log:
        asked = [
            web.post("/api/spaces/demo/stage", json={}, headers=behind(f"198.51.100.{n}"))
            for n in range(4)
        ]
    assert [each.status_code for each in asked] == [201, 429, 429, 429]
    assert [line["address"] for line in log if "trusted_proxies" in line.get("hint", "")] == [
        "127.0.0.1"
    ]


def test_tickets_are_counted_by_address_too(web):
    web.desk.clock = lambda: 1000.0
    web.desk.tickets = Limiter(Limit(1.0, 2.0))
    asked = [web.get("/api/spaces/demo/ticket") for _ in range(3)]
    assert [each.status_code for each in asked] == [200, 200, 429]


# The rest of HTTP.


@pytest.mark.parametrize("path", ["/nothing", "/api", "/s/", "/web/", "/web/../http.py", "/whip/"])
def test_an_unknown_path_is_a_problem(web, path):
    assert problem(web.get(path))[0] == 404


def test_a_wrong_method_is_405_and_says_which_are_right(web):
    response = web.request("PUT", "/api/spaces/demo")
    assert problem(response)[0] == 405
    assert set(response.headers["allow"].split(", ")) == {
        "GET",
        "HEAD",
        "PATCH",
        "DELETE",
        "OPTIONS",
    }


@pytest.mark.parametrize("host", ["", "a b", "[::1", 'x"y', "a/b", "<script>", "x:port"])
def test_a_host_header_that_is_no_host_makes_no_links(web, host):
    response = web.get("/api/spaces/demo", headers={"Host": host})
    assert problem(response) == (400, "invalid-request")


def test_a_public_url_stands_in_every_link(engine):
    engine.create_space("demo")
    web = Web(engine, public_url="https://rooms.example/live/")
    assert web.get("/api/spaces/demo").json()["link"] == "https://rooms.example/live/s/demo"


@pytest.mark.parametrize(
    "url", ["rooms.example", "ftp://x", "https://", "https://x/?q", "https://x y"]
)
def test_a_public_url_that_is_none_is_refused_at_the_start(engine, url):
    with pytest.raises(InvalidRequestError, match="URL"):
        asgi(engine, public_url=url)


def test_mounted_somewhere_every_link_says_so(engine):
    from starlette.applications import Starlette
    from starlette.routing import Mount

    engine.create_space("demo")
    web = Web(engine)
    web.app = Starlette(routes=[Mount("/rooms", web.app)])
    assert web.get("/rooms/api/spaces/demo").json()["link"] == "http://rooms.test/rooms/s/demo"


def test_a_fault_of_ours_is_a_500_that_tells_nothing(web, monkeypatch):
    def fail(space):
        raise RuntimeError("secret")

    monkeypatch.setattr(web.engine, "ticket", fail)
    with capture_logs() as logs:
        response = web.get("/api/spaces/demo/ticket")
    assert problem(response) == (500, "fault")
    assert "secret" not in response.text
    assert logs == [
        {
            "event": "handler failed",
            "log_level": "error",
            "exc_info": True,
            "method": "GET",
            "route": "/api/spaces/{space}/ticket",
        }
    ]


def test_other_origins_may_call_what_needs_a_token_or_none(web):
    for path in ("/api/spaces", "/api/spaces/demo/state.json", "/whep/demo"):
        response = web.request(
            "OPTIONS",
            path,
            headers={"Origin": "https://other.example", "Access-Control-Request-Method": "POST"},
        )
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "*"
        assert "Authorization" in response.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in response.headers
    assert "access-control-allow-origin" not in web.get("/metrics").headers


# Operations.


def test_health_ready_and_metrics(web):
    assert web.get("/healthz").json() == {"status": "ok"}
    assert web.get("/readyz").json() == {"status": "ready"}
    metrics = web.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "spacescore_spaces{" in metrics.text


def test_a_node_that_goes_away_takes_nobody_new_and_is_still_healthy(web):
    web.desk.farewell = Farewell(0)
    assert problem(web.get("/readyz")) == (503, "draining")
    assert web.get("/healthz").status_code == 200
    response = web.post("/api/spaces/demo/stage", json={})
    assert problem(response) == (503, "overloaded")


def test_a_closed_engine_is_unhealthy(web):
    web.engine.close()
    assert problem(web.get("/healthz")) == (503, "closing")
    assert problem(web.get("/readyz")) == (503, "closing")
    assert "spacescore_http_requests_total" in web.get("/metrics").text


def test_a_space_for_which_there_is_no_room_is_opened_when_there_is(engine, monkeypatch):
    web = Web(engine)
    create = {"token": OPERATOR_KEY, "json": {"space": "now", "record": False}}
    web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "later", "draft": True})
    with monkeypatch.context() as patched:
        patched.setattr("spacescore.spaces.MAX_SPACES", 0)
        assert problem(web.post("/api/spaces", **create)) == (503, "overloaded")
        opened = web.post("/api/spaces/later/open", token=OPERATOR_KEY)
        assert problem(opened) == (503, "overloaded")
    assert web.post("/api/spaces", **create).status_code == 201  # its name is free again
    assert web.post("/api/spaces/later/open", token=OPERATOR_KEY).json()["phase"] == "open"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"title": "Another"}),
        ("POST", "/open", None),
        ("PUT", "/admission", {"mode": "open"}),
        ("PUT", "/pins", {"pins": []}),
        ("POST", "/captions", {"text": "Good evening"}),
    ],
)
def test_who_runs_a_space_acts_no_faster_than_people_do(web, method, path, body):
    web.desk.acts = web.desk.captions = Limit(1e-6, 2.0)

    def act(token: str) -> httpx.Response:
        return web.request(method, f"/api/spaces/demo{path}", token=token, json=body)

    host = web.token("host")
    assert [act(host).status_code < 400 for _ in range(2)] == [True, True]
    assert problem(act(host)) == (429, "too-many-requests")
    assert act(OPERATOR_KEY).status_code < 400  # a program of the operator's


def test_who_would_join_what_is_off_the_air_is_told_so_and_to_come_again(web):
    """After a restart onto a disk without the folder of recordings."""
    engine, recordings = web.engine, web.engine.data.recordings
    web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "launch"})
    web.desk.office.rest()
    engine.close_space("launch")
    for file in recordings.iterdir():
        file.unlink()
    recordings.rmdir()
    again = Web(engine, office=Office(engine, web.desk.office.backplane))
    trio.run(again.desk.office.restore)
    for ask in (again.get("/api/spaces/launch/ticket"), again.get("/api/spaces/launch/live.json")):
        assert problem(ask) == (503, "off-air")
        assert ask.headers["retry-after"] == "5"
    told = again.get("/api/spaces/launch/state.json").json()
    assert (told["phase"], told["off_air"]) == ("open", True)
    assert again.get("/api/operations", token=OPERATOR_KEY).json()["off_air"] == ["launch"]
    assert "spacescore_spaces_off_air{" in again.get("/metrics").text
    assert problem(again.get("/api/spaces/none/ticket")) == (404, "unknown-space")
    recordings.mkdir()
    again.desk.clock = again.desk.office.clock = lambda: time.time() + HOME_SECONDS
    assert again.get("/api/spaces/launch/state.json").json()["off_air"] is False
    assert again.get("/api/spaces/launch/ticket").status_code == 200


def test_a_space_whose_recording_cannot_be_begun_is_refused_with_a_clear_word(web):
    recordings = web.engine.data.recordings
    for file in recordings.iterdir():
        file.unlink()
    recordings.rmdir()
    with capture_logs() as logs:
        refused = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "launch"})
    assert problem(refused) == (503, "overloaded")
    assert str(recordings) not in refused.text
    (line,) = (line for line in logs if line["log_level"] == "error")
    assert str(recordings) in line["reason"]
    assert web.get("/api/spaces/launch").status_code == 404
