"""libspeexdsp's jitter buffer, as Mumble and Janus drive it, where the library is installed."""

import ctypes
import ctypes.util

import numpy as np

from spacescore.jitterlab.playback import Playback
from spacescore.jitterlab.policies import TICK_US, tick_times
from spacescore.jitterlab.trace import Trace

__all__ = ["SpeexBuffer", "speex", "speex_is_here"]

OK, SET_MARGIN = 0, 0  # of speex_jitter.h
MARGIN_PACKETS = 2
PAYLOAD = b"\0"


class _Packet(ctypes.Structure):
    """JitterBufferPacket of speex_jitter.h, version 1.2."""

    _fields_ = (
        ("data", ctypes.c_char_p),
        ("len", ctypes.c_uint32),
        ("timestamp", ctypes.c_uint32),
        ("span", ctypes.c_uint32),
        ("sequence", ctypes.c_uint16),
        ("user_data", ctypes.c_uint32),
    )


def _library() -> ctypes.CDLL | None:
    for name in ("libspeexdsp.so.1", ctypes.util.find_library("speexdsp")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is not None:
            library.jitter_buffer_init.restype = ctypes.c_void_p
            for call in ("put", "get", "tick", "ctl", "destroy"):
                getattr(library, f"jitter_buffer_{call}").argtypes = None
            return library
    return None


_LIBRARY = _library()


def speex_is_here() -> bool:
    """Whether libspeexdsp was found (Debian: libspeexdsp1)."""
    return _LIBRARY is not None


class SpeexBuffer:
    """One buffer with a margin of two packets. `get` returns the row that was put, or None."""

    def __init__(self, step: int, margin: int = MARGIN_PACKETS) -> None:
        if _LIBRARY is None:
            raise RuntimeError("libspeexdsp is not installed (Debian: libspeexdsp1)")
        self._calls = _LIBRARY
        self._step = step
        self._buffer = ctypes.c_void_p(self._calls.jitter_buffer_init(ctypes.c_int(step)))
        samples = ctypes.c_int32(margin * step)
        self._calls.jitter_buffer_ctl(self._buffer, SET_MARGIN, ctypes.byref(samples))
        self._room = ctypes.create_string_buffer(2_048)

    def put(self, timestamp: int, row: int) -> None:
        """Store a packet."""
        packet = _Packet(PAYLOAD, 1, timestamp, self._step, row % 2**16, row)
        self._calls.jitter_buffer_put(self._buffer, ctypes.byref(packet))

    def get(self) -> int | None:
        """Take what is due now, and let a tick pass."""
        packet = _Packet(ctypes.cast(self._room, ctypes.c_char_p), len(self._room), 0, 0, 0, 0)
        offset = ctypes.c_int32(0)
        found = self._calls.jitter_buffer_get(
            self._buffer, ctypes.byref(packet), ctypes.c_int32(self._step), ctypes.byref(offset)
        )
        self._calls.jitter_buffer_tick(self._buffer)
        return int(packet.user_data) if found == OK else None

    def __del__(self) -> None:
        if hasattr(self, "_buffer"):
            self._calls.jitter_buffer_destroy(self._buffer)


def speex(trace: Trace, first_tick_us: int) -> Playback:
    """Play a trace of packets of 20 ms. It does not tell its target, so that stays unknown."""
    buffer = SpeexBuffer(step=TICK_US * 48 // 1_000)
    times = tick_times(trace, first_tick_us)
    arrival, stamps = trace.arrival_us.tolist(), trace.packets["timestamp"].tolist()
    played = np.full(len(trace), -1, np.int64)
    row = 0
    for now in times.tolist():
        while row < len(arrival) and arrival[row] <= now:
            buffer.put(stamps[row], row)
            row += 1
        heard = buffer.get()
        if heard is not None and played[heard] < 0:
            played[heard] = now
    return Playback("speexdsp", played, times, np.full(len(times), np.nan))
