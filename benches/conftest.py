"""What all benches share; how they measure is told in `turns`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from crowd import Crowd
from turns import ATTEMPTS, by_turns


class Against(Protocol):
    """The fixture's type: see `against_floor`."""

    def __call__(
        self,
        thing: Callable[[], object],
        floor: Callable[[], object],
        *,
        budget: float,
        units: int,
        rounds: int = 25,
    ) -> float:
        """Return the ratio; fail when it is over `budget`."""


class Memory(Protocol):
    """The fixture's type: see `needs_memory`."""

    def __call__(self, needed: int) -> None:
        """Skip unless so many bytes are free."""


@pytest.fixture
def against_floor(benchmark: Any) -> Against:
    """Benchmark `thing` against `floor`, each call doing `units` of work."""

    def measure(
        thing: Callable[[], object],
        floor: Callable[[], object],
        *,
        budget: float,
        units: int,
        rounds: int = 25,
    ) -> float:
        floor()  # both find their caches as they will be
        benchmark.pedantic(thing, rounds=min(5, rounds), warmup_rounds=1)
        for _ in range(ATTEMPTS):
            ours, bare = by_turns(thing, floor, rounds)
            if ours <= budget * bare:
                break
        ratio = ours / bare
        benchmark.extra_info.update(
            floor_ratio=round(ratio, 3),
            budget=budget,
            ns_per_unit=round(ours / units * 1e9, 1),
            floor_ns_per_unit=round(bare / units * 1e9, 1),
        )
        assert ratio <= budget, f"{ratio:.3f} times its floor, budget {budget}"
        return ratio

    return measure


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    """Audiences; given back when a module's benches are done."""
    everybody = Crowd()
    yield everybody
    everybody.audiences.clear()
    everybody.floors.clear()


@pytest.fixture
def needs_memory() -> Memory:
    """A gigabyte is not everybody's to spare."""

    def check(needed: int) -> None:
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            free = int(value.split()[0]) * 1024
            if name == "MemAvailable" and free < needed:
                pytest.skip(f"needs {needed >> 20} MiB of memory, {free >> 20} are free")

    return check
