"""Captions and reactions over HTTP."""

import pytest

from spacescore.recordings import Recordings
from virtual_peer import speak_by_offer, wait_for
from web_client import OPERATOR_KEY, Web, problem
from world import tone

LIVE, CAPTIONS, REACTIONS = (
    f"/api/spaces/demo/{name}" for name in ("live.json", "captions", "reactions")
)


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo")
    return Web(engine)


def test_what_is_captioned_is_shown_to_everybody(web):
    said = web.post(CAPTIONS, token=OPERATOR_KEY, json={"text": "Good evening", "name": "Ada"})
    assert (said.status_code, said.json()) == (201, {"number": 1})
    shown = web.get(LIVE)
    (line,) = shown.json()["captions"]
    assert (line["number"], line["name"], line["text"]) == (1, "Ada", "Good evening")
    assert shown.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=1"
    assert shown.json()["pace"] == 1.0


@pytest.mark.parametrize(
    ("role", "status"), [("", 401), ("listener", 403), ("speaker", 403), ("host", 201)]
)
def test_only_those_who_run_the_space_caption_it(web, role, status):
    token = web.token(role) if role else ""
    assert web.post(CAPTIONS, token=token, json={"text": "x"}).status_code == status


@pytest.mark.parametrize("body", [{}, {"text": 5}, {"text": "x", "start": "now"}, {"text": ""}])
def test_a_caption_that_is_none_is_refused(web, body):
    assert problem(web.post(CAPTIONS, token=OPERATOR_KEY, json=body)) == (400, "invalid-request")


def test_a_caption_is_shown_at_once_though_answers_are_kept(web):
    now = web.desk.clock()
    web.desk.clock = lambda: now
    before = web.get(LIVE)
    assert web.desk.kept.find(LIVE, now)
    assert web.get(LIVE, headers={"If-None-Match": before.headers["etag"]}).status_code == 304
    web.post(CAPTIONS, token=OPERATOR_KEY, json={"text": "Now"})
    assert [line["text"] for line in web.get(LIVE).json()["captions"]] == ["Now"]


@pytest.mark.parametrize("kind", [CAPTIONS, REACTIONS])
def test_pages_ask_more_often_for_a_minute_after_something_was_said_or_cheered(web, kind):
    begin = web.desk.clock()

    def pace(after: float) -> float:
        web.desk.clock = web.desk.office.clock = lambda: begin + after
        return web.get(LIVE).json()["pace"]

    assert pace(0) == 2.0
    web.post(kind, token=OPERATOR_KEY, json={"text": "Now", "reaction": "👏"})
    assert [pace(2), pace(59), pace(62)] == [1.0, 1.0, 2.0]


def test_reactions_of_anybody_add_up(web):
    assert web.post(REACTIONS, json={"reaction": "👏"}).status_code == 204
    assert web.post(REACTIONS, json={"reaction": "👏"}).status_code == 204
    assert web.get(LIVE).json()["reactions"]["👏"] == 2
    assert problem(web.post(REACTIONS, json={"reaction": "x"})) == (400, "invalid-request")
    answers = [web.post(REACTIONS, json={"reaction": "🎉"}) for _ in range(20)]
    assert problem(answers[-1]) == (429, "too-many-requests")
    assert "retry-after" in answers[-1].headers
    ada = web.token("listener")
    assert web.post(REACTIONS, json={"reaction": "🎉"}, token=ada).status_code == 204


def test_a_space_of_the_same_name_begins_anew(web):
    web.post(REACTIONS, json={"reaction": "👏"})
    web.engine.close_space("demo")
    assert problem(web.get(LIVE)) == (404, "unknown-space")
    web.engine.create_space("demo")
    web.desk.kept.clear()  # a second later
    assert web.get(LIVE).json()["reactions"]["👏"] == 0


def test_captions_are_kept_with_the_recording_in_its_time(web):
    engine = web.engine
    speaker = speak_by_offer(lambda sdp: engine.accept_offer("demo", sdp, role="speaker").sdp)
    speaker.connected().say(tone(440))
    wait_for(lambda: engine.stats("demo").recorded_samples > 48_000)
    now = web.desk.clock()
    said = {"text": "a < b", "start": now - 0.5, "end": now}
    web.post(CAPTIONS, token=OPERATOR_KEY, json=said)
    (kept,) = wait_for(lambda: list(Recordings(engine.data.recordings)))
    ((start, end, text),) = Recordings(engine.data.recordings).captions(kept.id)
    assert 0.2 < start < 2.0
    assert round(end - start, 2) >= 1.5  # stamps have two decimals
    assert text == "a < b"
    track = web.get(f"/api/recordings/{kept.id}/captions.vtt", token=OPERATOR_KEY)
    assert "a &lt; b" in track.text
    assert web.get(f"/api/recordings/{kept.id}", token=OPERATOR_KEY).json()["captioned"] is True
    speaker.leave()


def test_by_invitation_captions_are_for_those_who_are_invited(web):
    made = {"space": "quiet", "visibility": "invite"}
    host = web.post("/api/spaces", token=OPERATOR_KEY, json=made).json()["host_token"]
    live = "/api/spaces/quiet/live.json"
    assert web.get(live).status_code == 401
    assert web.post("/api/spaces/quiet/reactions", json={"reaction": "👏"}).status_code == 401
    shown = web.get(live, token=host)
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
