"""The rules of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03), from outside.

Each test says where its rule stands; a row of a table is a request and what must come back.
"""

import pytest

from offers import LISTEN, PLAYER, SPEAK, TALKBACK
from spacescore import IceServer
from spacescore.errors import InvalidRequestError
from web_client import OPERATOR_KEY, Web, problem

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
DOORS = [("whip", SPEAK), ("whep", LISTEN)]


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo", open_stage=True)
    engine.create_space("other")
    return Web(engine)


def join(web: Web, door: str, offer: str, **options):
    token = web.token("speaker") if door == "whip" else ""
    return web.post(f"/{door}/demo", token=token, content=offer, headers=SDP, **options)


def credentials(offer: str) -> str:
    """The lines of an offer that a fragment repeats."""
    return "".join(
        line
        for line in offer.splitlines(True)
        if line.startswith(("a=ice-ufrag", "a=ice-pwd", "a=mid", "m="))
    )


def fragment(offer: str, ufrag: str = "") -> str:
    text = credentials(offer) + "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"
    if ufrag:
        old = next(line for line in text.splitlines() if line.startswith("a=ice-ufrag"))
        text = text.replace(old, f"a=ice-ufrag:{ufrag}")
    return text


# RFC 9725 section 4.2, WHEP section 4.3: setting up.


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_an_offer_is_answered_201_with_the_answer_and_where_the_session_lives(web, door, offer):
    response = join(web, door, offer)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/sdp"
    assert response.headers["location"].startswith(f"http://rooms.test/{door}/demo/")
    assert response.headers["cache-control"] == "no-store"
    assert response.text.startswith("v=0\r\n")


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_the_entity_tag_is_strong(web, door, offer):
    """Section 4.3.1."""
    tag = join(web, door, offer).headers["etag"]
    assert tag.startswith('"')
    assert tag.endswith('"')
    assert len(tag) > 8


def test_the_answer_has_every_candidate_and_a_publisher_is_received_from(web):
    """Sections 4.2 and 4.3.2: no candidate comes later."""
    answer = join(web, "whip", SPEAK).text
    assert f" 127.0.0.1 {web.engine.port} typ host" in answer
    for line in ("a=recvonly", "a=ice-lite", "a=setup:passive", "a=rtcp-mux", "a=group:BUNDLE 0"):
        assert f"{line}\r\n" in answer


def test_a_publisher_who_can_hear_is_sent_the_others(web):
    assert "a=sendrecv\r\n" in join(web, "whip", TALKBACK).text


def test_a_player_is_sent_to(web):
    """WHEP: the answer must be sendonly, whatever was offered."""
    assert "a=sendonly\r\n" in join(web, "whep", LISTEN).text
    assert "a=sendonly\r\n" in join(web, "whep", TALKBACK).text


def test_the_servers_name_carries_a_ticket_of_the_right_shape(web):
    for door, offer, length in (("whip", SPEAK, 109), ("whep", LISTEN, 87)):
        answer = join(web, door, offer).text
        ufrag = answer.split("a=ice-ufrag:")[1].split("\r\n")[0]
        assert len(ufrag) == length
        assert ufrag.isascii()
        assert not set(ufrag) & set("=-_")


def test_session_urls_are_long_secret_and_not_what_is_said_on_the_wire(web):
    first, second = (join(web, "whep", LISTEN) for _ in range(2))
    keys = {response.headers["location"].rpartition("/")[2] for response in (first, second)}
    assert len(keys) == 2
    assert all(len(key) == 32 for key in keys)
    assert not any(key in first.text + second.text for key in keys)


def test_a_players_video_is_refused_without_refusing_the_player(web):
    response = join(web, "whep", PLAYER)
    assert response.status_code == 201
    assert "m=video 0 " in response.text


REFUSED = [
    ("no SDP (4.2)", SDP, "hello", 400, "invalid-offer"),
    ("nothing (4.2)", SDP, "", 400, "invalid-offer"),
    ("another type (4.2)", {"Content-Type": "text/plain"}, SPEAK, 415, "wrong-type"),
    ("no type (4.2)", {}, SPEAK, 415, "wrong-type"),
    ("a fragment's type", FRAGMENT, SPEAK, 415, "wrong-type"),
    ("only receiving (4.2)", SDP, LISTEN, 422, "unusable-offer"),
    ("inactive (4.2)", SDP, SPEAK.replace("a=sendonly", "a=inactive"), 422, "unusable-offer"),
    ("video (4.4.3)", SDP, PLAYER.replace("recvonly", "sendonly"), 422, "unusable-offer"),
    ("no Opus", SDP, SPEAK.replace("opus/48000/2", "L16/8000"), 422, "unusable-offer"),
    ("a DTLS server (4.4.4)", SDP, SPEAK.replace("actpass", "passive"), 422, "unusable-offer"),
    ("two audio tracks (4.4.2)", SDP, "TWO", 422, "unusable-offer"),
    ("64 KiB and more", SDP, SPEAK + "a=x\r\n" * 20_000, 413, "too-long"),
]


@pytest.mark.parametrize(
    ("headers", "offer", "status", "code"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_a_publisher_must_not_send_is_refused_with_a_reason(web, headers, offer, status, code):
    if offer == "TWO":
        head, _, section = SPEAK.partition("m=audio")
        offer = f"{head}m=audio{section}m=audio{section.replace('a=mid:0', 'a=mid:1')}"
    response = web.post("/whip/demo", token=web.token(), content=offer, headers=headers)
    assert problem(response) == (status, code)
    assert "location" not in response.headers


def test_an_active_client_is_welcome(web):
    """Section 4.4.4: a client may implement the DTLS client role only."""
    assert join(web, "whip", SPEAK.replace("actpass", "active")).status_code == 201


# Section 4.6, WHEP section 4.8: who may.


def test_publishing_needs_a_speakers_token_of_this_space(web):
    post = lambda token: web.post("/whip/demo", token=token, content=SPEAK, headers=SDP)  # noqa: E731
    assert problem(post("")) == (401, "unauthenticated")
    assert problem(post("not.a.token")) == (401, "unauthenticated")
    assert problem(post(web.token("listener"))) == (403, "forbidden")
    assert problem(post(web.token("speaker", "other"))) == (403, "forbidden")
    assert problem(post(OPERATOR_KEY)) == (403, "forbidden")
    assert post(web.token("host")).status_code == 201


def test_an_expired_token_is_401(web):
    token = web.token("speaker", ttl=1)
    now = web.desk.clock()
    web.desk.clock = lambda: now + 60
    response = web.post("/whip/demo", token=token, content=SPEAK, headers=SDP)
    assert problem(response) == (401, "unauthenticated")


def test_listening_needs_no_token_and_a_bad_one_is_told(web):
    post = lambda token: web.post("/whep/demo", token=token, content=LISTEN, headers=SDP)  # noqa: E731
    assert post("").status_code == 201
    assert post(web.token("listener")).status_code == 201
    assert post(web.token("host")).status_code == 201
    assert problem(post("not.a.token")) == (401, "unauthenticated")
    assert problem(post(web.token("listener", "other"))) == (403, "forbidden")


def test_a_refused_token_comes_before_the_body_is_looked_at(web):
    response = web.post("/whip/demo", content="hello", headers={"Content-Type": "text/plain"})
    assert problem(response) == (401, "unauthenticated")


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_an_unknown_space_is_404(web, door, offer):
    response = web.post(f"/{door}/nowhere", content=offer, headers=SDP)
    assert problem(response) == (404, "unknown-space")


# Section 4.1, WHEP section 4.2: GET, HEAD and OPTIONS.


@pytest.mark.parametrize("door", ["whip", "whep"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_an_endpoint_gives_nothing_and_tells_that_it_takes_sdp(web, door, method):
    response = web.request(method, f"/{door}/demo")
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["content-type"] == "application/sdp"
    assert problem(web.get(f"/{door}/nowhere")) == (404, "unknown-space")


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_options_tell_what_may_be_posted_to_any_origin_without_a_token(web, door, offer):
    session = join(web, door, offer).headers["location"]
    for url in (f"/{door}/demo", session):
        response = web.request("OPTIONS", url, headers={"Origin": "https://player.example"})
        assert response.status_code == 200
        assert response.headers["accept-post"] == "application/sdp"
        assert response.headers["access-control-allow-origin"] == "*"
        for method in ("POST", "PATCH", "DELETE"):
            assert method in response.headers["access-control-allow-methods"]
        for header in ("Authorization", "Content-Type", "If-Match"):
            assert header in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_other_origins_can_read_what_they_need(web, door, offer):
    exposed = join(web, door, offer).headers["access-control-expose-headers"]
    for header in ("Location", "ETag", "Link"):
        assert header in exposed


# Section 4.3: PATCH.


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_trickled_candidates_are_taken_204_without_an_entity_tag(web, door, offer):
    """Section 4.3.2."""
    joined = join(web, door, offer)
    for match in (joined.headers["etag"], "*", f'"x", {joined.headers["etag"]}'):
        response = web.request(
            "PATCH",
            joined.headers["location"],
            content=fragment(offer),
            headers={**FRAGMENT, "If-Match": match},
        )
        assert response.status_code == 204
        assert response.content == b""
        assert "etag" not in response.headers


PATCHES = [
    ("no entity tag (4.3.1)", {}, "", 428, "etag-required"),
    ("a stale entity tag (4.3.1)", {"If-Match": '"stale"'}, "", 412, "etag-stale"),
    ("a weak entity tag", {"If-Match": "WEAK"}, "", 412, "etag-stale"),
    ("an ICE restart, which we lack (4.3.1)", {"If-Match": "*"}, "newufrag", 422, "no-ice-restart"),
    (
        "another type (4.3.1)",
        {"If-Match": "*", "Content-Type": "text/plain"},
        "",
        415,
        "wrong-type",
    ),
    ("an answer's type", {"If-Match": "*", **SDP}, "", 415, "wrong-type"),
    ("a malformed fragment (4.3.1)", {"If-Match": "*"}, "BROKEN", 400, "invalid-offer"),
]


@pytest.mark.parametrize(
    ("headers", "ufrag", "status", "code"), [p[1:] for p in PATCHES], ids=[p[0] for p in PATCHES]
)
def test_a_patch_that_cannot_be_done_is_refused_and_the_session_lives(
    web, headers, ufrag, status, code
):
    joined = join(web, "whip", SPEAK)
    if headers.get("If-Match") == "WEAK":
        headers = {"If-Match": f"W/{joined.headers['etag']}"}
    body = "hello" if ufrag == "BROKEN" else fragment(SPEAK, ufrag)
    url = joined.headers["location"]
    response = web.request("PATCH", url, content=body, headers={**FRAGMENT, **headers})
    assert problem(response) == (status, code)
    assert web.get(url).headers["etag"] == joined.headers["etag"]


# Section 4.2: the end.


@pytest.mark.parametrize(("door", "offer"), DOORS)
def test_a_session_ends_by_delete_whatever_the_entity_tag(web, door, offer):
    url = join(web, door, offer).headers["location"]
    assert web.get(url).status_code == 200
    assert web.get(url).content == b""
    assert web.delete(url, headers={"If-Match": '"stale"'}).status_code == 200
    for method in ("GET", "DELETE", "PATCH"):
        response = web.request(method, url, content=fragment(offer), headers=FRAGMENT)
        assert problem(response) == (404, "unknown-session")


def test_a_session_is_known_at_its_own_door_and_space_only(web):
    url = join(web, "whep", LISTEN).headers["location"]
    key = url.rpartition("/")[2]
    wrong = [f"/whip/demo/{key}", f"/whep/other/{key}", f"/whep/demo/{key[:-1]}", "/whep/demo/x"]
    for path in wrong:
        assert problem(web.delete(path)) == (404, "unknown-session")
    assert web.delete(url).status_code == 200


def test_closing_the_space_ends_its_sessions(web):
    url = join(web, "whep", LISTEN).headers["location"]
    web.engine.close_space("demo")
    assert problem(web.get(url)) == (404, "unknown-session")


# Sections 4.5 and 4.6: load, STUN and TURN.


def test_a_full_node_says_when_to_come_back(web):
    web.engine.max_listeners = 0
    response = join(web, "whep", LISTEN)
    assert problem(response) == (503, "overloaded")
    assert int(response.headers["retry-after"]) > 0
    assert join(web, "whip", SPEAK).status_code == 201


def test_ice_servers_are_told_in_link_headers(engine):
    engine.create_space("demo")
    servers = [
        IceServer("stun:stun.example.net"),
        IceServer("turn:turn.example.net?transport=udp", "user", "myPassword"),
    ]
    web = Web(engine, ice_servers=servers)
    response = join(web, "whep", LISTEN)
    assert response.headers.get_list("link") == [
        '<stun:stun.example.net>; rel="ice-server"',
        '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; '
        'credential="myPassword"; credential-type="password"',
    ]
    assert "link" not in web.request("OPTIONS", "/whep/demo").headers


@pytest.mark.parametrize(
    "server",
    [
        ("http://x",),
        ("stun:x>; rel=evil",),
        ("stun:x\r\nSet-Cookie: a=b",),
        ("turn:x", 'u"', "p"),
        ("turn:x", "u", "p,q"),
        ("turn:x", "ü", "p"),
    ],
)
def test_an_ice_server_that_does_not_fit_into_a_header_is_refused(server):
    with pytest.raises(InvalidRequestError):
        IceServer(*server)
