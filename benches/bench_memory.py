"""How much memory does a listener take, all in: row, indices, place in the hall, and what a node of
several workers adds, the directory of sessions and the rings between them?

The engines of a node, in a process of their own, are filled; what resident memory grows by from
before they are made, by the listeners, is the figure. What the empty node takes of it, its pools of
handshakes and datagrams, is told beside it as `node_bytes`.

The budget is for all of it. Only 100,000 on eight workers do not carry their node, a megabyte for
each worker: there what a listener adds keeps the budget, and both together are a figure.

An engine made for 1,000,000 that has 1,000 must not cost what 1,000,000 do.
"""

import subprocess
import sys
from typing import Any

import pytest

from crowd import MILLION, ROW_BYTES

BUDGET = 1_536  # bytes
NODE_BUDGET, WORKER_BUDGET = 7 << 20, 3 << 19  # bytes, before anybody is there
EMPTY_BUDGET = 64 << 20  # bytes, of an engine for 1,000,000 with 1,000 inside

FILL = """
import sys
from pathlib import Path
from spacescore._native import _core

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

workers, seats, listeners = map(int, sys.argv[1:])
share = _core.worker_share(seats, workers)
before = resident()
mesh = _core.Mesh(workers, seats)
meshed = resident()
engines = [_core.Engine(mesh=mesh, worker=i, **share) for i in range(workers)]
for engine in engines:
    engine.create_space(0, 1)
empty = resident()
part = listeners // workers
crowds = [_core.Feedback(engine, 1, part, seed=i) for i, engine in enumerate(engines)]
print(empty - meshed, meshed - before + resident() - empty)
"""


def resident_growth(seats: int, listeners: int, workers: int = 1) -> tuple[int, int]:
    """In bytes, of a process that makes a node's engines, and then fills them."""
    command = [sys.executable, "-c", FILL, *map(str, (workers, seats, listeners))]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    engines, filled = map(int, output.split())
    return engines, filled


def measure(benchmark: Any, needs_memory: Any, listeners: int, workers: int) -> None:
    needs_memory(listeners * ROW_BYTES + (256 << 20))
    node, filled = benchmark.pedantic(resident_growth, (listeners, listeners, workers), rounds=1)
    all_in, added = (node + filled) / listeners, filled / listeners
    benchmark.extra_info |= {
        "bytes_per_listener": round(all_in),
        "bytes_added_by_a_listener": round(added),
        "node_bytes": node,
        "budget": BUDGET,
        "listeners": listeners,
        "workers": workers,
    }
    assert added <= BUDGET
    assert node <= NODE_BUDGET + WORKER_BUDGET * workers
    assert all_in <= BUDGET or listeners < workers * 50_000


@pytest.mark.benchmark(group="memory")
@pytest.mark.parametrize("listeners", [100_000, MILLION])
def bench_memory_per_listener(benchmark: Any, needs_memory: Any, listeners: int) -> None:
    measure(benchmark, needs_memory, listeners, workers=1)


@pytest.mark.benchmark(group="memory")
@pytest.mark.parametrize(
    ("listeners", "workers"), [(100_000, 2), (100_000, 8), (MILLION, 2), (MILLION, 16)]
)
def bench_memory_per_listener_of_several_workers(
    benchmark: Any, needs_memory: Any, listeners: int, workers: int
) -> None:
    measure(benchmark, needs_memory, listeners, workers)


@pytest.mark.benchmark(group="memory")
def bench_memory_of_an_engine_that_could_hold_a_million(benchmark: Any) -> None:
    used = sum(benchmark.pedantic(resident_growth, (MILLION, 1_000), rounds=1))
    benchmark.extra_info |= {"bytes": used, "budget": EMPTY_BUDGET}
    assert used <= EMPTY_BUDGET
