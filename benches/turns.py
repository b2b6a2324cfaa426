"""How every bench here measures: the thing and its floor by turns, in one run.

The machines are shared and noisy, so no absolute time decides anything, and time is the thread's
own on the CPU: who is preempted has not worked. A round runs both, in changing order; the figure
is the quietest round of the thing over the quietest of the floor. A neighbour on the sibling
hyperthread doubles either for a while: that shifts medians, but seldom lasts all rounds. Where it
does, a ratio over budget is measured again, twice at most, before it fails.
"""

from collections.abc import Callable
from time import thread_time

ATTEMPTS = 3


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
