"""What a space's page costs before anybody presses anything, whoever opens it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect

from scenes import ABOUT, ORIGIN, PLANNED, ROOM, Scene, answer, jwt, me
from spacescore.pages import assets

FIRST_LOAD_BYTES = 60_000  # packed
VOICES = ("speaker", "cohost", "host")


@pytest.mark.parametrize("room", [ROOM, PLANNED], ids=["open", "planned"])
@pytest.mark.parametrize("role", ["nobody", "listener", *VOICES])
def test_a_first_load_is_light_for(
    browser: Browser, serve: Any, role: str, room: Mapping[str, Any]
) -> None:
    loaded = {"favicon.svg"}  # a headless browser leaves it out
    feeds: list[str] = []

    def note(request: Request) -> None:
        path = urlsplit(request.url).path
        if not path.startswith("/api/"):
            loaded.add("space.html" if path == "/s/demo" else path.removeprefix("/web/"))

    scene = Scene("first", room=room, who=me(role))
    with browser.new_context(locale="de-DE") as context:  # its words are the longer ones
        page = context.new_page()
        page.route(f"{ORIGIN}/**", serve)
        page.route("**/api/**", lambda route: answer(route, scene))
        page.route_web_socket("**/live/demo", lambda feed: feeds.append(feed.url))
        page.on("request", note)
        page.goto(f"{ORIGIN}/s/demo" + ("" if role == "nobody" else f"#token={jwt(role, 11, '')}"))
        expect(page.locator("#about")).to_have_text(ABOUT["description"])
        page.wait_for_load_state("networkidle")
    assert {"space.html", "space.css", "theme.css", "space.js", "de.js"} < loaded
    assert ("feed.js" in loaded, len(feeds)) == ((True, 1) if role in VOICES else (False, 0))
    assert sum(len(assets()[name].packed) for name in loaded) <= FIRST_LOAD_BYTES


def test_when_that_which_a_press_needs_does_not_come_it_is_said(
    browser: Browser, serve: Any
) -> None:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.route(f"{ORIGIN}/**", serve)
        page.route("**/api/**", lambda route: answer(route, Scene("first")))
        page.route("**/web/dialogs.js", lambda route: route.abort())
        page.goto(f"{ORIGIN}/s/demo")
        page.click("#share")
        expect(page.locator("#notice")).to_have_text("The connection failed.")
