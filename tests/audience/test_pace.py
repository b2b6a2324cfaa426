import pytest

from spacescore._native import _core

SLICE_US = 1_000


def test_a_small_audience_is_served_at_once():
    assert _core.Pace(0, 50).due(0) == 50


def test_nothing_is_sent_twice_and_everybody_is_served_within_the_span():
    pace = _core.Pace(1_000_000, 100_000)
    dues = [pace.due(1_000_000 + ms * SLICE_US) for ms in range(20)]
    assert dues == sorted(dues)
    assert dues[14] == dues[-1] == 100_000


@pytest.mark.parametrize("total", [1_000, 10_000, 1_000_000])
def test_no_five_milliseconds_carry_more_than_half_again_their_share(total):
    pace = _core.Pace(0, total)
    due = [0, *(pace.due(ms * SLICE_US) for ms in range(20))]
    share = total / 3  # the span of 15 ms holds three windows of 5 ms
    assert max(due[i + 5] - due[i] for i in range(15)) <= 1.5 * share


def test_the_next_slice_lies_strictly_ahead():
    pace = _core.Pace(500, 10_000)
    assert pace.next(0) == 500
    assert pace.next(500) == 500 + SLICE_US
    assert pace.next(500 + SLICE_US - 1) == 500 + SLICE_US
