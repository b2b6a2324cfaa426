"""session.js over links that the test plays, in a time that the test moves."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

FAKES = """
async () => {
  const { Session } = await import('/web/session.js');
  const { JoinError } = await import('/web/errors.js');
  const { Watchdog } = await import('/web/watchdog.js');
  Math.random = () => 0.5;
  window.links = [];
  window.plan = [];  // what each dial does: "ok", "never" or the code of an error
  class FakeLink {
    constructor(fate) {
      Object.assign(this, { fate, packets: 0, flows: true, closed: false });
      this.stream = new MediaStream();
      this.watchdog = new Watchdog(performance.now());
    }
    heard() {
      return this.watchdog.look(this.flows ? ++this.packets : this.packets, performance.now());
    }
    isDead() { return this.watchdog.isStalled(performance.now()); }
    connected(signal) {
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new JoinError('timeout', '')));
        if (this.fate === 'ok') resolve();
      });
    }
    close() { this.closed = true; }
    speakers() { return [7]; }
  }
  window.session = new Session(async () => {
    const fate = plan.shift() ?? 'ok';
    if (!['ok', 'never'].includes(fate)) throw new JoinError(fate, fate);
    links.push(new FakeLink(fate));
    return links.at(-1);
  });
  window.states = [];
  session.addEventListener('state', () => states.push(session.state));
}
"""


Serve = Callable[[Route], None]


@pytest.fixture(scope="module")
def timeless(browser: Browser, serve: Serve) -> Page:
    page = browser.new_page()
    page.route("http://localhost/**", serve)
    page.clock.install(time=0)
    page.goto("http://localhost/blank")
    page.clock.pause_at(1_000)  # from here on, time moves only when a test moves it
    return page


@pytest.fixture
def fakes(timeless: Page) -> Page:
    """A document with a `session` not yet opened, whose `links` and time the test moves."""
    timeless.goto("http://localhost/blank")
    timeless.evaluate(FAKES)
    return timeless


def begin(page: Page, *plan: str) -> None:
    page.evaluate(
        "(p) => { plan.push(...p); session.open().catch((e) => (window.refused = e)); }", plan
    )


def after(page: Page, ms: int) -> dict[str, Any]:
    page.clock.run_for(ms)
    got: dict[str, Any] = page.evaluate(
        """() => ({
          states: states.splice(0), dialled: links.length, redials: session.redials,
          closed: links.map((link) => link.closed), speakers: session.speakers(),
          error: session.error?.code ?? null, refused: window.refused?.code ?? null,
        })"""
    )
    return got


def test_packets_make_it_play_and_their_absence_makes_it_dial_again(fakes: Page) -> None:
    begin(fakes)
    got = after(fakes, 300)
    assert (got["states"], got["speakers"]) == (["playing"], [7])
    fakes.evaluate("links[0].flows = false")
    assert after(fakes, 1900)["states"] == []
    got = after(fakes, 100)
    assert (got["states"], got["speakers"]) == (["stalled"], [])
    got = after(fakes, 800)
    assert got["states"] == ["reconnecting", "playing"]
    assert (got["closed"], got["redials"]) == ([True, False], 1)


def test_the_old_link_wins_when_it_recovers_first(fakes: Page) -> None:
    begin(fakes, "ok", "never")
    after(fakes, 300)
    fakes.evaluate("links[0].flows = false")
    assert after(fakes, 3500)["states"] == ["stalled", "reconnecting"]
    fakes.evaluate("links[0].flows = true")
    got = after(fakes, 300)
    assert got["states"] == ["playing"]
    assert (got["closed"], got["redials"]) == ([False, True], 0)


def test_a_network_that_is_back_is_not_kept_waiting(fakes: Page) -> None:
    begin(fakes, "ok", *["network"] * 6)
    after(fakes, 300)
    fakes.evaluate("links[0].flows = false")
    got = after(fakes, 9000)
    assert got["dialled"] == 1
    fakes.evaluate("plan.length = 0; dispatchEvent(new Event('online'))")
    assert after(fakes, 300)["states"] == ["playing"]


def test_what_does_not_answer_is_tried_again_and_what_cannot_is_not(fakes: Page) -> None:
    begin(fakes, "never", "busy", "network", "ok")
    got = after(fakes, 8000)
    assert got["states"] == []
    got = after(fakes, 4000)
    assert (got["states"], got["dialled"], got["closed"]) == (["playing"], 2, [True, False])


def test_a_fatal_error_ends_the_session_with_its_reason(fakes: Page) -> None:
    begin(fakes, "unknown-space")
    got = after(fakes, 10)
    assert (got["states"], got["error"], got["refused"]) == (
        ["failed"],
        "unknown-space",
        "unknown-space",
    )


def test_closing_while_it_dials_leaves_nothing_behind(fakes: Page) -> None:
    begin(fakes, "never")
    after(fakes, 100)
    fakes.evaluate("session.close(); session.close()")
    got = after(fakes, 20_000)
    assert (got["states"], got["closed"], got["refused"]) == (["closed"], [True], "closed")


def test_a_page_that_goes_away_hangs_up(fakes: Page) -> None:
    begin(fakes, "ok")
    after(fakes, 100)
    fakes.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    got = after(fakes, 100)
    assert (got["states"][-1], got["closed"]) == ("closed", [True])


def test_a_link_that_was_slow_to_connect_is_given_time_for_its_first_packet(fakes: Page) -> None:
    fakes.evaluate(
        """async () => {
          const { Link } = await import('/web/link.js');
          const real = new RTCPeerConnection();
          const pc = Object.assign(new EventTarget(), { connectionState: 'connecting' });
          window.slow = new Link(pc, real.addTransceiver('audio').receiver);
          slow.connected(new AbortController().signal);
        }"""
    )
    fakes.clock.run_for(5000)
    connected = """() => {
      slow.pc.connectionState = 'connected';
      slow.pc.dispatchEvent(new Event('connectionstatechange'));
    }"""
    assert fakes.evaluate("slow.isDead()")
    fakes.evaluate(connected)
    fakes.clock.run_for(1900)
    assert not fakes.evaluate("slow.isDead()")
    fakes.clock.run_for(200)
    assert fakes.evaluate("slow.isDead()")
