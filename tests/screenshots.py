"""Takes the pictures of docs/images: `make screenshots`.

The real service, a room with people in it, and two browsers: a listener's at a desk, and a
speaker's on a phone.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

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
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def words(start: float) -> np.ndarray:
    """Somebody talking without a pause, or a tone."""
    samples = speech(3, start=start)
    return sine(300, 3, dbfs=-12) if samples is None else samples


def packets(samples: np.ndarray) -> Iterator[tuple[bytes, int]]:
    encoder = _core.OpusEncoder(dtx=False)
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    for frame in cycle(frames.astype(np.float32)):
        yield encoder.encode(frame), FRAME


def fill(served: Served) -> list[VirtualPeer]:
    """A host who talks, two more on stage who do not, and an audience."""
    host_token = served.create_space(
        SPACE, title="The long evening of radio", open_stage=True, host="Ada Lovelace"
    )
    host = speak_by_whip(served, "", space=SPACE, token=host_token)
    host.connected().say(packets(words(4)))
    others = ["Hedy Lamarr", "Nikola Tesla"]
    people = [host, *(speak_by_whip(served, name, space=SPACE).connected() for name in others)]
    quiet = next(p["peer"] for p in served.state(SPACE)["speakers"] if p["name"] == others[-1])
    served.post(f"/api/spaces/{SPACE}/speakers/{quiet}/mute", {"muted": True}, host_token)
    ticket = served.ticket(SPACE)
    return people + [listen_by_ticket(ticket).connected() for _ in range(AUDIENCE)]


def take(page: Page, name: str) -> None:
    """A picture when two are heard, in 256 colours: a third of the size, and no eye can tell."""
    expect(page.locator("#speakers .tile")).to_have_count(4)
    expect(page.locator("#speakers .speaking")).to_have_count(2)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.png"
        page.screenshot(path=whole)
        reduce = "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"
        command = ["ffmpeg", "-v", "error", "-y", "-i", whole, "-vf", reduce]
        subprocess.run([*command, "-compression_level", "100", IMAGES / name], check=True)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = Served(folder / "data")
        stack.callback(served.end)
        for person in fill(served):
            stack.callback(person.leave)
        playwright = stack.enter_context(sync_playwright())
        voice = write_wav(folder / "voice.wav", words(18)[: 2 * RATE])
        desk = launch(playwright)
        phone = launch(playwright, f"--use-file-for-fake-audio-capture={voice}")
        stack.callback(desk.close)
        stack.callback(phone.close)
        speaker = Visitor(phone.new_page(viewport=PHONE, device_scale_factor=2), served, SPACE)
        speaker.speaks("Grace Hopper")
        listener = Visitor(desk.new_page(viewport=DESK), served, SPACE).listens()
        wait_for(lambda: "5 listening" in listener.page.locator("#listeners").inner_text())
        take(listener.page, "listening.png")
        take(speaker.page, "speaking.png")


if __name__ == "__main__":
    main()
