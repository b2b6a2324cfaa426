"""How much memory does a listener take, all in: row, indices, place in the hall?

An engine in a process of its own is filled; what resident memory grows by, by the listeners, is
the figure. `engine_bytes` is what the engine takes before: its pools of handshakes and datagrams.
An engine made for 1,000,000 that has 1,000 must not cost what 1,000,000 do.
"""

import subprocess
import sys
from typing import Any

import pytest

from crowd import MILLION, ROW_BYTES

BUDGET = 1_536  # bytes
EMPTY_BUDGET = 64 << 20  # bytes, of an engine for 1,000,000 with 1,000 inside

FILL = """
import sys
from pathlib import Path
from spacescore._native import _core

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

seats, listeners = map(int, sys.argv[1:])
before = resident()
engine = _core.Engine(max_listeners=seats)
engine.create_space(0, 1)
empty = resident()
crowd = _core.Feedback(engine, 1, listeners)
print(empty - before, resident() - empty)
"""


def resident_growth(seats: int, listeners: int) -> tuple[int, int]:
    """In bytes, of a process that makes an engine, and then fills it."""
    command = [sys.executable, "-c", FILL, str(seats), str(listeners)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    engine, filled = map(int, output.split())
    return engine, filled


@pytest.mark.benchmark(group="memory")
@pytest.mark.parametrize("listeners", [100_000, MILLION])
def bench_memory_per_listener(benchmark: Any, needs_memory: Any, listeners: int) -> None:
    needs_memory(listeners * ROW_BYTES + (256 << 20))
    engine, filled = benchmark.pedantic(resident_growth, (listeners, listeners), rounds=1)
    per_listener = filled / listeners
    benchmark.extra_info |= {
        "bytes_per_listener": round(per_listener),
        "budget": BUDGET,
        "listeners": listeners,
        "engine_bytes": engine,
    }
    assert per_listener <= BUDGET


@pytest.mark.benchmark(group="memory")
def bench_memory_of_an_engine_that_could_hold_a_million(benchmark: Any) -> None:
    used = sum(benchmark.pedantic(resident_growth, (MILLION, 1_000), rounds=1))
    benchmark.extra_info |= {"bytes": used, "budget": EMPTY_BUDGET}
    assert used <= EMPTY_BUDGET
