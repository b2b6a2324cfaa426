"""The modules as a browser sees them: Debian's Chromium, files served from the package."""

from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

WEB = Path(__file__).parents[2] / "python" / "spacescore" / "web"
ORIGIN = "http://localhost"  # a secure context, though no server stands behind it
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
CHROMIUM_ARGS = [
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


def serve_module(route: Route) -> None:
    file = WEB / route.request.url.removeprefix(f"{ORIGIN}/web/")
    route.fulfill(body=file.read_bytes(), content_type=MEDIA_TYPES[file.suffix])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = which("chromium")
    if executable is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    page = browser.new_page()
    page.route(f"{ORIGIN}/**", lambda route: route.fulfill(content_type="text/html", body="<p>"))
    page.route(f"{ORIGIN}/web/**", serve_module)
    return page


@pytest.fixture
def page(tab: Page) -> Page:
    """A fresh document. What a test routes, it routes under /api/, and only for itself."""
    tab.unroute("**/api/**")
    tab.goto(ORIGIN)
    return tab
