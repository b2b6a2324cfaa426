"""The operations page in Chromium, while a load test comes and goes."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from served import Served
from virtual_peer import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CROWD = 30
HIGHEST = """(place) => {
  const lines = document.querySelectorAll(".plot")[place].querySelectorAll("path.line");
  return Math.max(...[...lines].map((line) => line.getBBox().height));
}"""


def listeners(page: Page) -> int:
    return int(page.locator("#figures dd").first.inner_text())


def test_joins_and_listeners_move_when_a_crowd_comes(
    served: Served, open_chromium: Callable[[], Browser]
) -> None:
    command = [sys.executable, "-m", "spacescore"]
    made = subprocess.run(
        [*command, "pass", "--data", served.data], capture_output=True, text=True, timeout=20
    )
    link = made.stdout.strip()
    page = open_chromium().new_page()
    page.goto(link)
    expect(page.locator(".chart")).to_have_count(8)
    wait_for(lambda: page.locator("path.line").count() > 8)
    assert page.evaluate(HIGHEST, 0) == 0, "nobody has joined yet"
    crowd = [*command, "load", f"{served.url}/s/demo", "-n", str(CROWD), "--over", "3"]
    load = subprocess.Popen(
        [*crowd, "--duration", "4", "--max-loss", "100"], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: listeners(page) == CROWD, seconds=30)
        joined, listening = page.evaluate(HIGHEST, 0), page.evaluate(HIGHEST, 1)
        assert joined > 10
        assert listening > 10
        expect(page.locator("#spaces tr .listeners")).to_have_text(str(CROWD))
        assert load.wait(60) == 0
    finally:
        load.kill()
        load.wait()
    wait_for(lambda: listeners(page) == 0, seconds=30)
    expect(page.locator("#uptime")).to_have_text(re.compile(r"up for \d+:\d\d"))
    token = link.partition("#token=")[2]
    assert token not in page.url
    _, _, log = served.stop()
    assert token not in log
    assert token.rpartition(".")[2] not in log
