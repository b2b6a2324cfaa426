"""A whole evening in real browsers, by the pages' own controls: from a plan to its replay.

A host, two more speakers, five listeners. Everybody has a browser profile of their own; what one
of them does is waited for where the others see it.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Request, expect

from served import Served
from virtual_peer import wait_for
from visitor import STATS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SPACE = "an-evening-of-radio"  # as its title suggests
PATIENCE_MS = 15_000  # for each thing that is waited for; most take one poll of the page's
SMALL: Any = {"width": 390, "height": 640}  # nine browsers paint on the CPU that they measure
# What a page copies is kept for the test: a headless browser's clipboard belongs to all of them.
KEEP_COPIES = "navigator.clipboard.writeText = async (text) => { window.copied = text; }"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("evening") / "data")
    yield served
    served.end()


class Guest:
    """Somebody with a browser profile of their own."""

    def __init__(self, browser: Browser, served: Served, name: str, watch: "Watch") -> None:
        self.name = name
        self._context = browser.new_context(locale="en-GB", reduced_motion="reduce", viewport=SMALL)
        self._context.set_default_timeout(PATIENCE_MS)
        self._context.add_init_script(KEEP_COPIES)
        self._context.on("request", watch.asked)
        self._served = served
        self._watch = watch
        self.feeds: list[str] = []
        self.page: Page = self._context.new_page()

    def opens(self, link: str) -> "Guest":
        """A tab of its own: nothing is left of the one before but what the profile keeps."""
        if not self.page.is_closed():
            self.page.close()
        self.page = self._context.new_page()
        self.page.on("pageerror", self._watch.failed)
        self.page.on("websocket", lambda feed: self.feeds.append(feed.url))
        self.page.goto(link)
        return self

    def presses(self, name: str, within: str = "body") -> None:
        self.page.locator(within).get_by_role("button", name=name, exact=True).click()

    def sees(self, selector: str, text: str = "") -> Locator:
        found = self.page.locator(selector)
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        if text:
            expect(found).to_contain_text(text, timeout=PATIENCE_MS)
        return found

    def listens(self) -> None:
        self.presses("Listen")
        self.sees("#status", "Listening")

    def speaks(self) -> None:
        """Steps on stage under the name that came with the link."""
        self.presses("Speak")
        self.sees("#speak-dialog", f"You will appear as {self.name}.")
        self.sees("#speak-dialog", "This space is recorded.")
        self.presses("Start speaking")
        self.sees("#status", "You are on air")

    def raises_a_hand(self) -> None:
        self.presses("Ask to speak")
        self.page.get_by_label("Your name").fill(self.name)
        self.presses("Raise hand")
        self.sees("#details", "Your hand is up")

    def is_on_stage(self, *names: str) -> None:
        """These are on the stage that this page shows, in any order."""
        tiles = self.page.locator("#speakers .name")
        expect(tiles).to_have_count(len(names), timeout=PATIENCE_MS)
        assert sorted(tiles.all_inner_texts()) == sorted(names)

    def packets(self) -> int:
        """How many its session has received."""
        self.page.evaluate("window.mine = () => spacescore.session")
        rtp = next(one for one in self.page.evaluate(STATS) if one["type"] == "inbound-rtp")
        return int(rtp["packetsReceived"])

    def crashes(self) -> None:
        """The tab's process dies: nobody says goodbye."""
        with suppress(Error):
            self.page.goto("chrome://crash")


@dataclass
class Watch:
    """What must not happen all evening."""

    origin: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        here = url.netloc == urlsplit(self.origin).netloc
        if not here and url.scheme in ("http", "https", "ws", "wss"):
            self.foreign.append(request.url)

    def failed(self, error: Error) -> None:
        self.errors.append(str(error))


def test_an_evening(served: Served, open_chromium: Callable[[], Browser]) -> None:
    watch = Watch(served.url)
    browser = open_chromium()

    def guest(name: str) -> Guest:
        return Guest(browser, served, name, watch)

    # The host plans it, and opens the doors; who waits at the countdown is in the room then.
    host = guest("Ada Lovelace")
    link, host_link = plan(host, served)
    audience = [guest(name) for name in ("Emmy Noether", "Alan Turing", "Mary", "Edsger", "Kay")]
    emmy, alan, mary, *_ = audience
    mary.opens(link).sees("#countdown")
    mary.sees("#title", "An evening of radio")
    host.presses("Open the doors now")
    host.sees("#word", "The stage is still dark")
    mary.sees("#word", "The stage is still dark")

    # Three speakers, five listeners.
    host.speaks()
    grace, nikola = guest("Grace Hopper"), guest("Nikola Tesla")
    grace_link, nikola_link = (invitation(host, one.name) for one in (grace, nikola))
    grace.opens(grace_link).speaks()
    nikola.opens(nikola_link).speaks()
    for one in audience:
        if one is not mary:
            one.opens(link)
        one.listens()
    mary.sees("#listeners", "5 listening")
    mary.is_on_stage(host.name, grace.name, nikola.name)

    assert all(len(one.feeds) == 1 for one in (grace, nikola))  # told, and once is enough
    assert not mary.feeds

    captions_come_from_a_process_beside(served, host_link, mary)
    one_is_let_speak_and_one_declined(host, emmy, alan)
    mary.is_on_stage(host.name, grace.name, nikola.name, emmy.name)
    one_is_muted(host, grace)
    one_is_blocked_and_refused_on_return(host, nikola, nikola_link)
    mary.is_on_stage(host.name, grace.name, emmy.name)
    the_host_is_lost_and_comes_back(host, host_link, mary)
    mary.is_on_stage(host.name, grace.name, emmy.name)
    it_ends_for_everybody(host, grace, emmy, mary)
    it_can_be_heard_again(host, mary, served.url, grace.name)

    assert watch.errors == []
    assert watch.foreign == []


def captions_come_from_a_process_beside(served: Served, host_link: str, listener: Guest) -> None:
    """By the API."""
    token = host_link.partition("#token=")[2]
    now = time.time()
    said = {"text": "Good evening", "name": "Ada Lovelace", "start": now - 1, "end": now + 2}
    served.post(f"/api/spaces/{SPACE}/captions", said, token)
    listener.sees("#captions", "Ada Lovelace: Good evening")


def one_is_let_speak_and_one_declined(host: Guest, emmy: Guest, alan: Guest) -> None:
    """Emmy goes on stage without leaving."""
    emmy.raises_a_hand()
    alan.raises_a_hand()
    alan.sees("#details", "1 before you")
    host.page.get_by_role("button", name="Host, 2 want to speak").click()
    host.presses("Let Emmy Noether speak")
    emmy.sees("#offer", "The stage is yours")
    emmy.presses("Go on stage")
    emmy.sees("#status", "You are on air")
    host.presses("Decline Alan Turing")
    alan.sees("#notice", "Your hand was lowered")


def one_is_muted(host: Guest, grace: Guest) -> None:
    """And may speak again."""
    host.presses("Mute Grace Hopper")
    grace.sees("#notice", "The host has muted you")
    grace.sees("#status", "You are muted")
    grace.presses("Unmute")
    grace.sees("#status", "You are on air")


def one_is_blocked_and_refused_on_return(host: Guest, nikola: Guest, link: str) -> None:
    """By the link that let him in before."""
    host.presses("More about Nikola Tesla")
    host.presses("Block", within="#manage-dialog")
    host.sees("#confirm-dialog", "Block Nikola Tesla?")
    host.presses("Block", within="#confirm-dialog")
    nikola.sees("#word", "The host has closed this space to you")
    host.sees("#blocked", "Nikola Tesla")
    nikola.opens(link).sees("#word", "The host has closed this space to you")
    expect(nikola.page.locator("#controls")).to_be_hidden()


def the_host_is_lost_and_comes_back(host: Guest, link: str, listener: Guest) -> None:
    """The space goes on meanwhile, and is theirs when they are back."""
    host.crashes()
    before = listener.packets()
    host.opens(link).speaks()
    listener.sees("#status", "Listening")
    assert listener.packets() > before
    expect(listener.page.locator("#speakers .tile", has_text="Ada")).to_contain_text("Host")


def it_ends_for_everybody(host: Guest, *others: Guest) -> None:
    """By the host's panel."""
    host.page.get_by_role("button", name="Host", exact=True).click()
    host.presses("End the space")
    host.presses("End space")
    for one in (host, *others):
        one.sees("#word", "This space has ended")


def it_can_be_heard_again(host: Guest, listener: Guest, front: str, speaker: str) -> None:
    """By its host, and once it is published by all."""
    host.page.get_by_role("link", name="Hear the recording and publish it").click()
    host.sees("#title", "An evening of radio")
    host.presses("Publish")
    host.sees("#notice", "Everybody with the link can hear this.")
    listener.opens(front).page.get_by_role("link", name="An evening of radio").click()
    listener.sees("#lanes", speaker)
    hears_again(listener)


def test_a_place_on_stage_is_given_taken_and_handed_on(
    served: Served, open_chromium: Callable[[], Browser]
) -> None:
    watch = Watch(served.url)
    browser = open_chromium()
    token = served.create_space("stage", title="A small stage", host="Ada Lovelace")
    link = f"{served.url}/s/stage"
    host, grace, mary = (
        Guest(browser, served, name, watch) for name in ("Ada Lovelace", "Grace Hopper", "Mary")
    )
    host.opens(f"{link}#token={token}").speaks()
    grace.opens(invitation(host, grace.name)).speaks()
    mary.opens(link).listens()

    # Moved to the audience: the sound goes on; a hand brings them back.
    host.presses("Host")
    host.presses("More about Grace Hopper")
    host.presses("Move to the audience")
    grace.sees("#notice", "You go on listening")
    grace.sees("#status", "Listening")
    grace.presses("Ask to speak")
    grace.sees("#details", "Your hand is up")
    host.presses("Let Grace Hopper speak")
    grace.presses("Go on stage")
    grace.sees("#status", "You are on air")

    # Co-host, then host; who was it may leave the stage and listen.
    host.presses("More about Grace Hopper")
    host.presses("Make co-host")
    grace.sees("#notice", "You are a co-host now")
    host.presses("More about Grace Hopper")
    host.presses("Hand over as host")
    host.presses("Hand over")
    grace.sees("#notice", "You are the host now")
    expect(host.page.locator("#end")).to_be_hidden(timeout=PATIENCE_MS)
    host.presses("Close")
    host.presses("Leave")
    host.presses("Step down and listen")
    host.sees("#status", "Listening")

    # An invitation to somebody who had been told no; she declines, and then is sent away.
    mary.raises_a_hand()
    grace.page.get_by_role("button", name="Host, 1 wants to speak").click()
    grace.presses("Decline Mary")
    mary.sees("#notice", "Your hand was lowered")
    grace.presses("Invite Mary to speak")
    mary.sees("#offer", "You are invited to speak")
    mary.presses("Not now")
    expect(mary.page.locator("#offer")).to_be_hidden()
    grace.presses("More about Mary")
    grace.presses("Remove from the space")
    grace.presses("Remove")
    mary.sees("#word", "The host has asked you to leave")
    assert watch.errors == []
    assert watch.foreign == []


def plan(host: Guest, served: Served) -> tuple[str, str]:
    """Fills in the form of the front page; returns the link to share, and the host's."""
    host.opens(served.url)
    host.presses("Plan a space")
    for label, text in {
        "Title": "An evening of radio",
        "What it is about": "How the wireless came home.",
        "Topics": "radio, history",
        "Your name": host.name,
        "Operator key": (served.data / "operator.key").read_text().strip(),
    }.items():
        host.page.get_by_label(label, exact=True).fill(text)
    host.presses("Plan it")
    host.sees("#made-dialog")
    links = [host.page.locator(f"#made-{which}").input_value() for which in ("share", "host")]
    host.page.get_by_role("link", name="Go there").click()
    host.sees("#countdown")
    state = json.loads(served.get(f"/api/spaces/{SPACE}"))
    assert (state["phase"], state["topics"]) == ("planned", ["radio", "history"])
    return links[0], links[1]


def invitation(host: Guest, name: str) -> str:
    """A speaker's personal link, from the host's Share."""
    host.presses("Share")
    host.page.get_by_label("Their name").fill(name)
    host.presses("Copy link")
    host.sees("#share-done", f"{name}'s link is copied")
    host.presses("Done")
    return str(host.page.evaluate("copied"))


def hears_again(listener: Guest) -> None:
    """Plays the recording from where somebody was captioned, and reads along."""
    page = listener.page
    cue = """() => {
      const [track] = document.getElementById("player").textTracks;
      const [first] = track?.cues ?? [];
      return first?.startTime;
    }"""
    # Playwright's own waiting has the page evaluate a text, which its CSP forbids.
    wait_for(lambda: page.evaluate(cue) is not None, seconds=PATIENCE_MS / 1e3)
    at = page.evaluate(cue)
    page.evaluate(
        "async (at) => { const player = document.getElementById('player');"
        " player.currentTime = at; await player.play(); }",
        at,
    )
    listener.sees("#captions", "Ada Lovelace: Good evening")
    time_of = "document.getElementById('player').currentTime"
    wait_for(lambda: page.evaluate(time_of) > at, seconds=PATIENCE_MS / 1e3)
