"""Takes the pictures of docs/images: `make screenshots`.

The real service, a room with people in it, and browsers of several kinds: at a desk and on a
phone, by day and by night, in English and in German.
"""

import json
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from chromium import launch
from served import Served
from sound import RATE, sine, speech, write_wav
from spacescore._native import _core
from virtual_peer import VirtualPeer, listen_by_ticket, speak_by_whip, wait_for
from visitor import Visitor
from world import FRAME

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SPACE = "evening"
AUDIENCE = 24
CROWD = 320
DAY = 86_400
HUES = 8  # as in words.js
DESK: Any = {"viewport": {"width": 1280, "height": 800}}
TALL: Any = {"viewport": {"width": 1280, "height": 1260}}
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
NIGHT: Any = {"color_scheme": "dark"}
GERMAN: Any = {"locale": "de-DE"}
AT_HOME = ["Rosalind", "Ben Okri", "Chien-Shiung Wu", "Clara", "Jagadish Bose", "Lise Meitner"]
PINS = [
    {"title": "Programme", "url": "https://example.org/programme"},
    {"title": "The old receivers", "url": "https://example.org/receivers"},
]


def words(start: float) -> np.ndarray:
    """Somebody talking without a pause, or a tone."""
    samples = speech(3, start=start)
    return sine(300, 3, dbfs=-12) if samples is None else samples


def packets(samples: np.ndarray) -> Iterator[tuple[bytes, int]]:
    encoder = _core.OpusEncoder(dtx=False)
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    for frame in cycle(frames.astype(np.float32)):
        yield encoder.encode(frame), FRAME


def coloured(draw: Callable[[], str], taken: set[int]) -> str:
    """A token whose peer has a colour that nobody has yet: they are drawn by chance."""
    while True:
        token = draw()
        payload = token.split(".")[1]
        grant = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["space_grant"]
        if grant["peer"] % HUES not in taken:
            taken.add(grant["peer"] % HUES)
            return token


def on_stage(served: Served, name: str, taken: set[int], space: str = SPACE) -> VirtualPeer:
    token = coloured(lambda: served.stage_token(name, space), taken)
    return speak_by_whip(served, name, space=space, token=token).connected()


def fill(served: Served, taken: set[int]) -> tuple[str, list[VirtualPeer]]:
    """A host who talks, two more on stage who do not, raised hands, and an audience."""
    token = served.create_space(
        SPACE,
        title="The long evening of radio",
        description="How the wireless came into the living room: four voices and your questions.",
        topics=["radio", "history"],
        open_stage=True,
        host="Ada Lovelace",
    )
    host = speak_by_whip(served, "", space=SPACE, token=coloured(lambda: token, taken))
    host.connected().say(packets(words(4)))
    others = ["Hedy Lamarr", "Nikola Tesla"]
    people = [host, *(on_stage(served, name, taken) for name in others)]
    quiet = next(p["peer"] for p in served.state(SPACE)["speakers"] if p["name"] == others[-1])
    one = f"/api/spaces/{SPACE}"
    served.post(f"{one}/speakers/{quiet}/mute", {"muted": True}, token)
    served.put(f"{one}/pins", {"pins": PINS}, token)
    ticket = served.ticket(SPACE)
    return token, people + [listen_by_ticket(ticket).connected() for _ in range(AUDIENCE)]


def raise_hands(served: Served, taken: set[int], *names: str) -> None:
    one = f"/api/spaces/{SPACE}"
    for name in names:
        body = {"name": name}
        draw = partial(served.post, f"{one}/people", body)
        token = coloured(lambda draw=draw: json.loads(draw())["token"], taken)
        served.request("PUT", f"{one}/hand", None, token)


def take_seats(served: Served, *names: str) -> None:
    """Listeners whom the others see by name: their hand was up, and their page still asks."""
    one = f"/api/spaces/{SPACE}"
    for name in names:
        token = json.loads(served.post(f"{one}/people", {"name": name}))["token"]
        for method, path in (("PUT", "hand"), ("DELETE", "hand"), ("GET", "me")):
            served.request(method, f"{one}/{path}", None, token)


def plan(served: Served) -> str:
    """Spaces to come; the host's token of the first."""
    now = int(time.time())
    token = served.create_space(
        "candlelight",
        title="Reading by candlelight",
        description="Three short stories, read aloud and talked about.",
        topics=["books", "winter"],
        starts=now + DAY + 2 * 3600 + 240,
        host="Mary Shelley",
    )
    served.create_space(
        "orchestra", title="Ask the orchestra", topics=["music"], starts=now + 9 * DAY
    )
    return token


def remember(served: Served) -> None:
    """A space that has ended, with turns, captions, and a recording for everybody."""
    host = served.create_space(
        "first", title="The first hour", open_stage=True, host="Ada Lovelace"
    )
    names, taken = ("Grace Hopper", "Alan Turing"), set[int]()
    key = coloured(lambda: host, taken)
    ada = speak_by_whip(served, "", space="first", token=key).connected()
    grace, alan = (on_stage(served, name, taken, "first") for name in names)
    for place, (who, seconds) in enumerate([(ada, 3), (grace, 2), (ada, 2), (alan, 3), (grace, 2)]):
        frames = packets(words(4 + 3 * place))
        who.say(frame for frame, _ in zip(frames, range(50 * seconds), strict=False))
        if place == 1:
            said = {"text": "And then the whole street listened.", "name": "Grace Hopper"}
            now = time.time()
            served.post("/api/spaces/first/captions", {**said, "start": now, "end": now + 2}, host)
        who.spoken()
    served.delete("/api/spaces/first", host)
    for one in (ada, grace, alan):
        one.leave()
    listed = json.loads(served.request("GET", "/api/recordings", None, host))["recordings"]
    served.request("PATCH", f"/api/recordings/{listed[0]['recording']}", {"published": True}, host)


def keep(page: Page, name: str) -> None:
    """A picture in 256 colours: a third of the size, and no eye can tell."""
    page.evaluate("document.fonts.ready")
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.png"
        page.screenshot(path=whole, animations="disabled")
        reduce = "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"
        command = ["ffmpeg", "-v", "error", "-y", "-i", whole, "-vf", reduce]
        subprocess.run([*command, "-compression_level", "100", IMAGES / name], check=True)


def take_on_air(page: Page, name: str) -> None:
    """When two are heard."""
    expect(page.locator("#speakers .tile")).to_have_count(4)
    expect(page.locator("#speakers .speaking")).to_have_count(2)
    keep(page, name)


def open_panel(page: Page) -> None:
    page.click("#console-toggle")
    expect(page.locator("#hands .row")).to_have_count(3)
    expect(page.locator("#seats .row")).to_have_count(4)


def wait_in_line(page: Page) -> None:
    """Behind two thirds of the crowd."""
    page.evaluate(f"sessionStorage.setItem('spacescore.place.{SPACE}', '{2**32 * 2 // 3}')")
    page.reload()
    page.click("#listen")
    expect(page.locator("#line-countdown b")).to_have_count(2)


def hear_again(page: Page) -> None:
    """In the middle of what Grace says."""
    expect(page.locator(".lane")).to_have_count(3)
    page.evaluate("document.getElementById('player').currentTime = 4")
    expect(page.locator("#captions")).to_contain_text("street")


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = Served(folder / "data")
        stack.callback(served.end)
        remember(served)
        plan(served)
        taken: set[int] = set()
        host, people = fill(served, taken)
        for person in people:
            stack.callback(person.leave)
        playwright = stack.enter_context(sync_playwright())
        voice = write_wav(folder / "voice.wav", words(18)[: 2 * RATE])
        browser = launch(playwright)
        phone = launch(playwright, f"--use-file-for-fake-audio-capture={voice}")
        stack.callback(browser.close)
        stack.callback(phone.close)
        speaker = Visitor(phone.new_page(**PHONE), served, SPACE)
        grace = coloured(lambda: served.stage_token("Grace Hopper", SPACE), taken)
        speaker.page.route("**/stage", lambda route: route.fulfill(json={"token": grace}))
        speaker.speaks("Grace Hopper")
        take_seats(served, *AT_HOME)
        listener = Visitor(browser.new_page(**DESK), served, SPACE).listens()
        wait_for(lambda: "5 listening" in listener.page.locator("#listeners").inner_text())
        take_on_air(listener.page, "listening.png")
        take_on_air(speaker.page, "speaking.png")
        raise_hands(served, taken, "Emmy Noether", "Alan Turing", "Katherine Johnson")
        look_around(browser, served, host)
        watch_a_crowd(browser, served)


def watch_a_crowd(browser: Browser, served: Served) -> None:
    """The operations page while listeners come, many a second, and stay."""
    command = [sys.executable, "-m", "spacescore"]
    made = subprocess.check_output([*command, "pass", "--data", served.data], text=True)
    crowd = [*command, "load", f"{served.url}/s/{SPACE}", "-n", str(CROWD), "--over", "35"]
    with ExitStack() as stack:
        pages = {}
        for name, how in (("operations", TALL), ("operations-phone", PHONE | NIGHT | GERMAN)):
            page = stack.enter_context(browser.new_context(**how)).new_page()
            page.goto(made.strip())
            page.get_by_role("radio").first.check(force=True)
            pages[name] = page
        load = subprocess.Popen([*crowd, "--duration", "60"], stdout=subprocess.DEVNULL)
        stack.callback(load.wait)
        stack.callback(load.terminate)
        figure = pages["operations"].locator("#figures dd").first
        wait_for(lambda: int(figure.inner_text()) >= CROWD, seconds=90)
        time.sleep(5)  # so that the charts show that they stay
        for name, page in pages.items():
            page.evaluate("scrollTo(0, 0)")
            keep(page, f"{name}.png")


def look_around(browser: Browser, served: Served, host: str) -> None:
    """The other pages, each in a picture of its own."""

    def look(name: str, path: str, ready: Callable[[Page], Any], **how: Any) -> None:
        with browser.new_context(reduced_motion="reduce", **how) as context:
            page = context.new_page()
            page.goto(served.url + path)
            ready(page)
            keep(page, name)

    replay = json.loads(served.get("/api/recordings"))["recordings"][0]["recording"]
    key = f"/s/{SPACE}#token={host}"
    look("host.png", key, open_panel, **DESK)
    look("host-phone.png", key, open_panel, **PHONE, **NIGHT, **GERMAN)
    look("home.png", "/", lambda page: page.locator("#past .card").wait_for(), **DESK, **NIGHT)
    clock = "#countdown b >> nth=2"
    look("countdown.png", "/s/candlelight", lambda page: page.locator(clock).wait_for(), **PHONE)
    look("replay.png", f"/r/{replay}", hear_again, **DESK)
    door = f"/api/spaces/{SPACE}/admission"
    served.put(door, {"mode": "paced", "seconds": 300}, host)
    look("waiting.png", f"/s/{SPACE}", wait_in_line, **DESK)
    look("waiting-phone.png", f"/s/{SPACE}", wait_in_line, **PHONE, **NIGHT)
    served.put(door, {"mode": "open"}, host)


if __name__ == "__main__":
    main()
