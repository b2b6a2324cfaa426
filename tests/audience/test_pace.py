import random

import pytest

from spacescore._native import _core

TICK_US, SPAN_US = 20_000, 18_000
SHARE_US = 5_000


def sent(packets, *, ticks, wake_us):
    """(time, count) of what leaves when the sender wakes up as `wake_us()` says."""
    pace, now, waiting, log = _core.Pace(), 0, 0, []
    for tick in range(ticks):
        now = max(now, tick * TICK_US)
        pace.add(now, packets, waiting + packets, waiting == 0)
        waiting += packets
        while waiting and now < (tick + 1) * TICK_US:
            count = min(waiting, pace.due(now))
            pace.spend(count)
            waiting -= count
            log.append((now, count))
            now = max(pace.next(), now + 1) + wake_us()
    return log, waiting


def busiest(log, window_us):
    return max(
        sum(count for at, count in log if start <= at < start + window_us) for start, _ in log
    )


@pytest.mark.parametrize("packets", [1, 50, 64])
def test_a_small_audience_is_served_at_once(packets):
    log, waiting = sent(packets, ticks=3, wake_us=lambda: 0)
    assert log == [(tick * TICK_US, packets) for tick in range(3)]
    assert waiting == 0


@pytest.mark.parametrize("packets", [65, 1_000, 10_000, 1_000_000])
def test_everybody_is_served_within_the_span_and_nobody_twice(packets):
    log, waiting = sent(packets, ticks=1, wake_us=lambda: 0)
    assert waiting == 0
    assert sum(count for _, count in log) == packets
    assert log[-1][0] <= SPAN_US


@pytest.mark.parametrize("packets", [1_600, 10_000, 1_000_000])
def test_no_five_milliseconds_carry_more_than_half_again_their_share(packets):
    rng = random.Random(packets)
    stalls = [0, 100, 300, 2_000, 9_000]
    log, _ = sent(packets, ticks=50, wake_us=lambda: rng.choices(stalls, [50, 30, 15, 4, 1])[0])
    assert busiest(log, SHARE_US) <= 1.5 * packets * SHARE_US / TICK_US


def test_time_overslept_is_told_and_not_caught_up():
    pace = _core.Pace()
    pace.add(0, 18_000, 18_000, True)
    pace.spend(pace.due(0))
    assert pace.due(10_000) <= 1_000 + 64
    assert pace.slipped_us == 10_000 - 1_064


def test_a_sender_a_tick_behind_catches_up_without_a_flood():
    """Woken every 7 ms only, as on a machine with more work than cores."""
    pace, waiting, log = _core.Pace(), 0, []
    for now in range(0, 2_000_000, 7_000):
        ticks = now // TICK_US - (now - 7_000) // TICK_US if now else 1
        for _ in range(ticks):
            pace.add(now, 9_000, waiting + 9_000, waiting == 0)
            waiting += 9_000
        count = min(waiting, pace.due(now, behind=waiting > 9_000))
        pace.spend(count)
        waiting -= count
        log.append((now, count))
    assert waiting <= 2 * 9_000
    assert busiest(log, SHARE_US) <= 1.5 * 9_000 * SHARE_US / TICK_US


def test_a_sender_who_wakes_a_little_late_each_time_still_keeps_up():
    log, waiting = sent(10_000, ticks=50, wake_us=lambda: 120)
    assert waiting == 0
    assert sum(count for _, count in log) == 50 * 10_000


def test_nobody_is_woken_for_less_than_it_is_worth():
    log, _ = sent(100_000, ticks=1, wake_us=lambda: 0)
    assert len(log) <= 1 + SPAN_US / 500
