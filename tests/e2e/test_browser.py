"""One room, four browsers: two speak, two listen, and what they hear is what was said.

The evening happens once, in a fixture; each test looks at one side of what was seen of it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from forger import forging
from served import Served
from sound import RATE, SPEECH, below, decoded, level, likeness, loudest, sine, speech, write_wav
from virtual_peer import wait_for
from visitor import WINDOW, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SENT_DBFS = -12
ADA_HZ, BO_HZ = 1_000, 1_700
WORDS_START, WORDS_SECONDS = 4, 3  # a stretch without a pause
ARTIFACTS = Path(__file__).parents[2] / "artifacts"
SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}


@dataclass
class Evening:
    """What was seen and heard."""

    heard: dict[str, np.ndarray] = field(default_factory=dict)
    inbound: dict[str, dict[str, Any]] = field(default_factory=dict)
    transport: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)  # by the first speaker
    shown: dict[str, Any] = field(default_factory=dict)
    spoken_seconds: float = 0
    recording: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def note(self, who: str, visitor: Visitor, *frequencies: float) -> None:
        self.heard[who] = visitor.hears(*frequencies)
        self.inbound[who] = visitor.stats("inbound-rtp")
        self.transport[who] = visitor.stats("transport")

    def read(self, page: Page) -> None:
        """What the page shows, once it has said who speaks: it waits 5 s between two words."""
        expect(page.locator("#announcer")).to_contain_text(" and ", timeout=20_000)
        expect(page.locator("#speakers .speaking")).to_have_count(2)
        expect(page.locator("#listeners")).to_have_text("2 listening")
        self.shown = {
            "names": page.locator("#speakers .name").all_inner_texts(),
            "speaking": page.locator("#speakers .speaking .name").all_inner_texts(),
            "listeners": page.locator("#listeners").inner_text(),
            "status": page.locator("#status").inner_text(),
            "announced": page.locator("#announcer").inner_text(),
        }


def microphones(folder: Path) -> tuple[Path, Path]:
    """Ada's has a tone, then words, and again; Bo's another tone."""
    words = speech(WORDS_SECONDS, start=WORDS_START)
    tone = sine(ADA_HZ, 6, dbfs=SENT_DBFS)
    ada = tone if words is None else np.concatenate([tone, words])
    bo = sine(BO_HZ, 6, dbfs=SENT_DBFS)
    return write_wav(folder / "ada.wav", ada), write_wav(folder / "bo.wav", bo)


@pytest.fixture(scope="module")
def evening(served: Served, open_chromium, tmp_path_factory) -> Evening:
    seen = Evening()
    for_ada, for_bo = microphones(tmp_path_factory.mktemp("microphones"))
    stage, wing = open_chromium(for_ada), open_chromium(for_bo)
    hall, street = open_chromium(), open_chromium()

    ada = Visitor(stage.new_page(), served).speaks("Ada Lovelace")
    guest = Visitor(hall.new_page(), served).listens()
    with forging(served):
        player = Visitor(street.new_page(), served).listens_by_whep()  # brings a cookie back
    seen.note("a listener by ticket", guest, ADA_HZ)
    seen.note("a listener by WHEP", player, ADA_HZ)

    bo = Visitor(wing.new_page(), served).speaks("Grace Hopper")
    seen.note("the second speaker", bo, ADA_HZ)
    seen.note("the first speaker", ada, BO_HZ)
    seen.note("a listener to both", guest, ADA_HZ, BO_HZ)
    seen.read(guest.page)
    take_pictures({"listening": guest.page, "speaking": ada.page})

    seen.sent = ada.stats("outbound-rtp")
    bo.leaves()
    guest.page.close()
    player.page.close()
    wait_for(lambda: served.state()["listeners"] == 0, seconds=15)
    seen.spoken_seconds = ada.leaves_counted()
    wait_for(lambda: not served.state()["live"])
    served.stop()
    seen.recording = decoded(served.recording)
    return seen


def take_pictures(pages: dict[str, Page]) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    for what, page in pages.items():
        for screen, (width, height) in SCREENS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=ARTIFACTS / f"{what}-{screen}.png")


LISTENERS = ["a listener by ticket", "a listener by WHEP"]


@pytest.mark.parametrize("who", LISTENERS)
def test_a_listener_hears_the_tone_as_it_was_sent(evening: Evening, who: str):
    heard = evening.heard[who]
    assert loudest(heard) == pytest.approx(ADA_HZ, abs=RATE / WINDOW)
    assert level(heard, ADA_HZ) == pytest.approx(SENT_DBFS, abs=3)


@pytest.mark.parametrize("who", [*LISTENERS, "the first speaker", "the second speaker"])
def test_packets_come_whole_and_sealed_with_gcm(evening: Evening, who: str):
    assert evening.inbound[who]["packetsReceived"] > 10
    assert evening.inbound[who]["packetsLost"] == 0
    # The IANA name, or the same without its first word: browsers of different ages say either.
    assert evening.transport[who]["srtpCipher"].endswith("AEAD_AES_128_GCM")
    assert evening.transport[who]["dtlsState"] == "connected"


@pytest.mark.parametrize(
    ("who", "own", "other"),
    [("the first speaker", ADA_HZ, BO_HZ), ("the second speaker", BO_HZ, ADA_HZ)],
)
def test_a_speaker_hears_the_other_and_not_themselves(evening: Evening, who, own, other):
    heard = evening.heard[who]
    assert loudest(heard) == pytest.approx(other, abs=RATE / WINDOW)
    assert level(heard, other) == pytest.approx(SENT_DBFS, abs=3)
    assert level(heard, own) < level(heard, other) - 30


def test_a_speaker_sends_redundancy(evening: Evening):
    """Of which Chromium's statistics say nothing but that it sends each frame twice."""
    frame = evening.sent["targetBitrate"] / 8 / 50
    assert evening.sent["bytesSent"] / evening.sent["packetsSent"] > 1.7 * frame


def test_listeners_hear_both_speakers_at_once(evening: Evening):
    heard = evening.heard["a listener to both"]
    for frequency in (ADA_HZ, BO_HZ):
        assert level(heard, frequency) == pytest.approx(SENT_DBFS, abs=3)


def test_the_page_of_a_listener_says_who_speaks_and_how_many_listen(evening: Evening):
    assert evening.shown["names"] == ["Ada Lovelace", "Grace Hopper"]
    assert evening.shown["speaking"] == ["Ada Lovelace", "Grace Hopper"]
    assert evening.shown["listeners"] == "2 listening"
    assert evening.shown["status"] == "Listening"
    assert evening.shown["announced"] == "Ada Lovelace and Grace Hopper are speaking"


def test_the_recording_has_the_tones(evening: Evening):
    seconds = evening.recording[: evening.recording.size // RATE * RATE].reshape(-1, RATE)
    for frequency in (ADA_HZ, BO_HZ):
        loudest_second = max(seconds, key=lambda second: level(second, frequency))
        assert level(loudest_second, frequency) == pytest.approx(SENT_DBFS, abs=3)


def test_the_recording_has_the_words(evening: Evening):
    words = speech(WORDS_SECONDS, start=WORDS_START)
    if words is None:
        pytest.skip(f"{SPEECH} is not here")
    # By seconds: where the machine was busy, a frame left out shifts what comes after it.
    recording = below(evening.recording, 900)
    seconds = np.array_split(below(words, 900), WORDS_SECONDS)
    assert np.median([likeness(second, recording) for second in seconds]) > 0.7


def test_the_recording_is_as_long_as_the_evening(evening: Evening):
    assert evening.recording.size / RATE == pytest.approx(evening.spoken_seconds, abs=0.1)
