"""The replay window of RFC 3711 section 3.3.2, alone."""

import random

from spacescore._native import _core


def test_the_window_agrees_with_a_set_of_what_was_seen() -> None:
    source = random.Random(332)
    window, seen, newest = _core.ReplayWindow(), set[int](), -1
    for _ in range(20_000):
        index = max(
            0, newest + source.choice([1, 1, 1, 2, 5, 130, 1000, -1, -64, -127, -128, -300])
        )
        assert window.accepts(index) == (index not in seen and newest - index < 128)
        if window.accepts(index):
            window.mark(index)
            seen.add(index)
            newest = max(newest, index)


def test_marking_what_is_older_than_the_window_changes_nothing() -> None:
    window = _core.ReplayWindow()
    window.mark(1000)
    window.mark(1000 - 128)
    assert not window.accepts(1000)
    assert window.accepts(1000 - 127)
    window.mark_through(2000)
    assert not window.accepts(1999)
    assert window.accepts(2001)
