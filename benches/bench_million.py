"""How fast does one core seal a room's audio for a million listeners, each with their own key?

`realtime_factor` is the duration of a packet by the CPU time that sealing it for all takes: at
1.0 one core keeps up. Packets of 60 ms are what an audience that large gets; the other rungs of
the ladder stand beside.
"""

import secrets
from typing import Any

import pytest

from crowd import CACHED, MILLION, ROW_BYTES, Crowd
from spacescore._native import _core

BUDGET = 1.8  # of the bare call with keys that never leave the caches: a miss to memory is inside
REALTIME_BUDGET = {60: 1.0}  # a figure, not a gate: machines differ
BYTES_PER_MS = 4  # 32 kbit/s


@pytest.mark.benchmark(group="million")
@pytest.mark.parametrize("packet_ms", [20, 40, 60, 120])
def bench_million_listeners_of_one_room(
    benchmark: Any, against_floor: Any, needs_memory: Any, crowd: Crowd, packet_ms: int
) -> None:
    needs_memory(MILLION * ROW_BYTES)
    audience, _ = crowd.audience(MILLION)
    keys = crowd.floor(CACHED)
    payload = secrets.token_bytes(packet_ms * BYTES_PER_MS)
    against_floor(
        lambda: audience.seal_all(payload),
        lambda: _core.floor_seal(keys, len(payload), MILLION // CACHED),
        budget=BUDGET,
        units=MILLION,
        rounds=12,
    )
    seconds = benchmark.extra_info["ns_per_unit"] * MILLION / 1e9
    benchmark.extra_info["realtime_factor"] = round(packet_ms / 1e3 / seconds, 2)
    if packet_ms in REALTIME_BUDGET:
        benchmark.extra_info["realtime_budget"] = REALTIME_BUDGET[packet_ms]
