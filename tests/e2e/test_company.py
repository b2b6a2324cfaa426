"""Chromium in a room: its turn at the door, captions as they are spoken, others' applause."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from served import Served
from virtual_peer import speak_by_whip
from world import tone

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_listener_reads_along_and_applauds(
    open_chromium: Callable[[], Browser], served: Served
) -> None:
    host = served.create_space("evening", title="The evening round", host="Ada Lovelace")
    speaker = speak_by_whip(served, "", space="evening", token=host)
    speaker.connected().say(tone(440))
    browser = open_chromium()
    reader, cheerer = browser.new_page(), browser.new_page()
    for page in (reader, cheerer):
        page.goto(f"{served.url}/s/evening")
        expect(page.locator("#reactions")).to_be_hidden()
        page.get_by_role("button", name="Listen").click()
        expect(page.locator("#reactions button")).to_have_count(6)
    expect(reader.locator("#captions-toggle")).to_be_hidden()

    served.post(
        "/api/spaces/evening/captions", {"text": "Good evening", "name": "Ada Lovelace"}, host
    )
    expect(reader.locator("#captions")).to_have_text("Ada Lovelace: Good evening")
    reader.get_by_role("button", name="Captions").click()
    expect(reader.locator("#captions")).to_be_hidden()

    cheerer.route("**/live.json", lambda route: route.abort())  # one's own needs no answer
    cheerer.get_by_role("button", name="🎉").click()
    expect(cheerer.locator("#floaters span")).to_have_text("🎉")
    expect(reader.locator("#floaters span")).to_have_text("🎉")
    expect(reader.locator("#floaters span")).to_have_count(0, timeout=8_000)
    speaker.leave()


def test_a_listener_waits_at_the_door_and_hears_the_room_when_it_opens(
    open_chromium: Callable[[], Browser], served: Served
) -> None:
    host = served.create_space("launch", title="Launch day", host="Ada Lovelace")
    speaker = speak_by_whip(served, "", space="launch", token=host)
    speaker.connected().say(tone(440))
    served.put("/api/spaces/launch/admission", {"mode": "closed"}, host)
    page = open_chromium().new_page()
    page.goto(f"{served.url}/s/launch")
    page.get_by_role("button", name="Listen").click()
    expect(page.locator("#status")).to_have_text("You are in line")
    assert served.state("launch")["listeners"] == 0
    served.put("/api/spaces/launch/admission", {"mode": "paced", "seconds": 4}, host)
    expect(page.locator("#status")).to_have_text("Listening", timeout=15_000)
    speaker.leave()


def test_who_is_removed_while_they_wait_is_told(
    open_chromium: Callable[[], Browser], served: Served
) -> None:
    host = served.create_space("first-night", title="First night", host="Ada Lovelace")
    served.put("/api/spaces/first-night/admission", {"mode": "closed"}, host)
    bo = json.loads(served.post("/api/spaces/first-night/people", {"name": "Bo"}))
    for method in ("PUT", "DELETE"):  # so that the host knows him
        served.request(method, "/api/spaces/first-night/hand", None, bo["token"])
    page = open_chromium().new_page()
    page.goto(f"{served.url}/s/first-night#token={bo['token']}")
    page.get_by_role("button", name="Listen").click()
    expect(page.locator("#status")).to_have_text("You are in line")
    served.request("DELETE", f"/api/spaces/first-night/speakers/{bo['peer']}", None, host)
    expect(page.locator("#word")).to_contain_text("asked you to leave", timeout=10_000)


def test_by_invitation_the_page_opens_for_whoever_has_a_token(
    open_chromium: Callable[[], Browser], served: Served
) -> None:
    host = served.create_space(
        "quiet", title="The quiet room", host="Ada Lovelace", visibility="invite"
    )
    speaker = speak_by_whip(served, "", space="quiet", token=host)
    speaker.connected().say(tone(440))
    body = {"role": "listener", "name": "Bo"}
    guest = json.loads(served.post("/api/spaces/quiet/tokens", body, host))["token"]
    browser = open_chromium()
    stranger, invited = browser.new_page(), browser.new_page()
    stranger.goto(f"{served.url}/s/quiet")
    expect(stranger.locator("#word")).to_be_visible()
    expect(stranger.locator("#title")).not_to_have_text("The quiet room")
    invited.goto(f"{served.url}/s/quiet#token={guest}")
    expect(invited.locator("#title")).to_have_text("The quiet room")
    invited.get_by_role("button", name="Listen").click()
    expect(invited.locator("#status")).to_have_text("Listening")
    speaker.leave()
