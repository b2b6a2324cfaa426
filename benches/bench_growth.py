"""Does a listener cost the same, however many there are?

Where the bare call on as many keys gets dearer with their number, a machine is short of large pages
or of memory's bandwidth just then; ours may follow it, and no more.
"""

import secrets
from typing import Any

import pytest

from crowd import GCM, KEY_BYTES, MILLION, PROFILES, ROW_BYTES
from spacescore._native import _core
from turns import ATTEMPTS, timed

SIZES = (100, 1_000, 10_000, 100_000, MILLION)
PAYLOAD = 240  # 60 ms at 32 kbit/s
PACKETS_A_ROUND = 100_000
ROUNDS = 12
BUDGET = 1.3  # the dearest size by the cheapest, times what the floors grow by


class Size:
    """An audience and the floor of as many keys, each with its quietest round so far."""

    def __init__(self, listeners: int) -> None:
        self.listeners = listeners
        self.frames = max(1, PACKETS_A_ROUND // listeners)
        self.audience = _core.Audience(listeners)
        self.audience.fill(listeners)
        self.keys = _core.FloorKeys(_core.SrtpBackend.BEST, PROFILES[GCM], listeners)
        self.payload = secrets.token_bytes(PAYLOAD)
        self.ns = self.floor_ns = float("inf")

    def seal(self) -> None:
        """A round of frames for all."""
        self.audience.seal_all(self.payload, frames=self.frames)

    def measure(self) -> None:
        """One round of each."""
        per_packet = 1e9 / self.listeners / self.frames
        self.ns = min(self.ns, timed(self.seal) * per_packet)
        floor = timed(lambda: _core.floor_seal(self.keys, PAYLOAD, self.frames))
        self.floor_ns = min(self.floor_ns, floor * per_packet)


def growth(costs: list[float]) -> float:
    return max(costs) / min(costs)


def growth_beyond_the_floors(sizes: list[Size]) -> float:
    return growth([size.ns for size in sizes]) / growth([size.floor_ns for size in sizes])


def is_flat(sizes: list[Size]) -> bool:
    ours = growth([size.ns for size in sizes])
    return min(ours, growth_beyond_the_floors(sizes)) <= BUDGET


@pytest.mark.benchmark(group="growth")
def bench_growth_of_the_cost_per_listener(benchmark: Any, needs_memory: Any) -> None:
    needs_memory(sum(SIZES) * (ROW_BYTES + KEY_BYTES))
    sizes = [Size(listeners) for listeners in SIZES]
    benchmark.pedantic(sizes[-1].seal, rounds=3, warmup_rounds=1)
    for _ in range(ATTEMPTS):
        for _ in range(ROUNDS):  # by turns, so that noise hits all alike
            for size in sizes:
                size.measure()
        if is_flat(sizes):
            break
    benchmark.extra_info |= {
        "growth_ratio": round(growth([size.ns for size in sizes]), 3),
        "growth_beyond_floors": round(growth_beyond_the_floors(sizes), 3),
        "budget": BUDGET,
        "floor_ratio": round(max(size.ns / size.floor_ns for size in sizes), 3),
        "payload_bytes": PAYLOAD,
        "listeners": [size.listeners for size in sizes],
        "ns_per_listener": [round(size.ns, 1) for size in sizes],
        "floor_ns_per_listener": [round(size.floor_ns, 1) for size in sizes],
    }
    assert is_flat(sizes)
