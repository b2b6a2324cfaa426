"""Whole ways, from a microphone to an ear: the real server as a process, real peers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from chromium import launch
from served import Served

Launch = Callable[..., Browser]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`spacescore serve --demo` on free ports."""
    served = Served(tmp_path_factory.mktemp("node") / "data", "--demo")
    yield served
    served.end()


@pytest.fixture(scope="module")
def open_chromium() -> Iterator[Launch]:
    """``open_chromium(microphone=WAV)``: a browser process; its microphone plays the file."""
    with sync_playwright() as playwright:
        browsers = []

        def start(microphone: Path | None = None) -> Browser:
            file = [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
            browsers.append(launch(playwright, *file))
            return browsers[-1]

        yield start
        for browser in browsers:
            browser.close()
