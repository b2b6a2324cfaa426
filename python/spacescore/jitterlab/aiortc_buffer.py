"""aiortc's JitterBuffer, as its receiver drives it, where aiortc is installed.

It has no clock: a frame is released when four later ones are there, and waits in a queue until
it is asked for. Here it is asked for each tick, as a mixer would.
"""

from collections import deque
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np

from spacescore.jitterlab.playback import Playback
from spacescore.jitterlab.policies import tick_times
from spacescore.jitterlab.trace import Trace

__all__ = ["aiortc", "aiortc_is_here", "make_buffer"]

CAPACITY, PREFETCH = 16, 4  # RTCRtpReceiver, audio


def aiortc_is_here() -> bool:
    """Whether aiortc can be imported."""
    return find_spec("aiortc") is not None


def make_buffer() -> Any:
    """Return what aiortc's receiver makes for audio."""
    from aiortc.jitterbuffer import JitterBuffer

    return JitterBuffer(capacity=CAPACITY, prefetch=PREFETCH)


def aiortc(trace: Trace, first_tick_us: int) -> Playback:
    """Play a trace; a row number in four bytes stands for each payload."""
    buffer = make_buffer()
    times = tick_times(trace, first_tick_us)
    arrival = trace.arrival_us.tolist()
    sequence = trace.packets["sequence"].tolist()
    stamps = trace.packets["timestamp"].tolist()
    played = np.full(len(trace), -1, np.int64)
    released: deque[int] = deque()
    row = 0
    for now in times.tolist():
        while row < len(arrival) and arrival[row] <= now:
            packet = SimpleNamespace(
                sequence_number=sequence[row], timestamp=stamps[row], _data=row.to_bytes(4, "big")
            )
            frame = buffer.add(packet)[1]
            if frame is not None:
                released.append(int.from_bytes(frame.data[:4], "big"))
            row += 1
        if released:
            played[released.popleft()] = now
    return Playback("aiortc", played, times, np.full(len(times), np.nan))
