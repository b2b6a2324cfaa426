# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Whole NumPy arrays per call: trace replay and RTP columns."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy as np


cdef extern from "fanout/media/jitter.hpp" namespace "fanout" nogil:
    cdef cppclass JitterStats:
        uint64_t packets_received, packets_lost, packets_discarded, packets_duplicated
        uint64_t fec_packets_received
        uint64_t concealed_samples, silent_concealed_samples, concealment_events
        uint64_t inserted_samples_for_deceleration, removed_samples_for_acceleration
        uint64_t restarts
        double jitter_buffer_delay
        uint64_t jitter_buffer_emitted_count
        double target_delay, jitter

cdef extern from "fanout/batch/replay.hpp" namespace "fanout" nogil:
    cdef cppclass ReplayTrace:
        size_t packets
        const int64_t* arrival_us
        const uint16_t* sequences
        const uint32_t* timestamps
        const uint16_t* sizes
        const uint16_t* samples
        const uint8_t* levels

    cdef cppclass ReplayTicks:
        size_t ticks
        int64_t first_tick_us
        uint8_t* what
        int64_t* timestamp
        int32_t* target_us

    JitterStats _replay "fanout::replay"(const ReplayTrace&, const ReplayTicks&) noexcept

__all__ = ["FROM_FIFO", "replay"]

FROM_FIFO = 255


def replay(
    const int64_t[::1] arrival_us,
    const uint16_t[::1] sequence,
    const uint32_t[::1] timestamp,
    const uint16_t[::1] size,
    const uint16_t[::1] samples,
    const uint8_t[::1] level=None,
    *,
    first_tick_us=None,
    ticks=None,
):
    """See _batch.pyi."""
    cdef Py_ssize_t n = arrival_us.shape[0]
    cdef dict rows = {"sequence": sequence.shape[0], "timestamp": timestamp.shape[0],
                      "size": size.shape[0], "samples": samples.shape[0],
                      "level": n if level is None else level.shape[0]}
    for name, length in rows.items():
        if length != n:
            raise ValueError(f"{name} has {length} rows, arrival_us has {n}")
    if n == 0:
        raise ValueError("the trace is empty")
    if not _ascends(arrival_us):
        raise ValueError("arrival_us must not decrease")
    first = arrival_us[0] if first_tick_us is None else int(first_tick_us)
    if ticks is None:
        ticks = max(0, arrival_us[n - 1] - first) // 20_000 + 1
    if ticks < 1:
        raise ValueError(f"ticks must be positive, not {ticks}")

    what, stamps = np.empty(ticks, np.uint8), np.empty(ticks, np.int64)
    targets = np.empty(ticks, np.int32)
    cdef uint8_t[::1] what_view = what
    cdef int64_t[::1] stamps_view = stamps
    cdef int32_t[::1] targets_view = targets

    cdef ReplayTrace trace
    trace.packets = n
    trace.arrival_us = &arrival_us[0]
    trace.sequences = &sequence[0]
    trace.timestamps = &timestamp[0]
    trace.sizes = &size[0]
    trace.samples = &samples[0]
    trace.levels = NULL
    if level is not None:
        trace.levels = &level[0]
    cdef ReplayTicks out
    out.ticks = ticks
    out.first_tick_us = first
    out.what = &what_view[0]
    out.timestamp = &stamps_view[0]
    out.target_us = &targets_view[0]
    cdef JitterStats stats
    with nogil:
        stats = _replay(trace, out)
    return {"what": what, "timestamp": stamps, "target_us": targets}, _named(stats)


cdef bint _ascends(const int64_t[::1] column) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(1, column.shape[0]):
        if column[i] < column[i - 1]:
            return False
    return True


cdef dict _named(JitterStats stats):
    return {
        "packets_received": stats.packets_received,
        "packets_lost": stats.packets_lost,
        "packets_discarded": stats.packets_discarded,
        "packets_duplicated": stats.packets_duplicated,
        "fec_packets_received": stats.fec_packets_received,
        "concealed_samples": stats.concealed_samples,
        "silent_concealed_samples": stats.silent_concealed_samples,
        "concealment_events": stats.concealment_events,
        "inserted_samples_for_deceleration": stats.inserted_samples_for_deceleration,
        "removed_samples_for_acceleration": stats.removed_samples_for_acceleration,
        "restarts": stats.restarts,
        "jitter_buffer_delay": stats.jitter_buffer_delay,
        "jitter_buffer_emitted_count": stats.jitter_buffer_emitted_count,
        "target_delay": stats.target_delay,
        "jitter": stats.jitter,
    }
