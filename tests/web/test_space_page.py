"""The page of a space, its service played by the test: phases, rights, reach, safety.

The service's Content-Security-Policy holds while these run; what it blocks fails the test.
"""

import base64
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

ASK_NOW = "document.dispatchEvent(new Event('visibilitychange'))"  # no waiting for the poll
SPACE = "http://localhost/s/demo"
ADA = {
    "peer": 11,
    "name": "Ada Lovelace",
    "role": "host",
    "muted": False,
    "audible": True,
    "level": 20,
}
BO = ADA | {"peer": 12, "name": "<b>Bo</b>", "role": "speaker", "muted": True, "audible": False}
ROOM = {
    "space": "demo",
    "title": "The evening round",
    "live": True,
    "listeners": 1284,
    "speakers": [ADA, BO],
    "open_stage": True,
    "recording": True,
    "started": 1_000_000,
    "time": 1_003_725,
}


def jwt(role: str, peer: int, name: str) -> str:
    grant = {"space_grant": {"space": "demo", "role": role, "peer": peer, "name": name}}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(grant).encode()).decode().rstrip('=')}.x"


def visit(page: Page, room: dict[str, Any] | int, *, fragment: str = "") -> list[tuple[str, str]]:
    """Opens the page; `room` is its state, or the status that asking for it gets."""
    asked: list[tuple[str, str]] = []

    def reply(route: Route) -> None:
        request = route.request
        asked.append((request.method, request.url.removeprefix("http://localhost")))
        if isinstance(room, int):
            route.fulfill(status=room, json={"detail": "no"})
        elif request.url.endswith("/state.json"):
            route.fulfill(json=room)
        elif request.url.endswith("/ticket"):
            route.fulfill(status=503, json={})
        else:
            route.fulfill(status=204)

    page.route("**/api/**", reply)
    page.goto(SPACE + fragment)
    expect(page.locator("body")).not_to_have_attribute("data-phase", "loading")
    return asked


def test_a_live_space_shows_who_is_there(page: Page) -> None:
    visit(page, ROOM)
    expect(page).to_have_title("The evening round · spacescore")
    expect(page.locator("#listeners")).to_have_text("1,284 listening")
    expect(page.locator("#elapsed")).to_have_text(re.compile(r"1:02:0\d"))
    assert page.locator("#speakers .name").all_inner_texts() == ["Ada Lovelace", "<b>Bo</b>"]
    expect(page.locator("#speakers .tile").first).to_have_class(re.compile("speaking"))
    expect(page.get_by_role("img", name="muted")).to_have_count(1)
    assert page.locator(".buttons button:visible").all_inner_texts() == ["Listen", "Speak"]


def test_a_space_that_waits_can_already_be_joined(page: Page) -> None:
    visit(page, ROOM | {"live": False, "speakers": [], "open_stage": False})
    expect(page.locator("#word")).to_contain_text("Nobody is on stage yet")
    expect(page.locator("#listen")).to_be_enabled()
    expect(page.locator("#hand")).to_be_enabled()
    expect(page.locator("#speak")).to_be_hidden()


def test_an_invite_link_is_used_once_and_leaves_the_address_bar(page: Page) -> None:
    used: list[Any] = []

    def use(route: Route) -> None:
        used.append(route.request.post_data_json)
        route.fulfill(status=201, json={"token": jwt("speaker", 21, "Grace")})

    page.route("**/api/**", lambda route: route.fulfill(json=ROOM | {"open_stage": False}))
    page.route("**/links/use", use)
    page.goto(SPACE + "#invite=c0de")
    expect(page.locator("#speak")).to_be_enabled()
    assert page.url == SPACE
    assert used == [{"code": "c0de", "name": ""}]
    page.reload()
    expect(page.locator("#speak")).to_be_enabled()
    assert len(used) == 1


def test_a_planned_space_cannot_be_joined_yet(page: Page) -> None:
    visit(page, ROOM | {"phase": "planned", "live": False, "speakers": []})
    expect(page.locator("#listen")).to_be_disabled()


def test_a_planned_space_is_put_into_a_calendar_by_keyboard(page: Page) -> None:
    visit(page, PLANNED)
    page.route("**/calendar.ics", lambda route: route.fulfill(body="BEGIN:VCALENDAR"))
    page.locator("#language").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#calendar")).to_be_focused()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "demo.ics"


@pytest.mark.parametrize(
    ("opens", "words"), [(True, "the room then, by itself"), (False, "when the host opens")]
)
def test_a_planned_space_says_who_opens_the_doors(page: Page, opens: bool, words: str) -> None:
    visit(page, PLANNED | {"auto_open": opens})
    expect(page.locator("#planned")).to_contain_text(words)


def test_an_unknown_space_says_so_and_offers_the_others(page: Page) -> None:
    visit(page, 404)
    expect(page.locator("#word")).to_contain_text("no space by this name")
    expect(page.locator("#word-link")).to_have_attribute("href", "../")
    expect(page.locator("#controls")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "words"), [(404, "Hier ist nichts"), (401, "Nur mit Einladung"), (500, "Verbindung")]
)
def test_what_is_said_instead_of_a_room_is_said_in_another_language_too(
    page: Page, status: int, words: str
) -> None:
    visit(page, status)
    page.click("#language")
    expect(page.locator("#word")).to_contain_text(words)


def test_a_failing_service_is_not_an_unknown_space(page: Page) -> None:
    visit(page, 500)
    expect(page.locator("#word")).to_contain_text("keeps trying")
    expect(page.locator("#listen")).to_be_disabled()


def test_a_space_that_ends_says_goodbye(page: Page) -> None:
    visit(page, ROOM)
    page.unroute("**/api/**")
    page.route("**/api/**", lambda route: route.fulfill(status=404, json={}))
    page.evaluate(ASK_NOW)
    expect(page.locator("#word")).to_contain_text("has ended")
    expect(page.locator("#controls")).to_be_hidden()


def test_the_token_leaves_the_address_bar_and_survives_a_reload(page: Page) -> None:
    visit(page, ROOM, fragment="#token=" + jwt("host", 11, "Ada"))
    assert page.url == SPACE
    page.reload()
    expect(page.locator("#console-toggle")).to_be_visible()
    assert page.evaluate("spacescore.grant.role") == "host"


def test_only_a_host_manages_others(page: Page) -> None:
    asked = visit(page, ROOM, fragment="#token=" + jwt("host", 11, "Ada"))
    expect(page.locator(".manage:visible")).to_have_count(1)  # not herself
    page.get_by_role("button", name="Manage <b>Bo</b>").click()
    with page.expect_response("**/speakers/12/mute"):
        page.get_by_role("button", name="Unmute").click()
    page.get_by_role("button", name="Manage <b>Bo</b>").click()
    page.get_by_role("button", name="Remove from the space").click()
    expect(page.get_by_role("heading", name="Remove <b>Bo</b>?")).to_be_visible()
    with page.expect_response("**/speakers/12"):
        page.get_by_role("button", name="Remove", exact=True).click()
    assert ("POST", "/api/spaces/demo/speakers/12/mute") in asked
    assert ("DELETE", "/api/spaces/demo/speakers/12") in asked
    page.evaluate("sessionStorage.clear()")
    visit(page, ROOM)
    expect(page.locator(".manage:visible")).to_have_count(0)


def test_listening_is_honest_until_sound_comes_and_leaving_gives_the_focus_back(
    page: Page,
) -> None:
    visit(page, ROOM)
    page.locator("#listen").press("Enter")
    expect(page.locator("#status")).to_have_text("Connecting…")
    expect(page.locator("#leave")).to_be_focused()
    assert page.evaluate("spacescore.session.state") == "connecting"
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Not joined")
    expect(page.locator("#listen")).to_be_focused()
    assert page.evaluate("spacescore.session") is None


def test_a_closed_stage_is_told_and_the_microphone_let_go(page: Page) -> None:
    visit(page, ROOM)
    page.route("**/api/spaces/demo/stage", lambda route: route.fulfill(status=403, json={}))
    page.evaluate(
        """() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wish) => (window.given = await ask(wish));
        }"""
    )
    page.click("#speak")
    page.fill("#name", "Cy")
    page.get_by_role("button", name="Start speaking").click()
    expect(page.locator("#notice")).to_contain_text("by invitation")
    assert page.evaluate("given.getTracks()[0].readyState") == "ended"
    assert page.evaluate("localStorage.getItem('spacescore.name')") == "Cy"


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_it_fits_the_screen_and_the_thumb(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    visit(page, ROOM, fragment="#token=" + jwt("host", 11, "Ada"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, a, input')]
          .filter((one) => one.checkVisibility() && !one.matches('.skip'))
          .filter((one) => Math.min(one.offsetHeight, one.offsetWidth) < 44)
          .map((one) => one.outerHTML)"""
    )
    assert small == []


def test_nothing_moves_when_somebody_joins_or_a_button_changes(page: Page) -> None:
    room = ROOM | {"speakers": [ADA]}
    visit(page, room)
    places = """() => ['title', 'controls', 'speakers', 'leave', 'listen'].map((id) =>
      document.getElementById(id)).filter((one) => one.checkVisibility()).map((one) =>
      [one.getBoundingClientRect().top, one.matches('button') ? 0 : one.offsetLeft])"""
    before = page.evaluate(places)
    page.unroute("**/api/**")
    page.route(
        "**/api/**/state.json",
        lambda route: route.fulfill(
            json=ROOM | {"speakers": [ADA | {"peer": n} for n in range(14)]}
        ),
    )
    page.route("**/api/**/ticket", lambda route: route.fulfill(status=503, json={}))
    page.click("#listen")
    page.evaluate(ASK_NOW)
    expect(page.locator("#speakers .tile")).to_have_count(14)
    assert page.evaluate(places) == before


def test_the_front_page_lists_live_spaces_first(page: Page) -> None:
    spaces = [
        {"space": "later", "title": "Later <i>", "live": False, "listeners": 0},
        {"space": "now", "title": "Now", "live": True, "listeners": 12},
    ]
    page.route("**/api/spaces", lambda route: route.fulfill(json={"spaces": spaces}))
    page.goto("http://localhost/")
    expect(page.locator(".card .title")).to_have_text(["Now", "Later <i>"])
    expect(page.locator(".card").first).to_have_attribute("href", "http://localhost/s/now")


# A server that goes away.

MOVING = {"ends": 1_003_800, "to": "http://localhost/s/there"}


def test_a_server_that_goes_away_says_so_and_where_to_go_on(page):
    visit(page, ROOM | {"moving": MOVING})
    expect(page.locator("#moving")).to_contain_text("This server stops at")
    expect(page.get_by_role("link", name="Go on there")).to_have_attribute("href", MOVING["to"])


def test_a_host_is_asked_to_say_goodbye_where_nobody_takes_over(page):
    visit(
        page, ROOM | {"moving": MOVING | {"to": None}}, fragment=f"#token={jwt('host', 11, 'Ada')}"
    )
    expect(page.locator("#moving")).to_contain_text("say goodbye to your audience")
    expect(page.get_by_role("link", name="Go on there")).to_be_hidden()


def test_who_was_invited_takes_the_key_along(page):
    token = jwt("speaker", 12, "Bo")
    visit(page, ROOM | {"moving": MOVING}, fragment=f"#token={token}")
    link = page.get_by_role("link", name="Go on there")
    expect(link).to_have_attribute("href", f"{MOVING['to']}#token={token}")


def test_when_the_server_is_gone_the_page_goes_on_elsewhere(page):
    room = ROOM | {"moving": MOVING}
    visit(page, room)
    expect(page.locator("#moving")).to_contain_text("This server stops at")
    page.unroute("**/api/**")
    page.route("**/api/spaces/demo/**", lambda route: route.abort())
    page.route("**/api/spaces/there/**", lambda route: route.fulfill(json=ROOM))
    page.evaluate(ASK_NOW)
    page.wait_for_url("**/s/there")


def test_a_server_that_stays_says_nothing(page):
    visit(page, ROOM | {"moving": None})
    expect(page.get_by_role("heading", name="The evening round")).to_be_visible()
    expect(page.locator("#moving")).to_be_hidden()


def test_who_comes_before_their_turn_waits_in_line_and_enters_when_it_comes(page: Page) -> None:
    closed = ROOM | {"admit": {"mode": "closed", "cohorts": 0, "rate": 0}}
    asked = visit(page, closed)
    page.get_by_role("button", name="Listen").click()
    expect(page.locator("#status")).to_have_text("You are in line")
    expect(page.locator("#line-word")).to_have_text("The doors are not open yet")
    assert not [path for _, path in asked if path.endswith("/ticket")]

    paced = {"mode": "paced", "cohorts": 0, "rate": 10}
    closed |= {"admit": paced}
    page.evaluate(ASK_NOW)
    expect(page.locator("#line-rate")).to_have_text("10 groups a second")
    expect(page.locator("#line-place")).to_have_text(re.compile(r"Group \d+ of 1,000"))
    expect(page.locator("#announcer")).to_contain_text("About")
    closed |= {"admit": {"mode": "open", "cohorts": 1000, "rate": 0}}
    with page.expect_request("**/ticket"):
        page.evaluate(ASK_NOW)
    expect(page.locator("#status")).to_have_text("Connecting…")


def test_who_waits_in_line_may_leave_it(page: Page) -> None:
    visit(page, ROOM | {"admit": {"mode": "closed", "cohorts": 0, "rate": 0}})
    page.get_by_role("button", name="Listen").click()
    page.get_by_role("button", name="Leave").click()
    expect(page.locator("#status")).to_have_text("Not joined")


PLANNED = ROOM | {"phase": "planned", "live": False, "speakers": [], "starts": 1_090_000}
ABOUT = {
    "title": ROOM["title"],
    "description": "Old",
    "topics": ["radio"],
    "visibility": "invite",
    "open_stage": False,
    "max_speakers": 13,
    "grace": 60,
    "keep_days": 0,
    "show_names": True,
    "auto_open": False,
}


def serve_host(page: Page, room: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Plays a service in which the visitor is the host; returns what is asked of it."""
    asked: list[tuple[str, str, Any]] = []

    def reply(route: Route) -> None:
        request = route.request
        path = request.url.partition("/api/spaces/demo")[2]
        if request.method != "GET":
            asked.append((request.method, path, request.post_data_json))
        told = {"/state.json": room, "": ABOUT, "/me": {"role": "host", "peer": 11, "hand": 0}}
        link = {"link": f"{SPACE}#{path[1:]}-{len(asked)}"}
        route.fulfill(json=told.get(path, link) if request.method == "GET" else link)

    page.route("**/api/**", reply)
    page.goto(f"{SPACE}#token={jwt('host', 11, 'Ada')}")
    return asked


def test_a_host_changes_what_a_planned_space_says_and_when_it_starts(page: Page) -> None:
    asked = serve_host(page, PLANNED)
    page.get_by_role("button", name="Change the space").first.click()
    expect(page.get_by_label("Topics", exact=True)).to_have_value("radio")
    page.get_by_label("Title", exact=True).fill("Later")
    page.get_by_label("What it is about").fill("New")
    page.get_by_label("Day and time").fill("2027-01-15T20:00")
    page.get_by_label("Open the doors by itself then").press("Space")
    with page.expect_response(lambda reply: reply.request.method == "PATCH"):
        page.get_by_role("button", name="Save").click()
    starts = page.evaluate("Date.parse('2027-01-15T20:00') / 1000")
    told = (
        *("topics", "max_speakers", "grace", "keep_days"),
        *("show_names", "visibility", "open_stage"),
    )
    kept = {key: ABOUT[key] for key in told}
    wish = {"title": "Later", "description": "New", "starts": starts, "auto_open": True}
    assert asked == [("PATCH", "", kept | wish)]


def test_enter_in_a_field_of_a_dialog_means_yes(page: Page) -> None:
    asked = serve_host(page, PLANNED)
    page.get_by_role("button", name="Change the space").first.click()
    page.get_by_label("Title", exact=True).fill("Later")
    with page.expect_response(lambda reply: reply.request.method == "PATCH"):
        page.get_by_label("Title", exact=True).press("Enter")
    assert asked[0][2]["title"] == "Later"


def test_a_space_by_invitation_is_shared_by_a_link_that_lets_people_in(page: Page) -> None:
    asked = serve_host(page, ROOM)
    expect(page.locator("#about")).to_have_text("Old")
    for _ in range(2):  # the link is made once
        page.get_by_role("button", name="Share").click()
        expect(page.get_by_label("Link that lets people in")).to_have_value(f"{SPACE}#links-1")
        page.get_by_role("button", name="Done").click()
    assert asked == [("POST", "/links", {"role": "listener", "uses": 10_000})]


def test_a_host_invites_by_name_to_speak_to_listen_and_to_help(page: Page) -> None:
    asked = serve_host(page, ROOM)
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name="Share").click()
    for role in ("speaker", "listener", "cohost"):
        page.get_by_label("Their name").fill("Bo")
        page.locator("#share-dialog").get_by_label("What they may do").select_option(role)
        page.get_by_role("button", name="Copy link").click()
        expect(page.locator("#share-done")).to_contain_text("Bo's link is copied")
        expect(page.get_by_label("Their name")).to_have_value("")
        assert ("POST", "/tokens", {"role": role, "name": "Bo"}) in asked
    assert page.evaluate("copied").startswith(f"{SPACE}#tokens-")
