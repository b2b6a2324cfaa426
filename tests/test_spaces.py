"""The registry of spaces: rules, limits, and what is forgotten when."""

import itertools
from dataclasses import replace

import pytest

from spacescore.errors import (
    ForbiddenError,
    InvalidRequestError,
    OverloadedError,
    SpaceTakenError,
    UnknownPeerError,
    UnknownSpaceError,
)
from spacescore.policy import Grant, Role
from spacescore.spaces import (
    MAX_PEOPLE,
    MAX_SPACES,
    SKEW_SECONDS,
    Registry,
    check_slug,
    clean_text,
    space_id,
)

NOW = 1_000.0


@pytest.fixture
def registry() -> Registry:
    registry = Registry(itertools.count(1).__next__)
    registry.create("demo", now=NOW)
    return registry


@pytest.mark.parametrize("slug", ["a", "demo", "a-b", "2026-launch", "a" * 48])
def test_a_slug_is_short_and_plain(slug):
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "-a", "a-", "A", "a b", "a_b", "é", "a/b", "..", "a\n", "a" * 49, "%61"]
)
def test_anything_else_names_no_space(slug):
    with pytest.raises(InvalidRequestError):
        check_slug(slug)


def test_the_id_of_a_space_never_changes():
    assert space_id("demo") == 0x2A97516C354B6884
    assert all(space_id(f"s{n}") & 0xFFFFFFFF for n in range(1000))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("A\x00da\u202e", "A da"),
        ("e\u0301", "é"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\ud800x", "x"),
        ("<b>", "<b>"),
    ],
)
def test_names_become_one_clean_line(text, clean):
    assert clean_text(text, 64) == clean


def test_a_name_that_is_too_long_is_refused():
    assert clean_text("x" * 64, 64)
    for text in ("x" * 65, "x" + " " * 5000):
        with pytest.raises(InvalidRequestError, match="64"):
            clean_text(text, 64)


def test_a_space_has_one_name_until_it_is_closed(registry):
    with pytest.raises(SpaceTakenError):
        registry.create("demo", now=NOW)
    closed = registry.close("demo")
    assert registry.by_id(closed.id) is None
    with pytest.raises(UnknownSpaceError):
        registry.get("demo")
    assert registry.create("demo", now=NOW).id == closed.id


def test_a_space_without_title_is_called_by_its_name(registry):
    assert registry.get("demo").title == "demo"
    assert registry.create("x", now=NOW, title=" The\nLaunch ").title == "The Launch"


def test_the_number_of_spaces_is_bounded(registry):
    for number in range(MAX_SPACES - 1):
        registry.create(f"s{number}", now=NOW)
    with pytest.raises(OverloadedError):
        registry.create("one-more", now=NOW)


def test_everybody_invited_gets_a_number_of_their_own(registry):
    grants = [registry.invite("demo", Role.SPEAKER, "Ada", now=NOW, ttl=60) for _ in range(50)]
    assert len({grant.peer for grant in grants}) == 50
    assert grants[0] == Grant("demo", Role.SPEAKER, grants[0].peer, "Ada", 1060)
    assert registry.person("demo", grants[0].peer).name == "Ada"


def test_zero_and_taken_numbers_are_drawn_again():
    registry = Registry(iter([0, 5, 5, 0, 6]).__next__)
    registry.create("demo", now=NOW)
    peers = [registry.invite("demo", Role.SPEAKER, "", now=NOW, ttl=60).peer for _ in range(2)]
    assert peers == [5, 6]


def test_a_token_from_before_a_restart_lets_its_holder_in(registry):
    grant = Grant("demo", Role.HOST, 4_000_000_000, "Grace", 2_000)
    registry.admit(grant, now=NOW)
    assert registry.person("demo", grant.peer).role is Role.HOST


def test_who_was_removed_does_not_come_back(registry):
    grant = registry.invite("demo", Role.SPEAKER, "Mallory", now=NOW, ttl=60)
    registry.remove("demo", grant.peer, now=NOW)
    with pytest.raises(ForbiddenError):
        registry.admit(grant, now=NOW + 1)
    with pytest.raises(UnknownPeerError):
        registry.remove("demo", grant.peer, now=NOW)


def test_who_was_removed_comes_back_by_what_was_issued_since_or_when_forgiven(registry):
    grant = registry.invite("demo", Role.SPEAKER, "Mallory", now=NOW, ttl=3600)
    registry.remove("demo", grant.peer, now=NOW)
    registry.admit(replace(grant, issued=NOW + SKEW_SECONDS), now=NOW + SKEW_SECONDS)
    registry.remove("demo", grant.peer, now=NOW + 100)
    registry.forgive("demo", "somebody else")
    with pytest.raises(ForbiddenError):
        registry.admit(replace(grant, issued=NOW + SKEW_SECONDS), now=NOW + 101)
    registry.forgive("demo", f"#{grant.peer}")
    registry.admit(grant, now=NOW + 102)


def fill(registry: Registry, count: int = MAX_PEOPLE) -> list[Grant]:
    return [registry.invite("demo", Role.SPEAKER, "", now=NOW, ttl=3600) for _ in range(count)]


def test_the_number_of_people_inside_is_bounded(registry):
    for grant in fill(registry):
        registry.note_presence(space_id("demo"), grant.peer, online=True)
    with pytest.raises(OverloadedError):
        registry.invite("demo", Role.SPEAKER, "", now=NOW, ttl=60)


def test_invitations_by_the_thousand_keep_nobody_out(registry):
    inside, waiting, *_, latest = fill(registry)
    registry.note_presence(space_id("demo"), inside.peer, online=True)
    late = registry.invite("demo", Role.SPEAKER, "late", now=NOW, ttl=60)
    people = registry.get("demo").people
    assert {inside.peer, latest.peer, late.peer} <= set(people)
    assert waiting.peer not in people
    registry.admit(waiting, now=NOW)
    assert waiting.peer in people


def test_who_leaves_is_no_longer_inside(registry):
    grant = registry.invite("demo", Role.SPEAKER, "", now=NOW, ttl=60)
    registry.note_presence(space_id("demo"), grant.peer, online=True)
    registry.note_presence(space_id("demo"), grant.peer, online=False)
    assert not registry.get("demo").online


def test_a_removal_lasts_as_long_as_the_token_could(registry):
    grant = registry.invite("demo", Role.SPEAKER, "", now=NOW, ttl=60)
    registry.remove("demo", grant.peer, now=NOW)
    fill(registry, MAX_PEOPLE)
    with pytest.raises(ForbiddenError):
        registry.admit(grant, now=NOW + 60)
    fill(registry, MAX_PEOPLE // 2)
    assert [one.over for one in registry.get("demo").removed.values()] == [1120]


def test_presence_in_unknown_spaces_or_of_unknown_people_is_ignored(registry):
    registry.note_presence(1, 1, online=True)
    registry.note_presence(space_id("demo"), 99, online=True)
    assert not registry.get("demo").online
