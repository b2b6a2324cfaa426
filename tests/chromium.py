"""Debian's Chromium, so that it neither asks nor phones home."""

from shutil import which

import pytest
from playwright.sync_api import Browser, Playwright

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def launch(playwright: Playwright, *more: str) -> Browser:
    """A browser process; without Chromium the test is skipped."""
    executable = which("chromium")
    if executable is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return playwright.chromium.launch(executable_path=executable, args=[*ARGS, *more])
