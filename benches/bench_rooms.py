"""What do whole rooms cost beside the Opus calls that they cannot do without?

Twenty rooms of three loud speakers and a listener on one engine: SRTP in, jitter buffers, decoding,
the mix and the mixes without their speaker, encoding, SRTP out, and a recording of each room. Paths
have jitter. Only the engine's calls are counted; browsers and time are virtual.
"""

from collections.abc import Iterator
from itertools import cycle
from time import thread_time
from typing import Any

import numpy as np
import pytest

from bench_mix import SPEAKERS, TICKS, BareOpus, packets_of, speech
from spacescore._native import _core
from world import FRAME, World

ROOMS = 20
ROUNDS = 8  # seconds
TICKS_A_SECOND = 50
BUDGET = 1.25  # of the bare calls: 3 decodes and 4 encodes a room and tick; 1.12 is usual
ROOMS_PER_CORE = 20  # a figure, not a gate: machines differ
COUNTED = {"handle_datagram", "handle_timeout", "next_timeout"} | {
    f"poll_{what}" for what in ("transmits", "recorded", "events")
}


class Counted:
    """An engine, and the CPU time spent in it."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.engine, name)
        if name not in COUNTED:
            return call

        def counted(*arguments: Any) -> Any:
            start = thread_time()
            try:
                return call(*arguments)
            finally:
                self.seconds += thread_time() - start

        return counted


class Bare:
    """The floor: for each room its own codecs, and frames that were mixed beforehand."""

    def __init__(self, voices: dict[int, list[bytes]]) -> None:
        self.rooms = [BareOpus(voices)]
        for _ in range(1, ROOMS):
            self.rooms.append(room := object.__new__(BareOpus))
            room.voices, room.mixes = voices, self.rooms[0].mixes
            room.decoders = {peer: _core.OpusDecoder() for peer in voices}
            room.encoders = {peer: _core.OpusEncoder() for peer in (0, *voices)}
        self.ticks = 0

    def second(self) -> float:
        """All rooms, for a second of theirs; the CPU seconds that it takes."""
        start = thread_time()
        for _ in range(TICKS_A_SECOND):
            for room in self.rooms:
                room.tick(self.ticks % TICKS)
            self.ticks += 1
        return thread_time() - start


def endless(packets: list[bytes]) -> Iterator[tuple[bytes, int]]:
    return ((packet, FRAME) for packet in cycle(packets))


def full_house(voices: dict[int, list[bytes]]) -> World:
    spaces = range(1, ROOMS + 1)
    world = World(spaces=spaces)
    for space in spaces:
        world.join(space=space)
        for peer in SPEAKERS:
            path = {"jitter_us": 20_000}
            speaker = world.join("speaker", space=space, peer=peer, up=path)
            speaker.say(1_000_000 + space * 731 + peer * 3_001, endless(voices[peer]))
    world.run(4)
    return world


@pytest.mark.benchmark(group="rooms")
def bench_twenty_rooms_of_three_loud_speakers(benchmark: Any) -> None:
    voices = {peer: packets_of(speech(peer)) for peer in SPEAKERS}
    world, bare = full_house(voices), Bare(voices)
    world.engine = engine = Counted(world.engine)
    before, recorded = world.counters(), len(world.recorded)
    ours: list[float] = []
    floor: list[float] = []

    def second() -> None:
        engine.seconds = 0.0
        world.run(1, grain_us=1_000)
        ours.append(engine.seconds)

    bare.second()
    benchmark.pedantic(second, setup=lambda: floor.append(bare.second()), rounds=ROUNDS)

    after = world.counters()
    ticks = ROUNDS * TICKS_A_SECOND * ROOMS
    assert after["frames_decoded"] - before["frames_decoded"] == pytest.approx(3 * ticks, rel=0.02)
    assert after["packets_sent"] - before["packets_sent"] == pytest.approx(4 * ticks, rel=0.03)
    assert len(world.recorded) - recorded == ticks
    ratio = float(np.min(ours) / np.min(floor))
    benchmark.extra_info |= {
        "floor_ratio": round(ratio, 3),
        "budget": BUDGET,
        "rooms_per_core": round(ROOMS / float(np.median(ours)), 1),
        "floor_rooms_per_core": round(ROOMS / float(np.median(floor)), 1),
        "rooms_budget": ROOMS_PER_CORE,
    }
    assert ratio <= BUDGET, f"{ratio:.3f} times its floor, budget {BUDGET}"
