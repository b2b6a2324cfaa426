"""The ring of byte strings between two threads, against Python's own queue."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

CAPACITY, LINE = 1_024, 64


def lines(string: bytes) -> int:
    """What a string and its length take."""
    return -(-(4 + len(string)) // LINE) * LINE


strings = st.integers(1, 700).map(lambda size: bytes([size % 251 + 1]) * size)


@given(st.lists(st.one_of(strings, st.none()), max_size=200))
def test_it_does_what_a_queue_does_until_it_is_full(steps):
    ours, model = _core.SpscBytes(CAPACITY), deque()
    for string in steps:
        if string is None:
            assert ours.pop() == (model.popleft() if model else None)
        elif ours.push(string):
            model.append(string)
        else:  # what is left may lie in two pieces, and none of them be enough
            assert sum(map(lines, model)) + 2 * lines(string) > CAPACITY
    assert [ours.pop() for _ in model] == list(model)
    assert ours.pop() is None
    assert len(ours) == 0


def test_short_strings_fill_it_to_the_last_line():
    ours = _core.SpscBytes(CAPACITY)
    assert [ours.push(b"frame") for _ in range(CAPACITY // LINE + 1)] == [True] * 16 + [False]
    assert len(ours) == CAPACITY


def test_whatever_came_before_a_string_of_half_the_ring_fits_when_it_is_empty():
    for before in range(16):
        ours = _core.SpscBytes(CAPACITY)
        for _ in range(before):
            assert ours.push(b"frame")
            assert ours.pop() == b"frame"
        longest = bytes([7]) * (CAPACITY // 2 - 4)
        assert ours.push(longest)
        assert ours.pop() == longest
