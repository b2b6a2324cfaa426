"""The operations page: its charts, its verdict, its keyboard, and who may see it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from scenes import ORIGIN, SCENES, play, pulse

Run = Callable[..., Any]
PAGE = next(scene for scene in SCENES if scene.name == "operations")


@pytest.mark.parametrize(
    ("most", "least", "steps"),
    [
        (0, 10, [0, 5, 10]),
        (7, 10, [0, 5, 10]),
        (11, 10, [0, 5, 10, 15]),
        (900, 10, [0, 500, 1000]),
        (0.07, 0.05, [0, 0.05, 0.1]),
        (31_000, 10, [0, 20_000, 40_000]),
    ],
)
def test_a_scale_is_of_round_numbers_and_shows_the_highest(run: Run, most, least, steps):
    found = run("chart.js", "return m.scale(...args)", most, least)
    assert found["steps"] == pytest.approx(steps)
    assert found["top"] == pytest.approx(steps[-1])


def test_areas_stand_upon_each_other_and_lines_on_the_ground(run: Run):
    series = [{"values": [1, 2]}, {"values": [3, 4]}]
    assert run("chart.js", "return m.layers(...args)", series, True) == [
        [[0, 1], [0, 2]],
        [[1, 4], [2, 6]],
    ]
    assert run("chart.js", "return m.layers(...args)", series, False)[1] == [[0, 3], [0, 4]]


def test_no_line_leads_over_a_gap(run: Run):
    assert run("chart.js", "return m.stretches(args[0])", [1, 2, 3, 60, 61, 99]) == [
        [0, 2],
        [3, 4],
        [5, 5],
    ]
    assert run("chart.js", "return m.stretches([])") == []


def test_the_row_nearest_to_a_time_is_found(run: Run):
    for time, row in ((0, 0), (10.4, 0), (10.6, 1), (99, 2)):
        assert run("chart.js", "return m.nearest([10, 11, 12], args[0])", time) == row


TAKE = "const h = new m.History(); for (const one of args) h.take(one);"


def reply(number: int, rows: int, began: int = 1) -> dict[str, Any]:
    taken = [[float(number - rows + 1 + place)] for place in range(rows)]
    return {"began": began, "number": number, "kept": 5, "columns": ["at"], "rows": taken}


@pytest.mark.parametrize(
    ("replies", "times"),
    [
        ([reply(2, 2), reply(4, 2)], [1, 2, 3, 4]),
        ([reply(2, 2), reply(2, 0)], [1, 2]),
        ([reply(4, 4), reply(7, 3)], [3, 4, 5, 6, 7]),
        ([reply(4, 4), reply(2, 2, began=9)], [1, 2]),
        ([reply(2, 2), reply(9, 3)], [7, 8, 9]),
    ],
    ids=["goes on", "nothing new", "forgets", "another node", "was away for long"],
)
def test_what_comes_is_added_to_what_is_known(run: Run, replies, times):
    assert run("pulse.js", f"{TAKE} return h.rows.map((row) => row.at)", *replies) == times


@pytest.mark.parametrize(
    ("last", "draining", "level", "key"),
    [
        ({}, False, "good", "good"),
        ({"spaces": 0}, False, "good", "idle"),
        ({"relief": 1}, False, "good", "good"),
        ({"relief": 2}, True, "bad", "relief"),
        ({"late_share": 1.0}, False, "bad", "late"),
        ({"lost_here": 1}, False, "bad", "lost"),
        ({"no_room": 3}, False, "busy", "full"),
        ({"failed": 300}, False, "busy", "failed"),
        ({"failed": 3}, False, "good", "good"),
        ({}, True, "busy", "draining"),
    ],
)
def test_the_worst_is_said_first(run: Run, last, draining, level, key):
    body = f"{TAKE} return m.verdict(h, {str(draining).lower()})"
    assert run("pulse.js", body, pulse(**last)) == {"level": level, "key": key}


def test_the_page_shows_numbers_charts_spaces_findings_and_reasons(page: Page) -> None:
    play(page, PAGE)
    expect(page.locator("#verdict")).to_have_text("All is well")
    expect(page.locator("#figures dd").first).to_have_text("1,200")
    expect(page.locator(".chart")).to_have_count(8)
    assert page.locator(".plot path.line").count() >= 14
    row = page.locator("#spaces tr")
    expect(row).to_contain_text("The long evening of radio")
    expect(row.locator(".door")).to_contain_text("By turns · 43%")
    expect(page.locator("#findings code")).to_contain_text("sysctl")
    expect(page.locator("#drops dd").first).to_have_text("12,345")


def test_the_token_is_out_of_the_address_and_in_a_header_only(page: Page) -> None:
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request))
    play(page, PAGE)
    assert page.url == f"{ORIGIN}/operations"
    own = [one for one in asked if "/api/" in one.url]
    assert own
    assert all(one.headers["authorization"].startswith("Bearer e30.") for one in own)
    assert not any("e30." in one.url.partition("#")[0] for one in asked)


def test_the_keyboard_looks_at_any_second(page: Page) -> None:
    play(page, PAGE)
    chart = page.get_by_role("slider", name="Listeners by packet length")
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuetext", at_a_time("20 ms 0"))
    page.keyboard.press("End")
    expect(chart).to_have_attribute("aria-valuetext", at_a_time("20 ms 900"))
    expect(page.locator("#when")).not_to_have_text("Now")
    expect(page.locator("line.cursor")).to_have_count(8)
    page.keyboard.press("Escape")
    expect(page.locator("#when")).to_have_text("Now")
    page.get_by_role("radio", name="1 min", exact=True).check(force=True)
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuetext", at_a_time("20 ms 720"))


def at_a_time(text: str) -> Any:
    return re.compile(rf"\d\d:\d\d:\d\d: {re.escape(text)},")


def test_a_pointer_shows_the_same_second_in_every_chart(page: Page) -> None:
    play(page, PAGE)
    page.locator(".plot").nth(1).hover(position={"x": 300, "y": 50})
    expect(page.locator("line.cursor")).to_have_count(8)
    page.mouse.move(0, 0)
    expect(page.locator("line.cursor")).to_have_count(0)


def test_who_is_refused_is_asked_again_and_nothing_is_kept(page: Page) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=401, json={"code": "unauthenticated", "detail": "No."})

    page.route("**/api/**", refuse)
    page.goto(f"{ORIGIN}/operations#token=wrong")
    expect(page.locator("#enter-word")).to_have_text(
        "That is no key or pass of this node, or it has expired."
    )
    expect(page.locator("#key")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0
    page.unroute("**/api/**")
    page.route("**/api/**", lambda route: route.fulfill(json=pulse() | {"findings": []}))
    page.fill("#key", f"{ORIGIN}/operations#token=right")
    with page.expect_request("**/api/operations?since=0") as asked:
        page.keyboard.press("Enter")
    assert asked.value.headers["authorization"] == "Bearer right"
    expect(page.locator("#node")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#enter")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_node_that_cannot_be_reached_is_told_and_what_was_seen_stays(page: Page) -> None:
    play(page, PAGE)
    page.unroute("**/api/**")
    page.route("**/api/**", lambda route: route.abort())
    expect(page.locator("#verdict")).to_have_text("No line to the node")
    expect(page.locator(".chart")).to_have_count(8)


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_small_phone_needs_no_scrolling_sideways(page: Page, language: str) -> None:
    page.goto(f"{ORIGIN}/blank")
    page.evaluate("(to) => localStorage.setItem('spacescore.language', to)", language)
    before = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 640})
    play(page, PAGE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size(before or {"width": 1280, "height": 720})
