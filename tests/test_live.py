"""Captions in their time, and applause that nobody can fake for a crowd."""

import pytest

from spacescore.errors import InvalidRequestError, OverloadedError
from spacescore.limits import MAX_KNOWN
from spacescore.live import CHEERS, KEPT_CAPTIONS, SPACE_BURST, Live

NOW = 1_000_000.0


def caption(live, text="Good evening", start=None, end=None, now=NOW):
    return live.caption(text, now=now, start=start, end=end)


def test_captions_are_numbered_and_the_last_few_are_kept():
    live = Live()
    for number in range(1, 21):
        assert caption(live, f"line {number}").number == number
    assert [one.number for one in live.captions] == list(range(21 - KEPT_CAPTIONS, 21))


def test_a_caption_is_said_now_unless_it_says_when():
    live = Live()
    assert (caption(live).start, caption(live).end) == (NOW, NOW)
    said = caption(live, start=NOW - 9, end=NOW - 7)
    assert (said.start, said.end) == (NOW - 9, NOW - 7)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": " \n\t"},
        {"text": "x" * 401},
        {"start": NOW, "end": NOW - 1},
        {"start": NOW - 31, "end": NOW},
        {"end": NOW - 121},
        {"end": NOW + 6},
        {"start": float("nan")},
        {"end": float("inf")},
    ],
)
def test_a_caption_without_text_or_from_another_time_is_refused(fields):
    live = Live()
    with pytest.raises(InvalidRequestError):
        caption(live, **fields)
    assert not live.captions


def test_a_caption_is_one_line_without_controls():
    assert caption(Live(), "a\n\x1b[31mb").text == "a [31mb"


def test_reactions_are_counted_and_others_refused():
    live = Live()
    live.react("👏", "a", now=NOW)
    live.react("👏", "b", now=NOW)
    assert live.reactions == {"👏": 2}
    with pytest.raises(InvalidRequestError):
        live.react("💩", "a", now=NOW)


def test_one_address_cheers_at_its_own_pace():
    live = Live()
    for _ in range(int(CHEERS.burst)):
        live.react("👏", "a", now=NOW)
    with pytest.raises(OverloadedError):
        live.react("👏", "a", now=NOW)
    live.react("👏", "b", now=NOW)
    live.react("👏", "a", now=NOW + 1)


def test_a_crowd_cheers_at_the_spaces_pace_and_is_not_remembered_for_ever():
    live, counted = Live(), 0
    for number in range(MAX_KNOWN + 100):
        try:
            live.react("🎉", str(number), now=NOW)
            counted += 1
        except OverloadedError:
            pass
    assert counted == SPACE_BURST
    assert len(live._paces) == MAX_KNOWN
