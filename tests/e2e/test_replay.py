"""Chromium replays what was recorded: its host at once, everybody once it is published."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from served import Served
from virtual_peer import speak_by_whip, wait_for
from world import tone

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def position(page: Page) -> float:
    """Seconds into the recording."""
    return float(page.evaluate("document.getElementById('player').currentTime"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("replay") / "data")
    yield served
    served.end()


@pytest.fixture(scope="module")
def recorded(served: Served) -> tuple[str, str]:
    """The page of a recording, and the token of its host."""
    host = served.create_space("evening", title="The evening round", host="Ada Lovelace")
    speaker = speak_by_whip(served, "", space="evening", token=host)
    speaker.connected().say(tone(440))
    folder = served.data / "recordings"
    lines = wait_for(lambda: [one for one in folder.glob("*.jsonl") if b"Ada" in one.read_bytes()])
    sound = lines[0].with_suffix(".opus")
    said = {"text": "Good evening", "name": "Ada Lovelace"}
    served.post("/api/spaces/evening/captions", said, host)
    wait_for(lambda: sound.stat().st_size > 12_000)
    served.delete("/api/spaces/evening", host)
    speaker.leave()
    return f"{served.url}/r/{sound.stem}", host


def test_a_recording_is_private_then_published_then_gone(
    open_chromium: Callable[[], Browser], recorded: tuple[str, str]
) -> None:
    link, host = recorded
    browser = open_chromium()
    page = browser.new_page()
    page.goto(link)
    expect(page.locator("#title")).to_have_text("No recording here")

    owner = browser.new_page()
    owner.goto(f"{link}#token={quote(host)}")
    expect(owner.locator("#title")).to_have_text("The evening round")
    expect(owner.locator(".lane-name")).to_have_text("Ada Lovelace")
    expect(owner.locator(".track b")).to_have_count(1)
    assert "token" not in owner.url
    owner.evaluate("document.getElementById('player').play()")
    wait_for(lambda: position(owner) > 0.5)
    owner.get_by_role("button", name="Publish").click()
    expect(owner.locator("#notice")).to_contain_text("Everybody")

    page.reload()
    expect(page.locator("#length")).to_have_text(re.compile(r"0:\d\d"))
    page.locator(".track").click()  # in the middle
    wait_for(lambda: position(page) > 1)
    expect(page.get_by_role("button", name="Delete")).to_be_hidden()
    expect(page.locator("#captions")).to_be_visible()
    page.evaluate("document.getElementById('player').currentTime = 0")
    expect(page.locator("#captions")).to_have_text("Ada Lovelace: Good evening")
    page.goto(link.rpartition("/r/")[0])
    expect(page.locator("#past .title")).to_have_text("The evening round")

    owner.get_by_role("button", name="Delete").click()
    owner.locator("#delete-dialog").get_by_role("button", name="Delete").click()
    expect(owner.locator("#word")).to_have_text("The recording is deleted.")
    owner.close()
    page.goto(link)
    expect(page.locator("#title")).to_have_text("No recording here")
