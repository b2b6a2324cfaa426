"""German and English: both say everything, nothing is said past them, and the choice is kept."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import spacescore
from scenes import ORIGIN, SCENES, Scene, play

WEB = Path(spacescore.__file__).parent / "web"
BY_INTL = re.compile(r"\b(Jan(uary)?|Saturday|at|AM|PM|days?|hours?|minutes?|seconds?|ms|MB)\b")
BOOKS = ["console.", "index.", "operations.", "plan.", "replay."]  # beside what all pages say
HOLES = re.compile(r"\{(\w+)\}")


@pytest.fixture(scope="module")
def words(tab: Page) -> dict[str, dict[str, Any]]:
    load = """async ([name, args]) => Object.assign({}, ...await Promise.all(["", ...args].map(
      async (page) => (await import(`/web/${page}${name}.js`)).default)))"""
    return {name: tab.evaluate(load, [name, BOOKS]) for name in ("en", "de")}


def test_both_languages_say_the_same_things_with_the_same_values(words: Any) -> None:
    assert list(words["en"]) == list(words["de"])
    for key, english in words["en"].items():
        german = words["de"][key]
        assert german
        assert english
        assert set(HOLES.findall(json.dumps(english))) == set(HOLES.findall(json.dumps(german))), (
            key
        )


def test_every_text_that_is_asked_for_is_there_and_none_is_left_over(words: Any) -> None:
    known, asked, families = set(words["en"]), set(), set()
    for file in [*WEB.glob("*.js"), *WEB.glob("*.html")]:
        if file.stem.rpartition(".")[2] in words:
            continue
        text = file.read_text()
        asked |= set(re.findall(r'data-t(?:-\w+)?="([^"]+)"', text))
        asked |= {key for key in re.findall(r'"([\w.-]+)"', text) if key in known}
        asked |= set(re.findall(r'\bt\("([^"$]+)"', text))
        families |= set(re.findall(r"`((?:[a-z]+\.)+)\$\{", text))
    assert asked <= known
    assert {key for key in known - asked if not key.startswith(tuple(families))} == set()


def in_brackets(route: Route) -> None:
    """A language nobody speaks: whatever is not in brackets went past the dictionary."""
    name = route.request.url.rpartition("/")[2]
    source = (WEB / name).read_text().replace("export default", "const words =")
    body = (
        source
        + """
    const wrap = (text) => typeof text === "string" ? `⟦${text}⟧`
      : Object.fromEntries(Object.entries(text).map(([form, one]) => [form, wrap(one)]));
    export default Object.fromEntries(Object.entries(words).map(([key, one]) => [key, wrap(one)]));
    """
    )
    route.fulfill(body=body, content_type="text/javascript")


def unbracketed(text: str) -> str:
    """What is in no brackets; a text may stand in another."""
    while (rest := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = rest
    return text


SHOWN = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, data } = walker.currentNode;
    if (parent.checkVisibility() && !parent.closest("script")) texts.push(data);
  }
  for (const one of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]")) {
    if (!one.checkVisibility()) continue;
    for (const { name, value } of one.attributes) {
      if (["aria-label", "placeholder", "title", "alt"].includes(name)) texts.push(value);
    }
  }
  return texts.map((text) => text.trim()).filter((text) => /\\p{L}{2}/u.test(text));
}"""


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_no_text_goes_past_the_dictionary(browser: Browser, serve: Any, scene: Scene) -> None:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.route(f"{ORIGIN}/**", serve)
        page.route(re.compile(r"/web/(\w+\.)?en\.js$"), in_brackets)
        play(page, scene, press=lambda text: f"⟦{text}⟧")
        said = {unbracketed(text).strip(" ·:,") for text in page.evaluate(SHOWN)}
    rest = [BY_INTL.sub("", text) for text in said - scene.data]
    assert [text for text in rest if re.search(r"[^\W\d_]{2}", text)] == []


@pytest.mark.parametrize(
    ("locale", "language", "listens"),
    [
        ("de-DE", "de", "1.284 hören zu"),
        ("en-GB", "en", "1,284 listening"),
        ("fr-FR", "en", "1,284"),
    ],
)
def test_the_page_speaks_as_the_browser_asks(
    browser: Browser, serve: Any, locale: str, language: str, listens: str
) -> None:
    with browser.new_context(locale=locale) as context:
        page = context.new_page()
        page.route(f"{ORIGIN}/**", serve)
        play(page, SCENES[0])
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("#listeners")).to_contain_text(listens)


def test_a_language_that_is_chosen_is_kept(page: Page, run: Callable[..., Any]) -> None:
    play(page, SCENES[0])
    expect(page.locator("#listen")).to_have_text("Listen")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("#listen")).to_have_text("Zuhören")
    expect(page.locator("#listeners")).to_have_text("1.284 hören zu")
    page.reload()
    expect(page.locator("#listen")).to_have_text("Zuhören")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#status")).to_have_text("Not joined")
