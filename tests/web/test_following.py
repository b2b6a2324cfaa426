"""How pages keep up with a space, in a time that the test moves: by the feed, and by asking.

The service is played: what it is asked is counted, and a feed says what the test has it say.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from scenes import ABOUT, NOW, ORIGIN, PEOPLE, REPLAY, ROOM, jwt, me, person
from virtual_peer import wait_for

STATE, ME, WHO = "spaces/demo/state.json", "spaces/demo/me", "spaces/demo/people"
LIVE, RECORDINGS = "spaces/demo/live.json", "recordings"
ALIKE = {STATE, LIVE, "spaces/demo"}  # what everybody is told
MINUTE_MS = 60_000
STEP_MS = 250
LONG_STEP_MS = 5_000  # where hardly anything is expected
STORM = 1_000  # questions, each asked because of the one before
# No chance, and a count of what is under way: time moves on when it has come to its end.
HELD = """
Math.random = () => 0.5;
window.busy = 0;
for (const [owner, name] of [[window, "fetch"], [Response.prototype, "json"]]) {
  const real = owner[name];
  owner[name] = async function (...args) {
    busy += 1;
    try {
      return await real.apply(this, args);
    } finally {
      busy -= 1;
    }
  };
}
"""
SETTLED = """() => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(busy === 0);
  port2.postMessage(0);
})"""
TOLD = {key: value for key, value in ROOM.items() if key not in ("time", "pace", "called")}
KEPT = TOLD | {"queue": PEOPLE["hands"], "offers": [], "seats": PEOPLE["stage"]}


class Service:
    """What a page asks, and what it is told."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.room: dict[str, Any] | int = dict(ROOM)
        self.who: dict[str, Any] | int = me("speaker", 12)
        self.otherwise = 503  # what was not foreseen
        self.recordings: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.refusal = {"code": "no", "detail": "No."}
        self.is_by_invitation = False
        self.asked: list[str] = []
        self.signed: list[str] = []  # with a token
        self.lines: list[WebSocketRoute] = []
        self.greetings: list[Any] = []
        self.turned_away = 0  # the code of a close, at once
        page.route("**/api/**", self._answer)
        page.route_web_socket("**/live/demo", self._accept)

    def visit(self, role: str | None = None, peer: int = 12) -> "Service":
        fragment = f"#token={jwt(role, peer, 'Bo')}" if role else ""
        self.page.goto(f"{ORIGIN}/s/demo{fragment}")
        expect(self.page.locator("body")).not_to_have_attribute("data-phase", "loading")
        return self

    def tell(self, room: dict[str, Any], **more: Any) -> None:
        self.lines[-1].send(json.dumps({"type": "room", "version": 1, "room": room} | more))

    def end(self) -> None:
        """The space is gone, and the page has seen it."""
        self.room = self.who = self.otherwise = 404
        self.refusal = {"code": "unknown-space", "detail": "There is no such space."}
        self.after(3_000)
        expect(self.page.locator("#word")).to_contain_text("has ended")

    def has(self, lines: int) -> None:
        """Waits until so many lines were opened in all."""
        wait_for(lambda: self.page.evaluate("0") == 0 and len(self.greetings) >= lines)
        assert len(self.greetings) == lines

    def after(self, ms: int, step: int = STEP_MS) -> list[str]:
        """What was asked meanwhile."""
        before = len(self.asked)
        for _ in range(0, ms, step):
            self.page.clock.run_for(step)
            while not self.page.evaluate(SETTLED):
                assert len(self.asked) < before + STORM
        return self.asked[before:]

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(f"{ORIGIN}/api/")
        self.asked.append(path)
        is_signed = "authorization" in route.request.headers
        if is_signed:
            self.signed.append(path)
        told = {
            STATE: self.room,
            ME: self.who,
            WHO: PEOPLE,
            LIVE: {"captions": [], "reactions": {}, "time": NOW},
            "spaces/demo": ABOUT,
            RECORDINGS: {"recordings": self.recordings},
        }.get(path, self.otherwise)
        if self.is_by_invitation and path in ALIKE and not is_signed:
            told = 401
        if isinstance(told, int):
            route.fulfill(status=told, json=self.refusal, headers=self.headers)
        else:
            kept = "no-store" if self.is_by_invitation else "public, max-age=1"
            route.fulfill(json=told, headers={"Cache-Control": kept} if path in ALIKE else {})

    def _accept(self, line: WebSocketRoute) -> None:
        self.lines.append(line)
        line.on_message(lambda message: self._greet(line, json.loads(message)))

    def _greet(self, line: WebSocketRoute, greeting: Any) -> None:
        self.greetings.append(greeting)
        if self.turned_away:
            line.close(code=self.turned_away)


@pytest.fixture
def service(browser: Browser, serve: Any) -> Iterator[Service]:
    faults: list[Any] = []
    with browser.new_context(locale="en-US", reduced_motion="reduce") as context:
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(error))
        page.route(f"{ORIGIN}/**", serve)
        page.add_init_script(HELD)
        page.clock.install(time=NOW)
        page.goto(f"{ORIGIN}/blank")
        page.clock.pause_at(NOW + 1)  # from here on, time moves only when a test moves it
        yield Service(page)
    assert faults == []


# By asking.


def test_a_listener_asks_at_the_pace_that_the_service_sets(service: Service) -> None:
    service.room = ROOM | {"pace": 20}
    service.visit()
    service.after(STEP_MS)
    assert service.after(19_000) == []
    assert service.after(1_500) == [STATE]
    service.room = ROOM | {"pace": 2}
    assert service.after(20_000) == [STATE]
    assert service.after(10_000) == [STATE] * 5
    assert service.lines == []


@pytest.mark.parametrize("pace", [0, -1, 0.01])
def test_no_pace_makes_a_page_ask_more_than_once_a_second(service: Service, pace: float) -> None:
    service.room = ROOM | {"pace": pace}
    service.visit()
    service.after(STEP_MS)
    assert len(service.after(10_000)) == 10


def test_who_is_told_to_come_back_later_does(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    service.room, service.headers = 503, {"Retry-After": "30"}
    assert service.after(3_000) == [STATE]
    assert service.after(30_000) == []
    assert service.after(6_000) == [STATE]


def test_a_space_on_another_node_is_followed_there(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    there = "http://localhost/other/api/spaces/demo/state.json"
    service.room, service.headers = 421, {"Location": there}
    service.refusal = {"code": "elsewhere", "detail": "On another node."}
    service.page.clock.run_for(2_500)  # one question
    service.page.wait_for_url("**/other/s/demo")


def test_what_everybody_is_told_is_asked_without_a_token(service: Service) -> None:
    service.who = me("speaker", 12)
    service.visit("speaker")
    service.page.get_by_role("button", name="Listen").click()
    asked = service.after(10_000)
    assert {STATE, LIVE, ME} <= set(asked)
    assert ME in service.signed
    assert ALIKE.isdisjoint(service.signed)


def test_by_invitation_a_page_shows_its_token_for_as_long_as_it_is_needed(service: Service) -> None:
    service.is_by_invitation = True
    service.visit("listener")
    service.after(10_000)
    expect(service.page.locator("#title")).to_have_text(ROOM["title"])
    assert service.asked.count(STATE) == service.signed.count(STATE) + 1
    service.is_by_invitation = False
    service.after(3_000)
    service.signed.clear()
    assert STATE in service.after(10_000)
    assert service.signed == []
    service.is_by_invitation = True
    service.after(10_000)
    assert STATE in service.signed
    expect(service.page.locator("#notice")).to_be_hidden()


def test_a_space_that_becomes_by_invitation_says_so_to_who_has_none(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    service.room, service.refusal = 401, {"code": "unauthenticated", "detail": "By invitation."}
    service.after(3_000)
    expect(service.page.locator("#word")).to_contain_text("By invitation only")
    service.room = ROOM
    service.after(31_000)
    expect(service.page.locator("#word")).to_be_hidden()


def test_who_waits_in_line_asks_for_nothing_but_the_state(service: Service) -> None:
    service.room = ROOM | {"admit": {"cohorts": 0, "mode": "closed", "rate": 0}}
    service.who = me("listener", 12)
    service.visit("listener")
    service.after(10_000)
    service.page.get_by_role("button", name="Listen").click()
    expect(service.page.locator("#line")).to_be_visible()
    assert service.after(60_000) == [STATE] * 24
    service.room = ROOM
    assert service.after(3_000)[1:] != []
    expect(service.page.locator("#line")).to_be_hidden()
    assert ME in service.asked  # inside, something may happen to one
    assert service.lines == []


def test_who_has_not_come_in_is_called_when_there_is_something_to_hear(service: Service) -> None:
    service.who = me("listener", 12)
    service.visit("listener")
    assert ME not in service.after(30_000)
    service.room = ROOM | {"called": [12]}
    service.who = me("listener", 12) | {"offered": True}
    assert ME in service.after(3_000)
    expect(service.page.locator("#offer")).to_be_visible()


@pytest.mark.parametrize("how", ["removed", "blocked"])
def test_who_is_sent_away_while_they_wait_learns_it_by_being_called(
    service: Service, how: str
) -> None:
    service.room = in_line = ROOM | {"admit": {"cohorts": 0, "mode": "closed", "rate": 0}}
    service.visit("listener")
    service.page.get_by_role("button", name="Listen").click()
    assert set(service.after(10_000)) == {STATE}
    service.room, service.who = in_line | {"called": [12]}, 403
    service.refusal = {"code": how, "detail": "No."}
    service.after(3_000)
    expect(service.page.locator("body")).to_have_attribute("data-phase", how)
    expect(service.page.locator("#line")).to_be_hidden()
    assert service.after(60_000) == []


def test_who_is_sent_away_by_invitation_while_they_wait_learns_it_by_the_state(
    service: Service,
) -> None:
    service.is_by_invitation = True
    service.room = ROOM | {"admit": {"cohorts": 0, "mode": "closed", "rate": 0}}
    service.visit("listener")
    service.page.get_by_role("button", name="Listen").click()
    service.after(3_000)
    service.room, service.refusal = 403, {"code": "removed", "detail": "No."}
    service.after(3_000)
    expect(service.page.locator("#word")).to_contain_text("asked you to leave")
    assert service.after(60_000) == []


# By the feed.


def test_who_has_a_voice_is_told_and_asks_no_more(service: Service) -> None:
    service.visit("speaker").has(1)
    assert service.greetings == [{"token": jwt("speaker", 12, "Bo")}]
    service.tell(TOLD | {"title": "Told"})
    expect(service.page.locator("#title")).to_have_text("Told")
    service.after(STEP_MS)
    assert service.after(20_000).count(STATE) == 0
    service.tell(TOLD | {"listeners": 12})
    expect(service.page.locator("#listeners")).to_have_text("12 listening")
    expect(service.page.locator("#elapsed")).to_have_text(re.compile(r"1:00:2\d"))
    expect(service.page.locator("#speakers .speaking")).to_have_count(1)


def test_a_token_is_renewed_and_nobody_notices(service: Service) -> None:
    service.visit("speaker").has(1)
    longer = jwt("speaker", 12, "Bo") + "longer"
    service.who = me("speaker", 12, token=longer)
    service.after(3_000)
    service.has(2)
    assert service.greetings[-1] == {"token": longer}
    expect(service.page.locator("#notice")).to_be_hidden()
    service.page.reload()
    service.has(3)
    assert service.greetings[-1] == {"token": longer}


def test_what_the_feed_shows_of_us_is_asked_at_once_and_nothing_else_is(service: Service) -> None:
    service.visit("speaker").has(1)
    service.tell(TOLD)
    service.after(3_000)
    service.tell(TOLD | {"listeners": 12})
    assert service.after(1_000) == []
    service.who = me("cohost", 12)
    service.tell(KEPT)
    expect(service.page.locator("#notice")).to_contain_text("You are a co-host now")
    assert service.after(10_000) == []


def test_a_line_that_breaks_is_made_anew_and_the_page_asks_meanwhile(service: Service) -> None:
    service.visit("speaker").has(1)
    service.tell(TOLD)
    service.after(15_000)
    service.lines[-1].close(code=1011)
    expect(service.page.locator("#title")).to_have_text(ROOM["title"])
    wait_for(lambda: service.page.evaluate("0") == 0 and service.asked[-1] in (STATE, ME))
    service.after(300)  # the first pause is half a second at most
    service.has(2)
    service.tell(TOLD | {"title": "Again"})
    expect(service.page.locator("#title")).to_have_text("Again")
    service.after(STEP_MS)
    assert service.after(10_000).count(STATE) == 0


def test_a_line_that_fell_silent_is_given_up(service: Service) -> None:
    service.visit("speaker").has(1)
    service.tell(TOLD)
    service.after(30_000)
    service.lines[-1].send('{"type":"still"}')
    service.after(39_000)
    assert len(service.lines) == 1
    service.after(2_000)
    service.has(2)


@pytest.mark.parametrize("code", [4401, 4403, 4404, 4429, 4421])
def test_a_refusal_is_tried_again_seldom_and_the_page_asks(service: Service, code: int) -> None:
    service.turned_away = code
    service.visit("speaker").has(1)
    asked = service.after(20_000)
    assert asked.count(STATE) == 8
    assert asked.count(ME) > 8
    service.has(1)
    service.after(5_000)
    service.has(2)


def test_who_is_sent_to_the_audience_is_told_and_hears_no_feed(service: Service) -> None:
    service.visit("speaker").has(1)
    service.tell(TOLD)
    service.after(2_000)
    service.who = me("listener", 12)
    service.lines[-1].close(code=4403)
    expect(service.page.locator("#notice")).to_contain_text("moved you to the audience")
    service.after(60_000)
    service.has(1)


def test_who_is_blocked_learns_it_by_the_close(service: Service) -> None:
    service.visit("speaker").has(1)
    service.tell(TOLD)
    service.after(2_000)
    service.who, service.refusal = 403, {"code": "blocked", "detail": "No."}
    service.lines[-1].close(code=4403)
    expect(service.page.locator("#word")).to_contain_text("closed this space to you")
    assert service.after(60_000) == []
    service.has(1)


def test_a_space_that_is_over_is_over_for_who_is_told(service: Service) -> None:
    service.visit("host", 11).has(1)
    service.tell(KEPT)
    service.after(2_000)
    service.room = service.who = 404
    service.lines[-1].send('{"type":"ended"}')
    expect(service.page.locator("#word")).to_contain_text("has ended")


def test_when_a_space_ends_a_page_with_a_raised_hand_is_quiet(service: Service) -> None:
    service.room = ROOM | {"called": [12], "recording": False}
    service.who = me("listener", 12) | {"hand": 2}
    service.visit("listener")
    service.after(3_000)
    assert service.page.evaluate("spacescore.me.hand") == 2
    service.end()
    assert ME not in service.after(MINUTE_MS)
    expect(service.page.locator("#notice")).to_be_hidden()
    assert service.after(10 * MINUTE_MS, LONG_STEP_MS) == [STATE] * 20


def test_who_heard_of_the_end_by_the_feed_is_quiet(service: Service) -> None:
    service.visit("speaker").has(1)
    service.tell(TOLD | {"recording": False})
    service.after(2_000)
    service.room = service.who = 404
    service.lines[-1].send('{"type":"ended"}')
    expect(service.page.locator("#word")).to_contain_text("has ended")
    service.after(MINUTE_MS)
    assert service.after(10 * MINUTE_MS, LONG_STEP_MS) == [STATE] * 20
    service.has(1)


def test_the_recording_is_asked_for_more_and_more_seldom_and_found(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    service.end()
    asked = service.after(MINUTE_MS).count(RECORDINGS)
    assert 1 <= asked <= 3
    assert 1 <= service.after(10 * MINUTE_MS, LONG_STEP_MS).count(RECORDINGS) <= 5
    service.recordings = [REPLAY | {"space": "demo", "began": ROOM["started"]}]
    service.after(6 * MINUTE_MS, LONG_STEP_MS)
    expect(service.page.locator("#word-replay")).to_have_attribute("href", REPLAY["link"])
    assert service.after(10 * MINUTE_MS, LONG_STEP_MS).count(RECORDINGS) == 0


def test_a_host_is_led_to_a_recording_that_is_not_published(service: Service) -> None:
    service.who = me("host", 11)
    service.visit("host", 11).has(1)
    service.tell(KEPT)
    service.after(2_000)
    mine = REPLAY | {"space": "demo", "began": ROOM["started"], "published": False}
    service.recordings = [mine]
    service.lines[-1].send('{"type":"ended"}')
    service.end()
    link = service.page.get_by_role("link", name="Hear the recording and publish it")
    expect(link).to_have_attribute("href", f"{mine['link']}#token={jwt('host', 11, 'Bo')}")


def test_what_has_ended_stays_ended_in_another_language(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    service.end()
    service.page.click("#language")
    expect(service.page.locator("#word")).to_contain_text("ist geschlossen")


def test_a_space_that_was_away_for_a_moment_is_found_again_soon(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    service.end()
    service.room = ROOM | {"title": "Once more"}
    service.page.clock.run_for(5_000)
    expect(service.page.locator("#title")).to_have_text("Once more")


def test_a_space_that_opens_anew_is_found_again(service: Service) -> None:
    service.visit()
    service.after(STEP_MS)
    service.end()
    service.after(10 * MINUTE_MS, LONG_STEP_MS)
    service.room = ROOM | {"title": "Once more"}
    service.page.clock.fast_forward(36_000)  # twice a minute, and a fifth more
    expect(service.page.locator("#title")).to_have_text("Once more")
    expect(service.page.locator("#word")).to_be_hidden()


def test_the_panel_is_drawn_from_the_feed(service: Service) -> None:
    service.who = me("host", 11)
    service.visit("host", 11).has(1)
    service.tell(KEPT)
    service.after(2_000)
    service.page.click("#console-toggle")
    expect(service.page.locator("#hands .row")).to_have_count(2)
    service.after(STEP_MS)
    newcomer = person(41, "Kay", "listener", on_stage=False)
    seats = [*PEOPLE["stage"], person(42, "Bo", "speaker", muted=True)]
    service.tell(KEPT | {"queue": [*PEOPLE["hands"], newcomer], "seats": seats, "hands": 3})
    expect(service.page.locator("#hands .row")).to_have_count(3)
    expect(service.page.locator("#seats .row").last).to_contain_text("muted")
    expect(service.page.locator("#console-count")).to_have_text("3")
    assert service.after(7_000).count(WHO) == 0
    assert service.after(5_000).count(WHO) == 1  # who is in the audience, or blocked
