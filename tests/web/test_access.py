"""Everybody can use the pages: axe-core's rules for WCAG 2.2 A and AA, by day and by night."""

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from scenes import ORIGIN, SCENES, Scene, play

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
SCREENS = {"desk": (1280, 800), "phone": (390, 844)}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_axe_finds_nothing(browser: Browser, serve: Any, scene: Scene, screen: str) -> None:
    width, height = SCREENS[screen]
    viewport: Any = {"width": width, "height": height}
    with browser.new_context(viewport=viewport, reduced_motion="reduce") as context:
        page = context.new_page()
        page.route(f"{ORIGIN}/**", serve)
        play(page, scene)
        page.evaluate(AXE_SCRIPT)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], scheme


def violations(page: Page) -> list[str]:
    found = page.evaluate("(rules) => axe.run(rules)", RULES)["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_the_longer_words_fit_a_small_phone(browser: Browser, serve: Any, scene: Scene) -> None:
    """German, on 360 pixels: nothing reaches beyond the page, or what lies over it."""
    with browser.new_context(locale="en-US", viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        page.route(f"{ORIGIN}/**", serve)
        play(page, scene)
        page.evaluate("document.getElementById('language').click()")
        expect(page.locator("html")).to_have_attribute("lang", "de")
        beyond = page.evaluate(
            """() => [...document.querySelectorAll("html, dialog[open], .company > *")]
              .filter((one) => one.scrollWidth > one.clientWidth
                || one.getBoundingClientRect().right > innerWidth)
              .map((one) => one.id || "page")"""
        )
    assert beyond == []
