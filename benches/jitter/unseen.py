"""Links that no setting was sought on: other kinds than the harness's own, or far from them.

The buffer's constants were found on the training seeds of `spacescore.jitterlab.LINKS`. What these
say is how well that carries over. They were looked at while K was settled and the second forecast
was made; no constant is tuned to them: who does takes them out of here.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spacescore.jitterlab import Trace
from spacescore.jitterlab.generators import arrive, byte_queue, gilbert_elliott, in_turn, spikes

__all__ = ["UNSEEN"]

Link = Callable[[np.random.Generator, int], Trace]


def between(low: float, high: float) -> NDArray[np.float64]:
    return np.array([low, high])


def slots(rng: np.random.Generator, count: int) -> Trace:
    """A still 5G phone: grants each 10 ms, and a handover of 60 to 250 ms each 20 s."""
    delay = rng.uniform(0, 10, count) + spikes(rng, count, 20, between(60, 250))
    return arrive("5G, still", rng, in_turn(delay))


def tram(rng: np.random.Generator, count: int) -> Trace:
    """A phone in a tram: 100 to 400 ms each four seconds, 0.3 % lost."""
    delay = rng.gamma(2.0, 5.0, count) + spikes(rng, count, 4, between(100, 400))
    return arrive("tram", rng, in_turn(delay), gilbert_elliott(rng, count, 0.003, 2))


def cafe(rng: np.random.Generator, count: int) -> Trace:
    """A full Wi-Fi: 20 to 80 ms more than once a second, 2 % lost one by one."""
    delay = rng.gamma(1.2, 10.0, count) + spikes(rng, count, 0.7, between(20, 80))
    return arrive("café", rng, in_turn(delay), gilbert_elliott(rng, count, 0.02, 1.05))


def shallow(rng: np.random.Generator, count: int) -> Trace:
    """A cell that is half as busy as the harness's."""
    return arrive("shallow queue", rng, byte_queue(rng, count, 0.35, 20, 2))


def bloat(rng: np.random.Generator, count: int) -> Trace:
    """Others' uploads: the queue swells to 150 ms and drains again, each 15 s."""
    swell = 75 * (1 - np.cos(2 * np.pi * np.arange(count) / 750 + rng.uniform(0, 6)))
    return arrive("bloat", rng, in_turn(swell + rng.gamma(1.5, 3.0, count)))


def detour(rng: np.random.Generator, count: int) -> Trace:
    """A route that is 60 ms longer for 20 s, and short again."""
    longer = np.arange(count) // 1_000 % 2 == 1
    delay = rng.gamma(1.5, 2.0, count) + np.where(longer, 60, 0)
    return arrive("detour", rng, delay, gilbert_elliott(rng, count, 0.002, 1.2))


def pairs(rng: np.random.Generator, count: int) -> Trace:
    """A radio that sleeps: packets come in twos and threes, 40 ms apart."""
    wakes = np.ceil(np.arange(count) * 20 / 40 + rng.uniform(0, 0.3, count)) * 40
    return arrive("pairs", rng, in_turn(wakes - np.arange(count) * 20 + rng.gamma(1.0, 2.0, count)))


def scatter(rng: np.random.Generator, count: int) -> Trace:
    """Many paths: anything up to 60 ms, in any order; 1 % lost."""
    return arrive("scatter", rng, rng.uniform(0, 60, count), gilbert_elliott(rng, count, 0.01, 1.2))


def slow_clock(rng: np.random.Generator, count: int) -> Trace:
    """A sender whose clock runs 200 ppm slow, over 8 ms of jitter with a thin tail."""
    return arrive("slow clock", rng, in_turn(rng.gamma(0.8, 8.0, count)), ppm=-200)


def outages(rng: np.random.Generator, count: int) -> Trace:
    """Calm, with a second of nothing each half a minute; all of it comes, late."""
    delay = rng.gamma(2.0, 2.0, count) + spikes(rng, count, 30, between(900, 1_100))
    return arrive("outages", rng, in_turn(delay))


UNSEEN: dict[str, Link] = {
    "slots": slots,
    "tram": tram,
    "cafe": cafe,
    "shallow": shallow,
    "bloat": bloat,
    "detour": detour,
    "pairs": pairs,
    "scatter": scatter,
    "slow clock": slow_clock,
    "outages": outages,
}
