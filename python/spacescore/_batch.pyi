"""Whole NumPy arrays per call: RTP columns and trace replay."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FATE", "FROM_FIFO", "PACKET", "TICK", "Policy", "Replayed", "parse_rtp", "replay"]

FROM_FIFO: Final = 255

PACKET: Final[np.dtype[np.void]]
"""A packet: `arrival_us` (int64), `ssrc`, `timestamp`, `payload_offset` (uint32), `sequence`,
`size`, `samples` (uint16), `payload_type`, `marker`, `level`, `valid` (uint8)."""

FATE: Final[np.dtype[np.void]]
"""What became of it: `played_us` (int64, -1: never), `fate` (uint8): 0 played, 1 duplicate,
2 late, 3 left out or not due before the last tick, 4 refused as too large."""

TICK: Final[np.dtype[np.void]]
"""A tick's first entry: `timestamp` (uint32), `target_us` (int32, after the tick), `what`
(uint8): `Playout`, or `FROM_FIFO` when the tick was served by what a longer packet left;
`skipped` (uint8): whether frames were left out in it."""

class Policy(NamedTuple):
    """What delay is bought for; the defaults are those of `JitterBuffer`."""

    late_cost: float = ...
    """Milliseconds of delay that one percent of late packets is worth."""
    least_us: int = ...
    """Bounds of the target. Equal ones are a fixed delay."""
    most_us: int = ...

class Replayed(NamedTuple):
    """`packets` (dtype FATE, shape (N,)), `ticks` (TICK, (ticks,)), and the final counters."""

    packets: NDArray[np.void]
    ticks: NDArray[np.void]
    stats: dict[str, float]

def parse_rtp(
    buffer: bytes | bytearray | memoryview, offsets: NDArray[np.int64], *, level_id: int = 0
) -> NDArray[np.void]:
    """Parse the RTP headers of a whole capture; the GIL is released.

    `offsets` (int64, C-contiguous, shape (N, 2)) says where each datagram begins and ends in
    `buffer`. `level_id` is the RFC 8285 id under which RFC 6464 levels come, 0 for none. Returns
    N rows of PACKET. A row of RTCP or garbage is not `valid` and otherwise empty; RTP says nothing
    of `arrival_us` and `samples`, which stay 0.

    Raises ValueError for offsets of another shape or outside of the buffer, naming the row.
    """

def replay(
    trace: NDArray[np.void],
    policy: Policy | None = None,
    *,
    first_tick_us: int | None = None,
    ticks: int | None = None,
) -> Replayed:
    """Play one recorded stream through the jitter buffer, as a mixer would; the GIL is released.

    `trace` (dtype PACKET, shape (N,), N >= 1) is in order of arrival, with timestamps at 48 kHz,
    `size` in payload bytes and `samples` at 48 kHz. Ticks are 20 ms apart from `first_tick_us`
    (default: the first arrival); there are `ticks` of them (default: up to the last arrival).

    Raises TypeError for an array of another kind, and ValueError for an empty trace, arrivals
    that decrease, a number of ticks below one, a trace of more than 100,000 s without `ticks`, or
    a policy that makes no sense.
    """
