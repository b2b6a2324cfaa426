"""Whole NumPy arrays per call: trace replay and RTP columns."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FROM_FIFO", "replay"]

FROM_FIFO: Final = 255

def replay(
    arrival_us: NDArray[np.int64],
    sequence: NDArray[np.uint16],
    timestamp: NDArray[np.uint32],
    size: NDArray[np.uint16],
    samples: NDArray[np.uint16],
    level: NDArray[np.uint8] | None = None,
    *,
    first_tick_us: int | None = None,
    ticks: int | None = None,
) -> tuple[dict[str, NDArray[np.uint8] | NDArray[np.int64] | NDArray[np.int32]], dict[str, float]]:
    """Play one recorded stream through the jitter buffer, as a mixer would.

    All columns are C-contiguous, shape (N,), N >= 1, one row per packet in order of arrival:
    arrival in microseconds (not decreasing), RTP sequence number and timestamp (48 kHz), payload
    bytes, duration in samples, and level in -dBov (RFC 6464; 127 or no column: unknown).

    Ticks are 20 ms apart from `first_tick_us` (default: the first arrival); there are `ticks` of
    them (default: up to the last arrival). Returns columns of shape (ticks,) and the counters:

    - `what` (uint8): `Playout` of the tick's first entry, `FROM_FIFO` when the tick was served
      by what an earlier, longer packet left;
    - `timestamp` (int64): RTP timestamp of that entry;
    - `target_us` (int32): the target delay after the tick;
    - the counters by the names of `JitterStats`.

    Raises ValueError for columns of unequal length, an empty trace, arrivals that decrease, or
    a number of ticks below one.
    """
