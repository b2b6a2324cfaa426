"""Until when tokens are good, and whose are renewed."""

from dataclasses import replace

import pytest

from paper_stage import EVE, HOST, NOW, Stage
from spacescore.rooms.commands import Edit, RaiseHand
from spacescore.rooms.lifetime import EVENING_SECONDS, MAX_TTL_SECONDS, begin, expiry, renewed

DAY = 86_400


@pytest.mark.parametrize("days", [0, 1, 40, 360])
def test_a_token_for_an_evening_to_come_counts_from_its_start(days):
    room = Stage(starts=int(NOW) + days * DAY).room
    assert begin(room, NOW) == NOW + days * DAY
    assert expiry(room, NOW) == begin(room, NOW) + MAX_TTL_SECONDS
    assert expiry(room, NOW + 400 * DAY) == NOW + 400 * DAY + MAX_TTL_SECONDS


def test_in_an_open_space_time_counts_from_now():
    room = Stage(starts=int(NOW) + DAY).open().room
    assert begin(room, NOW) == NOW
    assert expiry(room, NOW) == NOW + EVENING_SECONDS


def test_whoever_the_room_knows_is_renewed_when_half_is_over():
    stage = Stage().open()
    eve = replace(EVE, expires=expiry(stage.room, stage.now))
    later = stage.now + EVENING_SECONDS / 2
    assert renewed(stage.room, eve, later) is None  # nobody knows them
    stage.do(eve, RaiseHand())
    assert renewed(stage.room, eve, later - 1) is None
    longer = renewed(stage.room, eve, later)
    assert longer == replace(eve, expires=int(later) + EVENING_SECONDS)
    assert longer.issued == later


def test_a_time_that_is_moved_is_a_reason_to_renew():
    stage = Stage(starts=int(NOW) + DAY)
    host = replace(HOST, expires=expiry(stage.room, NOW))
    assert renewed(stage.room, host, NOW) is None
    stage.do(host, Edit({"starts": int(NOW) + 40 * DAY}))
    longer = renewed(stage.room, host, NOW)
    assert longer
    assert longer.expires == NOW + 40 * DAY + MAX_TTL_SECONDS


def test_no_token_is_renewed_to_end_sooner():
    stage = Stage().open()
    assert renewed(stage.room, replace(HOST, expires=int(NOW) + 300 * DAY), NOW) is None
