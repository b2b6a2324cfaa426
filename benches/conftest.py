"""How every bench here measures: the thing and its floor by turns, in one run.

The machines are shared and noisy, so no absolute time decides anything, and time is the thread's
own on the CPU: who is preempted has not worked. A round runs both, in changing order; the figure
is the median over the rounds of thing / floor. A neighbour that empties the caches is not ours to
mend either, so a ratio over budget is measured again, twice at most, before it fails.
"""

from collections.abc import Callable
from statistics import median
from time import thread_time
from typing import Any, Protocol

import pytest

ATTEMPTS = 3


class Against(Protocol):
    """The fixture's type: see `against_floor`."""

    def __call__(
        self,
        thing: Callable[[], object],
        floor: Callable[[], object],
        *,
        budget: float,
        units: int,
        rounds: int = 15,
    ) -> float:
        """Return the ratio; fail when it is over `budget`."""


def timed(function: Callable[[], object]) -> float:
    """Seconds of CPU that one call takes."""
    start = thread_time()
    function()
    return thread_time() - start


@pytest.fixture
def against_floor(benchmark: Any) -> Against:
    """Benchmark `thing` against `floor`, each call doing `units` of work."""

    def measure(
        thing: Callable[[], object],
        floor: Callable[[], object],
        *,
        budget: float,
        units: int,
        rounds: int = 15,
    ) -> float:
        floors: list[float] = []
        things: list[float] = []

        def a_round() -> None:
            turns = [(thing, things), (floor, floors)]
            for function, times in turns if len(things) % 2 else reversed(turns):
                times.append(timed(function))

        def attempt() -> float:
            floors.clear()
            things.clear()
            for _ in range(rounds):
                a_round()
            return median(t / f for t, f in zip(things, floors, strict=True))

        thing()  # both find their caches as they will be
        floor()
        benchmark.pedantic(thing, rounds=5)
        ratio = attempt()
        for _ in range(ATTEMPTS - 1):
            ratio = ratio if ratio <= budget else attempt()
        benchmark.extra_info.update(
            floor_ratio=round(ratio, 3),
            budget=budget,
            ns_per_unit=round(median(things) / units * 1e9, 1),
            floor_ns_per_unit=round(median(floors) / units * 1e9, 1),
        )
        assert ratio <= budget, f"{ratio:.3f} times its floor, budget {budget}"
        return ratio

    return measure
