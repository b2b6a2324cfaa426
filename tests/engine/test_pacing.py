"""When an audience's packets leave: the engine asked as its worker asks it, on time and late.

On time, no 5 ms carry more than 1.5 times their share. Time that was overslept is counted
(`slices_late`) and not caught up: the schedule slips. Nor do 5 ms carry more when whole ticks were
overslept: frames that waited go in one packet, so that being late makes packets longer, not more.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from spacescore._native import _core
from world import SPACE, TICK_US, World, tone

SHARE_US = 5_000
WARM_UP = 1.5


@dataclass
class Sent:
    """What left for the audience while the worker woke as it was told."""

    log: list[tuple[int, int]] = field(default_factory=list)  # when, how many
    late: dict[str, int] = field(default_factory=dict)

    @property
    def packets(self) -> int:
        return sum(count for _, count in self.log)

    def busiest(self) -> int:
        """Packets in the fullest 5 ms."""
        most = first = within = 0
        for at, count in self.log:
            within += count
            while self.log[first][0] <= at - SHARE_US:
                within -= self.log[first][1]
                first += 1
            most = max(most, within)
        return most


class Audience:
    """Listeners without a handshake, and somebody who speaks to them."""

    def __init__(self, listeners: int, packet_ms: int = 20) -> None:
        self.world = World(max_listeners=listeners)
        self.world.engine.set_tier(SPACE, packet_ms)
        self.crowd = _core.Feedback(self.world.engine, SPACE, listeners)
        self.a_tick = listeners * 20 // packet_ms
        self.share = self.a_tick * SHARE_US / TICK_US
        self.world.join("speaker", peer=7).say(0, tone(440))
        self.listen(WARM_UP)

    def listen(self, seconds: float, oversleep: Callable[[int], int] = lambda _: 0) -> Sent:
        """`oversleep`: by how much, of a wake-up that was due at a time."""
        sent, before = Sent(), self.world.counters()
        until = self.world.now_us + int(seconds * 1e6)
        while (due := self.world.next_due()) <= until:
            self.world.now_us = max(self.world.now_us, due) + oversleep(due)
            self.world.step()
            audio = sum(not _core.is_rtcp(datagram) for _, datagram in self.world.stray)
            sent.log.append((self.world.now_us, audio))
            self.world.stray.clear()
        self.world.now_us = max(self.world.now_us, until)
        after = self.world.counters()
        names = ("slices_late", "ticks_late", "frames_abandoned")
        sent.late = {name: after.get(name, 0) - before.get(name, 0) for name in names}
        return sent


def once(at_us: int, by_us: int) -> Callable[[int], int]:
    """Oversleeps a single time."""
    left = [by_us]
    return lambda due: left.pop() if due >= at_us and left else 0


@pytest.mark.parametrize(("listeners", "packet_ms"), [(1_600, 20), (4_000, 20), (12_000, 60)])
def test_no_slice_of_a_worker_on_time_carries_more_than_half_again_its_share(listeners, packet_ms):
    audience = Audience(listeners, packet_ms)
    sent = audience.listen(0.6)
    assert sent.packets == pytest.approx(30 * audience.a_tick, rel=0.04)
    assert sent.busiest() <= 1.5 * audience.share
    assert not any(sent.late.values())


def test_a_worker_that_oversleeps_now_and_then_bunches_nothing():
    rng, audience = random.Random(1), Audience(4_000)
    naps = [0, 100, 300, 1_000, 3_000]
    sent = audience.listen(1.0, lambda _: rng.choices(naps, [50, 30, 15, 4, 1])[0])
    assert sent.packets == pytest.approx(50 * audience.a_tick, rel=0.04)
    assert sent.busiest() <= 1.5 * audience.share
    assert sent.late["slices_late"] > 0
    assert sent.late["frames_abandoned"] == 0


def test_a_late_slice_is_counted_once_and_its_time_is_not_caught_up():
    audience = Audience(4_000)
    middle = audience.world.now_us // TICK_US * TICK_US + 10 * TICK_US + 6_000
    sent = audience.listen(0.4, once(middle, 5_000))
    assert sent.late == {"slices_late": 1, "ticks_late": 0, "frames_abandoned": 0}
    assert sent.busiest() <= 1.5 * audience.share
    assert sent.packets == pytest.approx(20 * audience.a_tick, rel=0.06)


@pytest.mark.parametrize("listeners", [1, 50])
def test_a_small_audience_of_a_worker_that_is_always_late_hears_on(listeners):
    rng, audience = random.Random(2), Audience(listeners)
    sent = audience.listen(2.0, lambda _: rng.choice([0, 5_000, 30_000]))
    assert sent.late["ticks_late"] > 10
    assert sent.late["frames_abandoned"] == 0
    assert sent.packets > 50 * listeners  # two frames in a packet now and then, and never three
    assert audience.listen(0.4).packets >= 19 * listeners


@pytest.mark.parametrize(("listeners", "packet_ms"), [(4_000, 20), (12_000, 60), (24_000, 120)])
def test_a_worker_two_ticks_late_bunches_nothing_either_and_loses_nothing(listeners, packet_ms):
    audience = Audience(listeners, packet_ms)
    audience.listen(0.1)
    sent = audience.listen(0.6, once(audience.world.now_us + 100_000, 45_000))
    assert sent.late["ticks_late"] >= 1
    assert sent.late["slices_late"] >= 1
    assert sent.late["frames_abandoned"] == 0
    assert sent.busiest() <= 1.5 * audience.share
    assert sent.packets >= 27 * audience.a_tick  # two frames that waited go in one packet
    after = audience.listen(0.3)
    assert after.busiest() <= 1.5 * audience.share
    assert not any(after.late.values())


@pytest.mark.parametrize("packet_ms", [20, 40, 60, 120])
def test_a_nap_of_five_ticks_costs_nobody_a_frame_however_long_the_packets(packet_ms):
    audience = Audience(60, packet_ms)
    sent = audience.listen(0.6, once(audience.world.now_us + 100_000, 105_000))
    assert sent.late["ticks_late"] >= 5
    assert sent.late["frames_abandoned"] == 0
    assert not any(audience.listen(0.3).late.values())
