"""Recordings over HTTP: whose they are, who may hear them, and in what pieces."""

from pathlib import Path
from typing import NamedTuple

import pytest

from spacescore.chronicle import Chronicle
from virtual_peer import speak_by_offer, wait_for
from web_client import OPERATOR_KEY, Web, problem
from world import tone


@pytest.fixture
def web(engine) -> Web:
    engine.create_space("demo", title="The evening round")
    return Web(engine)


class Recorded(NamedTuple):
    """Where a recording is, and the tokens of those who were there."""

    path: str
    host: str
    speaker: str


@pytest.fixture
def recorded(web) -> Recorded:
    """Somebody has spoken, and the space is over."""
    engine = web.engine
    chronicle = Chronicle(engine, engine.data.recordings)
    speaker = speak_by_offer(lambda sdp: engine.accept_offer("demo", sdp, role="speaker").sdp)
    speaker.connected().say(tone(440))
    wait_for(lambda: any(one.audible for one in engine.stats("demo").speakers))
    chronicle.note()
    wait_for(lambda: engine.stats("demo").recorded_samples > 2 * 48_000)
    host, guest = web.token("host"), web.token("speaker")
    assert web.delete("/api/spaces/demo", token=OPERATOR_KEY).status_code == 204
    speaker.leave()
    (file,) = wait_for(lambda: list(engine.data.recordings.glob("*.opus")))
    path = f"/api/recordings/{file.stem}"
    wait_for(lambda: web.get(path, token=host).json()["seconds"] > 1)
    return Recorded(path, host, guest)


def another_host(web: Web, space: str) -> str:
    """Of a space that is opened only now."""
    web.engine.create_space(space, record=False)
    return web.token("host", space)


def test_a_recording_is_its_hosts_until_it_is_published(web, recorded):
    recorded, host, speaker = recorded
    other = another_host(web, "another")
    for token in ("", other, speaker):
        assert problem(web.get(recorded, token=token)) == (404, "unknown-recording")
        assert problem(web.get(f"{recorded}/audio", token=token)) == (404, "unknown-recording")
        assert web.get("/api/recordings", token=token).json() == {"recordings": []}
    for token in (host, OPERATOR_KEY):
        assert web.get(recorded, token=token).json()["title"] == "The evening round"
        assert len(web.get("/api/recordings", token=token).json()["recordings"]) == 1
    changed = web.request("PATCH", recorded, token=host, json={"published": True})
    assert changed.json()["published"] is True
    assert web.get(recorded).json()["yours"] is False
    assert web.get(recorded, token=host).json()["yours"] is True
    assert len(web.get("/api/recordings").json()["recordings"]) == 1


def test_nobody_but_its_host_publishes_or_deletes(web, recorded):
    recorded, host, speaker = recorded
    other = another_host(web, "another")
    web.request("PATCH", recorded, token=host, json={"published": True})
    for token, expected in (("", 401), (other, 403), (speaker, 403)):
        answer = web.request("PATCH", recorded, token=token, json={"published": False})
        assert answer.status_code == expected
        assert web.delete(recorded, token=token).status_code == expected
    assert web.delete(recorded, token=host).status_code == 204
    assert problem(web.get(recorded)) == (404, "unknown-recording")


def test_who_hosts_another_space_of_that_name_later_has_no_part_in_it(web, recorded):
    made = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "demo"})
    later = made.json()["host_token"]
    assert problem(web.get(recorded.path, token=later)) == (404, "unknown-recording")
    assert web.get(recorded.path, token=recorded.host).json()["yours"] is True
    web.request("PATCH", recorded.path, token=recorded.host, json={"published": True})
    assert web.get(recorded.path, token=later).json()["yours"] is False
    assert problem(web.delete(recorded.path, token=later)) == (403, "forbidden")


def test_the_one_who_spoke_has_a_lane_and_opens_a_chapter_track(web, recorded):
    recorded, host, _ = recorded
    (lane,) = web.get(recorded, token=host).json()["lanes"]
    assert lane["name"] == "Guest"
    assert lane["spans"]
    track = web.get(f"{recorded}/chapters.vtt", token=host)
    assert track.headers["content-type"].startswith("text/vtt")
    assert track.text.startswith("WEBVTT\n")


def test_the_sound_comes_whole_or_in_the_range_asked_for(web, recorded):
    recorded, host, _ = recorded
    whole = web.get(f"{recorded}/audio", token=host)
    assert whole.headers["content-type"] == "audio/ogg"
    assert whole.headers["accept-ranges"] == "bytes"
    assert "no-store" in whole.headers["cache-control"]
    assert whole.content[:4] == b"OggS"
    part = web.get(f"{recorded}/audio", token=host, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, whole.content[4:10])
    beyond = web.get(f"{recorded}/audio", token=host, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("name", ["..%2Foperator.key", "%2e%2e", "nothing-here", "x" * 300])
def test_no_path_leads_out_of_the_folder(web, name):
    assert web.get(f"/api/recordings/{name}/audio", token=OPERATOR_KEY).status_code == 404


def test_a_node_that_keeps_nothing_has_no_recordings():
    from spacescore import Engine

    with Engine(host="127.0.0.1", port=0) as engine:
        web = Web(engine)
        assert web.get("/api/recordings").json() == {"recordings": []}
        assert web.get("/api/recordings/x").status_code == 404


def test_a_recording_is_its_own_spaces_hosts_however_many_of_that_name_followed(web):
    began, hosts = 1_800_000_000, []
    for number in range(3):
        now = began + 1_000.0 * number
        web.desk.clock = web.desk.office.clock = lambda now=now: now
        made = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "three", "draft": True})
        hosts.append(made.json()["host_token"])
        later = now + 500.0
        web.desk.clock = web.desk.office.clock = lambda later=later: later
        assert web.delete("/api/spaces/three", token=hosts[-1]).status_code == 204
    name = "three-2027-01-15T08-16-40Z"  # of the second
    (web.engine.data.recordings / f"{name}.opus").write_bytes(b"")
    mine = [web.get(f"/api/recordings/{name}", token=host).status_code for host in hosts]
    assert mine == [404, 200, 404]
    assert web.delete(f"/api/recordings/{name}", token=hosts[1]).status_code == 204
    log = web.get("/api/audit?limit=1", token=OPERATOR_KEY).json()["acts"]
    assert (log[0]["act"], log[0]["detail"]) == ("recording.deleted", {"recording": name})


def test_what_is_still_being_recorded_is_not_deleted(web):
    space = web.engine.create_space("running")
    path = Path(space.recording)
    path.write_bytes(b"")
    answer = web.delete(f"/api/recordings/{path.stem}", token=OPERATOR_KEY)
    assert problem(answer) == (409, "wrong-moment")
    assert path.exists()
