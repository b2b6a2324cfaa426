"""How every bench here measures: the thing and its floor by turns, in one run.

The machines are shared and noisy, so no absolute time decides anything, and time is the thread's
own on the CPU: who is preempted has not worked. A round runs both, in changing order; the figure
is the quietest round of the thing over the quietest of the floor. A neighbour on the sibling
hyperthread doubles either for a while: that shifts medians, but seldom lasts all rounds. Where it
does, a ratio over budget is measured again, twice at most, before it fails.
"""

from collections.abc import Callable
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
        rounds: int = 25,
    ) -> float:
        """Return the ratio; fail when it is over `budget`."""


def timed(function: Callable[[], object]) -> float:
    """Seconds of CPU that one call takes."""
    start = thread_time()
    function()
    return thread_time() - start


def by_turns(
    thing: Callable[[], object], floor: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Seconds of the quietest round of each; who goes first changes."""
    things: list[float] = []
    floors: list[float] = []
    for number in range(rounds):
        turns = [(thing, things), (floor, floors)]
        for function, times in turns if number % 2 else reversed(turns):
            times.append(timed(function))
    return min(things), min(floors)


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
        benchmark.pedantic(thing, rounds=5, warmup_rounds=1)
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
