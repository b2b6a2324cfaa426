"""What every door of the service holds to, whoever stands before it: see docs/security.md.

The table of routes is gone through as it is, so a new route is held to all of this at once, and
has to be put into `MAY` by whoever makes it.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest
from structlog.testing import capture_logs

from spacescore.policy import Grant, Role
from spacescore.tokens import TokenKey, draw_peer
from web_client import OPERATOR_KEY, Web, problem

# Who may, as far as tokens say: Operator, Host, Cohost, Speaker, Listener, a stranger (-). Whether
# there is what they ask for, and whether it makes sense, is another question; others may not ask.
ALL, KEEPERS, IN_SPACE = "OHCSL-", "OHC", "HCSL"
MAY = {
    "GET /api/audit": "O",
    "GET /api/operations": "O",
    "GET /api/operations/findings": "O",
    "GET /api/recordings": ALL,
    "GET /api/spaces": ALL,
    "POST /api/spaces": "O",
    "GET /api/spaces/{space}": ALL,
    "PATCH /api/spaces/{space}": KEEPERS,
    "DELETE /api/spaces/{space}": "OH",
    "PUT /api/spaces/{space}/admission": KEEPERS,
    "GET /api/spaces/{space}/audit": KEEPERS,
    "DELETE /api/spaces/{space}/blocked/{identity}": KEEPERS,
    "GET /api/spaces/{space}/calendar.ics": ALL,
    "POST /api/spaces/{space}/captions": KEEPERS,
    "PUT /api/spaces/{space}/hand": "L",
    "DELETE /api/spaces/{space}/hand": IN_SPACE,
    "DELETE /api/spaces/{space}/hands/{peer}": KEEPERS,
    "PUT /api/spaces/{space}/host": "OH",
    "POST /api/spaces/{space}/links": KEEPERS,
    "DELETE /api/spaces/{space}/links/{link}": KEEPERS,
    "GET /api/spaces/{space}/live.json": ALL,
    "GET /api/spaces/{space}/me": IN_SPACE,
    "POST /api/spaces/{space}/mute": KEEPERS,
    "POST /api/spaces/{space}/offer": "L",
    "POST /api/spaces/{space}/open": KEEPERS,
    "GET /api/spaces/{space}/people": KEEPERS,
    "POST /api/spaces/{space}/people": ALL,
    "POST /api/spaces/{space}/people/{peer}/block": KEEPERS,
    "POST /api/spaces/{space}/people/{peer}/offer": KEEPERS,
    "PUT /api/spaces/{space}/people/{peer}/role": KEEPERS,
    "PUT /api/spaces/{space}/pins": KEEPERS,
    "POST /api/spaces/{space}/reactions": ALL,
    "DELETE /api/spaces/{space}/speakers/{peer}": KEEPERS,
    "POST /api/spaces/{space}/speakers/{peer}/mute": KEEPERS,
    "POST /api/spaces/{space}/stage": ALL,
    "GET /api/spaces/{space}/state.json": ALL,
    "GET /api/spaces/{space}/ticket": ALL,
    "POST /api/spaces/{space}/tokens": KEEPERS,
    "GET /api/webhooks": "O",
    "GET /api/webhooks/dead": "O",
    "DELETE /api/webhooks/dead/{letter}": "O",
    "POST /api/webhooks/dead/{letter}/retry": "O",
    "POST /whep/{space}": ALL,
    "POST /whip/{space}": "HCS",
}
# Something else than a role decides, and another test looks at it.
ELSEWHERE = {
    *("GET /whip/{space}", "GET /whep/{space}"),  # no content; tests/test_whip.py
    *(f"{method} /{{door}}/{{space}}/{{key}}" for method in ("GET", "PATCH", "DELETE")),
    "POST /api/spaces/{space}/links/use",  # the code; tests/test_people.py
    *(f"{method} /api/recordings/{{recording}}" for method in ("GET", "PATCH", "DELETE")),
    *(  # whether it is published; tests/test_replay.py
        f"GET /api/recordings/{{recording}}/{part}"
        for part in ("audio", "chapters.vtt", "captions.vtt")
    ),
}
BODIES = {
    "PUT /api/spaces/{space}/people/{peer}/role": {"role": "speaker"},
    "PUT /api/spaces/{space}/host": {"peer": 77},
}
ROLES = {"H": Role.HOST, "C": Role.COHOST, "S": Role.SPEAKER, "L": Role.LISTENER}
PLACES = {"space": "demo", "peer": "77", "identity": "%2377", "link": "x", "letter": "1"}
REFUSED = (401, 403)


@pytest.fixture
def web(engine) -> Web:
    web = Web(engine)
    web.desk.joins.burst = web.desk.joins.rate = 1e9
    opened = {"space": "demo", "open_stage": True}
    assert web.post("/api/spaces", json=opened, token=OPERATOR_KEY).status_code == 201
    return web


def routes(web: Web) -> Iterator[str]:
    for route in web.app.routes:
        path = re.sub(r":\w+}", "}", route.path)
        if not path.startswith(("/api/", "/whip", "/whep", "/{door")):
            continue
        for method in route.endpoint.handlers:
            yield f"{method} {path}"


def ask(web: Web, route: str, token: str = "", **places: str) -> httpx.Response:
    method, path = route.split()
    for name, value in (PLACES | places).items():
        path = path.replace(f"{{{name}}}", value)
    body = {} if method == "GET" else {"json": BODIES.get(route, {})}
    return web.request(method, path, token=token, **body)


def token_of(web: Web, who: str, space: str = "demo") -> str:
    grant = Grant(space, ROLES[who], draw_peer(first=False), "Ada", int(web.desk.clock()) + 60)
    return web.token_of(replace(grant, issued=web.desk.clock()))


def test_every_route_says_who_may(web):
    assert set(routes(web)) == MAY.keys() | ELSEWHERE


@pytest.mark.parametrize("route", MAY)
def test_a_route_is_for_those_who_may_and_nobody_else(web, route):
    for who in ALL:
        token = {"O": OPERATOR_KEY, "-": ""}.get(who)
        status = ask(web, route, token_of(web, who) if token is None else token).status_code
        assert status < 500
        assert (status not in REFUSED) == (who in MAY[route]), (who, status)
        if web.get("/api/spaces/demo").status_code == 404:  # they have ended it
            web.post("/api/spaces", json={"space": "demo", "open_stage": True}, token=OPERATOR_KEY)


OF_A_SPACE = [route for route, who in MAY.items() if "{space}" in route and "-" not in who]


@pytest.mark.parametrize("route", OF_A_SPACE)
def test_a_host_of_another_space_is_nobody_here(web, route):
    web.post("/api/spaces", json={"space": "other"}, token=OPERATOR_KEY)
    assert ask(web, route, token_of(web, "H", "other")).status_code in REFUSED


# Tokens that are none.

NEEDS_TOKEN = [route for route, who in MAY.items() if "-" not in who]
KEY = TokenKey.derive(OPERATOR_KEY)


def forged(
    web: Web, *, secret: bytes | None = KEY.secret, alg: str = "HS256", **changes: Any
) -> str:
    now = int(web.desk.clock())
    grant = {"space": "demo", "role": "host", "peer": 7, "name": "Mallory"}
    claims = {"iss": KEY.id, "sub": "demo/7", "nbf": now, "exp": now + 60, "space_grant": grant}
    return jwt.encode(claims | changes, secret, algorithm=alg, headers={"kid": KEY.id})


def bad_tokens(web: Web) -> dict[str, str]:
    now = web.desk.clock()
    good = forged(web)
    head, payload, mac = good.split(".")
    raised = json.loads(base64.urlsafe_b64decode(payload + "=="))
    raised["space_grant"]["space"] = "other"
    other = base64.urlsafe_b64encode(json.dumps(raised).encode()).rstrip(b"=").decode()
    return {
        "forged": forged(web, secret=b"x" * 32),
        "changed": f"{head}.{other}.{mac}",
        "expired": forged(web, exp=int(now) - 3600),
        "not yet valid": forged(web, nbf=int(now) + 3600),
        "for another service": forged(web, aud="another"),
        "of another issuer": forged(web, iss="another"),
        "unsigned": forged(web, secret=None, alg="none"),
        "without its signature": f"{head}.{payload}.",
        "a prefix of it": OPERATOR_KEY[:-1],
        "no token": "null",
    }


@pytest.mark.parametrize("route", NEEDS_TOKEN)
def test_no_bad_token_opens_anything(web, route):
    shown = web.keys.issue_pass(now=web.desk.clock(), ttl=60)
    bad = bad_tokens(web) | ({} if "operations" in route else {"a pass": shown})
    for name, token in bad.items():
        assert problem(ask(web, route, token)) == (401, "unauthenticated"), name
    assert ask(web, "GET /api/spaces/{space}/me", forged(web)).status_code == 200


# What every answer says to a browser.

ANSWERS = [
    *("/", "/s/demo", "/s/none", "/r/none", "/operations", "/web/join.js", "/web/none"),
    *("/metrics", "/healthz", "/openapi.json", "/api/spaces", "/api/spaces/none", "/nowhere"),
    *("/api/spaces/demo/state.json", "/api/spaces/demo/ticket", "/api/audit"),
]


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_answer_is_sniffed_sets_a_cookie_or_trusts_a_foreign_page(web, path, method):
    answer = web.request(method, path, headers={"Origin": "https://evil.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers.get("access-control-allow-origin", "*") == "*"
    assert "server" not in answer.headers


PAGES = {"/": "()", "/s/demo": "(self)", "/s/none": "(self)", "/r/none": "()", "/operations": "()"}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob: mediastream:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


@pytest.mark.parametrize(("path", "microphone"), PAGES.items())
def test_a_page_may_do_what_it_needs_and_nothing_else(web, path, microphone):
    headers = web.get(path).headers
    parts = (part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert dict(parts) == POLICY
    assert headers["permissions-policy"].startswith(f"microphone={microphone}, camera=()")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


# What is written down of all this.


def test_a_fault_is_logged_without_the_address_that_is_a_secret(web, monkeypatch):
    def fail(*args: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(web.engine, "session", fail)
    secret = "c2VjcmV0IGFkZHJlc3M"
    with capture_logs() as told:
        answer = web.delete(f"/whep/demo/{secret}?token={secret}")
    assert answer.status_code == 500
    assert told[0]["event"] == "handler failed"
    assert secret not in repr(told)
