"""The panel of hosts and co-hosts: what it offers, what it asks for, and by keyboard alone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from scenes import ABOUT, ORIGIN, PEOPLE, ROOM, Scene, answer, jwt, me, person
from spacescore.policy import Action, Role, may

WISHES = {
    "mute": Action.MUTE,
    "unmute": Action.UNMUTE,
    "down": Action.DEMOTE,
    "handOver": Action.HAND_OVER,
    "remove": Action.REMOVE,
    "block": Action.BLOCK,
}


@pytest.mark.parametrize("viewer", [None, *Role])
@pytest.mark.parametrize("target", list(Role))
def test_what_is_offered_is_what_the_rules_allow(
    run: Callable[..., Any], viewer: Role | None, target: Role
) -> None:
    offered: set[str] = set()
    for muted in (False, True):
        about = {"role": target, "muted": muted}
        offered |= set(run("rights.js", "return m.wishesFor(args[0], args[1])", viewer, about))
    keeps_order = viewer in (Role.HOST, Role.COHOST)
    for wish, action in WISHES.items():
        allowed = viewer is not None and may(viewer, action, target)
        makes_sense = target.speaks or wish in ("remove", "block")
        assert (wish in offered) == (keeps_order and allowed and makes_sense), wish
    promotes = keeps_order and may(viewer, Action.PROMOTE, Role.COHOST)
    assert ("cohost" in offered) == (promotes and target is Role.SPEAKER)
    demotes = keeps_order and may(viewer, Action.DEMOTE, Role.COHOST)
    assert ("uncohost" in offered) == (demotes and target is Role.COHOST)


class Panel:
    """A host's page; the commands that it sends are kept and answered, the door and pins heeded."""

    def __init__(self, page: Page, role: str = "host", **room: Any) -> None:
        self.page = page
        self.people: dict[str, Any] = dict(PEOPLE)
        self.sent: list[tuple[str, str, Any]] = []
        self.refusal: dict[str, Any] | None = None
        self.holds: set[str] = set()  # to what the test gives the answers
        self.held: list[Route] = []
        self.room = ROOM | room
        self.who = me(role)
        page.route("**/api/**", self._answer)
        page.goto(f"{ORIGIN}/s/demo#token={jwt(role, 11, 'Ada Lovelace')}")
        expect(page.locator("#console-toggle")).to_be_visible()

    def open(self) -> "Panel":
        self.page.locator("#console-toggle").press("Enter")
        expect(self.page.locator("#hands .row")).to_have_count(len(self.people["hands"]))
        return self

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def sends(self, method: str, path: str, body: Any = None) -> None:
        """Waits until the command has been sent."""
        wanted = (method, path, body)
        expect(self.page.locator("body")).to_be_visible()
        for _ in range(100):
            if wanted in self.sent:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"{wanted} is not among {self.sent}")

    def shows(self, **room: Any) -> None:
        """Waits until the page has asked anew, and drawn what it was told."""
        self.room |= room
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(self.page.locator("#title")).to_have_text(self.room["title"])

    def _answer(self, route: Route) -> None:
        request = route.request
        path = request.url.removeprefix(f"{ORIGIN}/api/spaces/demo/")
        if request.method != "GET":
            self.sent.append((request.method, path, request.post_data_json))
        if path in self.holds:
            self.held.append(route)
        elif request.method != "GET":
            route.fulfill(**(self.refusal or self._heed(path, request.post_data_json)))
        elif path == "people":
            route.fulfill(json=self.people)
        else:
            answer(route, Scene("panel", room=self.room, who=self.who))

    def _heed(self, path: str, wish: Any) -> dict[str, Any]:
        if path == "admission":
            self.room |= {"admit": {"mode": wish["mode"], "cohorts": 0, "rate": 0}}
            return {"json": self.room["admit"]}
        if path == "pins":
            self.room |= wish
            return {"json": wish}
        return {"status": 204}


COMMANDS = [
    (["Let Emmy Noether speak"], "POST", "people/21/offer", None),
    (["Decline Alan Turing"], "DELETE", "hands/22", None),
    (["Mute Grace Hopper"], "POST", "speakers/12/mute", {"muted": True}),
    (["Unmute Nikola Tesla"], "POST", "speakers/13/mute", {"muted": False}),
    (["Mute all", "Mute all!"], "POST", "mute", None),
    (["More about Nikola Tesla", "Make co-host"], "PUT", "people/13/role", {"role": "cohost"}),
    (
        ["More about Grace Hopper", "Make speaker again"],
        *("PUT", "people/12/role", {"role": "speaker"}),
    ),
    (
        ["More about Nikola Tesla", "Move to the audience"],
        *("PUT", "people/13/role", {"role": "listener"}),
    ),
    (["More about Grace Hopper", "Hand over as host", "Hand over"], "PUT", "host", {"peer": 12}),
    (["More about Nikola Tesla", "Remove from the space", "Remove"], "DELETE", "speakers/13", None),
    (["More about Nikola Tesla", "Block", "Block!"], "POST", "people/13/block", {}),
    (["Invite Edsger Dijkstra to speak"], "POST", "people/32/offer", None),
    (["Unblock Mallory"], "DELETE", "blocked/%239", None),
    (["Revoke: to speak"], "DELETE", "links/l1", None),
    (["Take away Programme of the night"], "PUT", "pins", {"pins": []}),
    (["End the space", "End space"], "DELETE", "", None),
]


@pytest.mark.parametrize(
    ("steps", "method", "path", "body"), COMMANDS, ids=[", ".join(steps) for steps, *_ in COMMANDS]
)
def test_each_control_asks_the_service_for_what_it_says(
    page: Page, steps: list[str], method: str, path: str, body: Any
) -> None:
    panel = Panel(page).open()
    for step in steps:
        where = "#confirm-dialog" if step.endswith("!") else "body"
        button = page.locator(where).get_by_role("button", name=step.rstrip("!"), exact=True)
        button.last.press("Enter")
    if path == "":
        path = f"{ORIGIN}/api/spaces/demo"
    panel.sends(method, path, body)


def test_the_door_is_kept_as_it_is_set(page: Page) -> None:
    panel = Panel(page).open()
    page.get_by_label("Not yet").check()
    panel.sends("PUT", "admission", {"mode": "closed"})
    expect(page.locator("#door-now")).to_have_text("0 % of the crowd may enter")
    page.get_by_label("Spread over").check()
    panel.sends("PUT", "admission", {"mode": "paced", "seconds": 120})


def test_a_state_of_before_does_not_turn_the_door_back(page: Page) -> None:
    panel = Panel(page).open()
    panel.holds = {"admission"}
    page.get_by_label("Not yet").check()
    panel.sends("PUT", "admission", {"mode": "closed"})
    panel.shows(title="Told before the door was shut")
    assert page.get_by_label("Not yet").is_checked()
    panel.holds = {"state.json"}
    panel.held[0].fulfill(json={"mode": "closed", "cohorts": 0, "rate": 0})
    expect(page.locator("#door-now")).to_have_text("0 % of the crowd may enter")
    assert page.get_by_label("Not yet").is_checked()


def test_a_door_that_may_not_be_kept_so_is_shown_as_it_is(page: Page) -> None:
    panel = Panel(page).open()
    panel.refusal = {"status": 403, "json": {"code": "forbidden", "detail": "No."}}
    page.get_by_label("Not yet").click()
    panel.sends("PUT", "admission", {"mode": "closed"})
    panel.holds = {"state.json"}
    expect(page.locator("#door [value=open]")).to_be_checked()


def test_a_paced_door_takes_as_long_as_the_host_says(page: Page) -> None:
    panel = Panel(page, admit={"mode": "paced", "cohorts": 0, "rate": 8.3}).open()
    seconds = page.get_by_label("seconds", exact=True)
    seconds.fill("5")
    seconds.press("Tab")
    assert panel.sent == []
    seconds.fill("600")
    seconds.press("Tab")
    panel.sends("PUT", "admission", {"mode": "paced", "seconds": 600})


@pytest.mark.parametrize(
    ("role", "recording", "told"), [("host", True, 1), ("cohost", True, 0), ("host", False, 0)]
)
def test_a_host_is_told_to_publish_the_recording(
    page: Page, role: str, recording: bool, told: int
) -> None:
    Panel(page, role, recording=recording).open()
    expect(page.locator("#recording-then:visible")).to_have_count(told)


def test_a_link_for_several_is_made_within_its_limits_and_copied(page: Page) -> None:
    panel = Panel(page).open()
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    form = page.locator("#link")
    expect(page.locator("#links .row")).to_contain_text("3 of 10 used · until")
    panel.refusal = {"status": 201, "json": {"link": "http://localhost/s/demo#invite=c0de"}}
    form.get_by_label("What they may do").select_option("speaker")
    form.get_by_label("How many may use it").fill("3")
    form.get_by_label("For how long").select_option("A day")
    form.get_by_label("How many may use it").press("Enter")
    panel.sends("POST", "links", {"role": "speaker", "uses": 3, "ttl": 86_400})
    expect(page.locator("#link-made")).to_have_value("http://localhost/s/demo#invite=c0de")
    expect(page.locator("#link-done")).to_have_text("The link is copied.")
    assert page.evaluate("copied") == "http://localhost/s/demo#invite=c0de"


def test_a_link_without_end_is_not_even_asked_for(page: Page) -> None:
    panel = Panel(page).open()
    page.get_by_label("How many may use it").fill("0")
    panel.press("Make a link")
    expect(page.locator("#link-result")).to_be_hidden()
    assert panel.sent == []


def test_a_cohost_makes_no_links_for_cohosts(page: Page) -> None:
    Panel(page, "cohost").open()
    expect(page.locator("#link option[value=cohost]")).to_be_disabled()


def test_seats_grace_and_names_are_set_where_the_space_is_changed(page: Page) -> None:
    panel = Panel(page).open()
    page.locator("#console-change").press("Enter")
    expect(page.get_by_label("Seats on stage")).to_have_value("13")
    page.get_by_label("Seats on stage").fill("20")
    page.get_by_label("Seconds a lost host has to come back").fill("120")
    page.get_by_label("Days to keep the recording").fill("7")
    page.get_by_label("Show names of some who listen").press("Space")
    page.get_by_label("Seats on stage").press("Enter")
    told = ("title", "description", "topics", "visibility", "open_stage")
    kept = {key: ABOUT[key] for key in told}
    wish = kept | {"max_speakers": 20, "grace": 120, "keep_days": 7, "show_names": False}
    panel.sends("PATCH", f"{ORIGIN}/api/spaces/demo", wish)


def test_who_may_come_and_speak_is_set_where_the_space_is_changed(page: Page) -> None:
    panel = Panel(page).open()
    page.locator("#console-change").press("Enter")
    expect(page.get_by_label("Everybody; the front page lists it")).to_be_checked()
    page.get_by_label("Only who was invited").check()
    page.get_by_label("Open stage: everybody may speak").press("Space")
    page.get_by_label("Seats on stage").press("Enter")
    kept = {key: value for key, value in ABOUT.items() if key != "auto_open"}
    wish = kept | {"visibility": "invite", "open_stage": True}
    panel.sends("PATCH", f"{ORIGIN}/api/spaces/demo", wish)


def test_a_link_is_pinned_beside_those_that_are(page: Page) -> None:
    panel = Panel(page).open()
    page.get_by_label("What it is", exact=True).fill("The book")
    page.get_by_label("Address, https://…").fill("https://example.org/book")
    page.get_by_label("Address, https://…").press("Enter")
    pins = [*ROOM["pins"], {"title": "The book", "url": "https://example.org/book"}]
    panel.sends("PUT", "pins", {"pins": pins})
    expect(page.get_by_label("Address, https://…")).to_have_value("")


def test_links_that_are_taken_away_one_after_another_stay_away(page: Page) -> None:
    book = {"title": "The book", "url": "https://example.org/book"}
    panel = Panel(page, pins=[*ROOM["pins"], book]).open()
    panel.holds = {"state.json"}
    panel.press("Take away The book")
    expect(page.locator("#pinned .row")).to_have_count(1)
    panel.press("Take away Programme of the night")
    panel.sends("PUT", "pins", {"pins": []})


def test_a_refusal_is_said_in_the_panel_until_the_next_command(page: Page) -> None:
    panel = Panel(page).open()
    panel.refusal = {"status": 409, "json": {"code": "stage-full", "detail": "No seat."}}
    panel.press("Let Emmy Noether speak")
    expect(page.locator("#console-trouble")).to_contain_text("All seats on stage are taken")
    panel.refusal = None
    panel.press("Decline Alan Turing")
    expect(page.locator("#console-trouble")).to_be_hidden()


def test_what_cannot_be_undone_is_not_done_by_a_slip(page: Page) -> None:
    panel = Panel(page).open()
    panel.press("End the space")
    expect(page.locator("#confirm-no")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#confirm-dialog")).to_be_hidden()
    expect(page.locator("#console")).to_be_visible()
    assert panel.sent == []


def test_a_cohost_ends_nothing_and_is_offered_no_host(page: Page) -> None:
    panel = Panel(page, "cohost").open()
    expect(page.locator("#end")).to_be_hidden()
    expect(page.get_by_role("button", name="Mute Grace Hopper")).to_have_count(0)
    panel.press("More about Nikola Tesla")
    offered = page.locator("#manage-dialog button:visible").all_inner_texts()
    assert offered == ["Unmute", "Move to the audience", "Remove from the space", "Block", "Cancel"]


def test_a_listener_has_no_panel(page: Page) -> None:
    page.route("**/api/**", lambda route: answer(route, Scene("listener")))
    page.goto(f"{ORIGIN}/s/demo")
    expect(page.locator("#listen")).to_be_enabled()
    expect(page.locator("#console-toggle")).to_be_hidden()
    assert page.evaluate("performance.getEntriesByName(origin + '/web/console.js').length") == 0


def test_the_focus_goes_on_to_the_next_when_a_row_goes_and_back_when_the_panel_closes(
    page: Page,
) -> None:
    panel = Panel(page).open()
    expect(page.locator("#console-heading")).to_be_focused()
    page.get_by_role("button", name="Let Emmy Noether speak").press("Enter")
    panel.sends("POST", "people/21/offer")
    panel.people["hands"] = panel.people["hands"][1:]
    expect(page.get_by_role("button", name="Let Alan Turing speak")).to_be_focused(timeout=8_000)
    page.keyboard.press("Enter")
    panel.sends("POST", "people/22/offer")
    panel.people["hands"] = []
    expect(page.locator("#console-heading")).to_be_focused(timeout=8_000)
    expect(page.locator("#hands + .empty")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#console")).to_be_hidden()
    expect(page.locator("#console-toggle")).to_be_focused()


def test_rows_stay_where_they_are_from_answer_to_answer(page: Page) -> None:
    panel = Panel(page).open()
    page.evaluate("window.row = document.querySelector('#hands .row')")
    third = person(23, "Kay", "listener")
    panel.people["hands"] = [*panel.people["hands"], third]
    expect(page.locator("#hands .row")).to_have_count(3, timeout=8_000)
    assert page.evaluate("window.row === document.querySelector('#hands .row')")


STOPS = """() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { width, height } = one.getBoundingClientRect();
  const name = one.id || one.getAttribute("aria-label") || one.name || one.textContent.trim();
  const seen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { name, seen, area: width * height };
}"""


def walk(page: Page, most: int = 60) -> list[str]:
    """The names of everything that Tab reaches, once round; each is seen to have the focus."""
    names: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOPS)
        if stop["name"] in names or page.evaluate("document.activeElement === document.body"):
            break
        assert stop["seen"], stop
        assert stop["area"] > 0, stop
        names.append(stop["name"])
    return names


def test_tab_reaches_every_control_of_a_listener_in_the_order_of_the_page(page: Page) -> None:
    page.route("**/api/**", lambda route: answer(route, Scene("listener")))
    page.goto(f"{ORIGIN}/s/demo")
    expect(page.locator("#about")).to_have_text(ABOUT["description"])
    assert walk(page) == [
        *("Skip to the controls", "spacescore", "share", "language"),
        *("Programme of the night", "listen", "hand"),
    ]


def test_tab_reaches_every_control_of_a_host(page: Page) -> None:
    Panel(page).open()
    names = walk(page)
    visible = page.locator("#console :is(button, input, select):visible").count()
    assert len(names) == visible - 3  # four radios are one stop
    for name in ("Let Emmy Noether speak", "Decline Alan Turing", "mute-all", "Show link", "end"):
        assert name in names


@pytest.mark.parametrize("width", [390, 1280])
def test_the_panel_fits_the_screen_and_the_thumb(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    Panel(page).open()
    box = page.locator("#console").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.evaluate("document.getElementById('console').scrollWidth") <= box["width"]
    small = page.locator("#console").evaluate(
        """(panel) => [...panel.querySelectorAll('button, input:not([type="radio"]), label')]
          .filter((one) => one.checkVisibility())
          .filter((one) => Math.min(one.offsetHeight, one.offsetWidth) < 44)
          .map((one) => one.outerHTML)"""
    )
    assert small == []
    expect(page.locator("#console-count")).to_have_text(re.compile(r"\d"))
