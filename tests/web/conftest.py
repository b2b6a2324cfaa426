"""The pages as a browser sees them: Debian's Chromium, files from the package, no server."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from chromium import launch
from spacescore.pages import SPACE_HEADERS, assets

ORIGIN = "http://localhost"  # a secure context, though no server stands behind it


def serve_file(route: Route) -> None:
    """Plays the service's static part, with its own security policy."""
    path = urlsplit(route.request.url).path
    if path.startswith("/web/"):
        file = assets()[path.removeprefix("/web/")]
        route.fulfill(body=file.body, content_type=file.type)
    elif path == "/blank":
        route.fulfill(body="<p>", content_type="text/html")
    else:
        name = {"/s/": "space.html", "/r/": "replay.html", "/op": "operations.html"}.get(
            path[:3], "index.html"
        )
        route.fulfill(body=assets()[name].body, content_type="text/html", headers=SPACE_HEADERS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def serve() -> Callable[[Route], None]:
    return serve_file


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    page = browser.new_page()
    page.route(f"{ORIGIN}/**", serve_file)
    page.goto(f"{ORIGIN}/blank")
    return page


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """A fresh document. What a test routes, it routes under /api/, and only for itself."""
    faults: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    def on_error(error: Exception) -> None:
        faults.append(str(error))

    tab.on("console", on_console)
    tab.on("pageerror", on_error)
    yield tab
    tab.goto(f"{ORIGIN}/blank")
    tab.evaluate("sessionStorage.clear(); localStorage.clear()")
    tab.unroute("**/api/**")
    tab.remove_listener("console", on_console)
    tab.remove_listener("pageerror", on_error)
    assert faults == []


@pytest.fixture
def run(page: Page) -> Callable[..., Any]:
    """Runs code in the page, with a module's exports as `m` and the arguments as `args`."""

    def run(module: str, body: str, *args: Any) -> Any:
        return page.evaluate(
            f"async (args) => {{ const m = await import('/web/{module}'); {body} }}", list(args)
        )

    return run
