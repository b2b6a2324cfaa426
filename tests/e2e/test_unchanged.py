"""A room in which nothing happens is not sent again, and a page's clock goes on all the same."""

import pytest

from served import Served
from virtual_peer import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ASK = """async () => {
  const { SpaceApi } = await import("/web/api.js");
  const room = await new SpaceApi(new URL("/", location), "demo").state();
  return room.time;
}"""


def test_a_page_takes_the_time_from_an_answer_without_a_body(served: Served, open_chromium) -> None:
    page = open_chromium().new_page()
    page.goto(f"{served.url}/openapi.json")
    first = page.evaluate(ASK)
    assert first == pytest.approx(served.state()["time"], abs=2)
    wait_for(lambda: page.evaluate(ASK) > first)
    assert b'status="304"' in served.get("/metrics")
