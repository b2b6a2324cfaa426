# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Whole NumPy arrays per call: RTP columns and trace replay. See _batch.pyi."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from typing import NamedTuple

import numpy as np


cdef extern from "fanout/base/time.hpp" namespace "fanout" nogil:
    cdef cppclass Duration:
        int64_t us

cdef extern from "fanout/base/bytes.hpp" namespace "fanout" nogil:
    cdef cppclass Bytes:
        Bytes()
        Bytes(const uint8_t*, size_t)

cdef extern from "fanout/media/jitter.hpp" namespace "fanout" nogil:
    cdef cppclass JitterPolicy:
        JitterPolicy()
        float late_cost
        Duration least
        Duration most

    void checked(const JitterPolicy&) except +

    cdef cppclass JitterStats:
        uint64_t packets_received, packets_lost, packets_discarded, packets_duplicated
        uint64_t packets_repaired, fec_packets_received
        uint64_t total_samples_received
        uint64_t concealed_samples, silent_concealed_samples, concealment_events
        uint64_t inserted_samples_for_deceleration, removed_samples_for_acceleration
        uint64_t restarts
        double jitter_buffer_delay, jitter_buffer_target_delay
        uint64_t jitter_buffer_emitted_count
        double target_delay, jitter

cdef extern from "fanout/batch/row.hpp" namespace "fanout" nogil:
    cdef cppclass PacketRow:
        int64_t arrival_us

cdef extern from "fanout/batch/parse.hpp" namespace "fanout" nogil:
    cdef cppclass Extent:
        int64_t begin
        int64_t end

    void parse_rows(Bytes, const Extent*, size_t, uint8_t, PacketRow*) noexcept

cdef extern from "fanout/batch/replay.hpp" namespace "fanout" nogil:
    cdef cppclass PacketFate:
        pass

    cdef cppclass TickRow:
        pass

    cdef cppclass Replay:
        size_t packets
        const PacketRow* trace
        PacketFate* fates
        size_t ticks
        int64_t first_tick_us
        TickRow* played

    JitterStats _replay "fanout::replay"(const Replay&, const JitterPolicy&) noexcept

__all__ = ["FATE", "FROM_FIFO", "PACKET", "TICK", "Policy", "Replayed", "parse_rtp", "replay"]

FROM_FIFO = 255
LONGEST_S = 100_000  # more than a day; what is longer is more likely a stamp that is wrong

PACKET = np.dtype([
    ("arrival_us", np.int64), ("ssrc", np.uint32), ("timestamp", np.uint32),
    ("payload_offset", np.uint32), ("sequence", np.uint16), ("size", np.uint16),
    ("samples", np.uint16), ("payload_type", np.uint8), ("marker", np.uint8),
    ("level", np.uint8), ("valid", np.uint8),
], align=True)
FATE = np.dtype([("played_us", np.int64), ("fate", np.uint8)], align=True)
TICK = np.dtype([
    ("timestamp", np.uint32), ("target_us", np.int32), ("what", np.uint8),
    ("skipped", np.uint8),
], align=True)


class Policy(NamedTuple):
    """See _batch.pyi."""

    late_cost: float = JitterPolicy().late_cost
    least_us: int = JitterPolicy().least.us
    most_us: int = JitterPolicy().most.us


class Replayed(NamedTuple):
    """See _batch.pyi."""

    packets: np.ndarray
    ticks: np.ndarray
    stats: dict


def parse_rtp(buffer, offsets, *, int level_id=0):
    """See _batch.pyi."""
    cdef const uint8_t[::1] data = memoryview(buffer).cast("B")
    cdef const int64_t[:, ::1] extents = offsets
    cdef Py_ssize_t count = extents.shape[0]
    if extents.shape[1] != 2:
        raise ValueError(f"offsets has {extents.shape[1]} columns, not begin and end")
    if not 0 <= level_id <= 255:
        raise ValueError(f"level_id must be 0 to 255, not {level_id}")
    if data.shape[0] >= 1 << 32:
        raise ValueError("the buffer is larger than 4 GiB")
    cdef Py_ssize_t i
    for i in range(count):
        if not 0 <= extents[i, 0] <= extents[i, 1] <= data.shape[0]:
            raise ValueError(
                f"row {i} of offsets, {extents[i, 0]} to {extents[i, 1]}, "
                f"is not within the {data.shape[0]} bytes")
    rows = np.zeros(count, PACKET)
    if count == 0:
        return rows
    cdef uint8_t[::1] raw = rows.view(np.uint8)
    cdef const uint8_t* first = &data[0] if data.shape[0] > 0 else NULL
    cdef size_t size = data.shape[0]
    with nogil:
        parse_rows(Bytes(first, size), <const Extent*>&extents[0, 0], count,
                   <uint8_t>level_id, <PacketRow*>&raw[0])
    return rows


def replay(trace, policy=None, *, first_tick_us=None, ticks=None):
    """See _batch.pyi."""
    if getattr(trace, "dtype", None) != PACKET or trace.ndim != 1:
        raise TypeError("trace must be an array of PACKET with one dimension")
    cdef Py_ssize_t n = len(trace)
    if n == 0:
        raise ValueError("the trace is empty")
    cdef const uint8_t[::1] raw = np.ascontiguousarray(trace).view(np.uint8)
    cdef Replay run
    run.packets = n
    run.trace = <const PacketRow*>&raw[0]
    if not _ascends(run.trace, n):
        raise ValueError("arrival_us must not decrease")
    cdef int64_t first = run.trace[0].arrival_us if first_tick_us is None else first_tick_us
    if ticks is None:
        span_us = max(0, run.trace[n - 1].arrival_us - first)
        if span_us > LONGEST_S * 1_000_000:
            raise ValueError(f"the trace lasts {span_us // 1_000_000} s: "
                             f"more than {LONGEST_S} s need `ticks`")
        ticks = span_us // 20_000 + 1
    if ticks < 1:
        raise ValueError(f"ticks must be positive, not {ticks}")
    cdef JitterPolicy wanted = _policy(Policy() if policy is None else policy)

    fates, played = np.zeros(n, FATE), np.zeros(ticks, TICK)
    cdef uint8_t[::1] fates_view = fates.view(np.uint8)
    cdef uint8_t[::1] played_view = played.view(np.uint8)
    run.fates = <PacketFate*>&fates_view[0]
    run.ticks = ticks
    run.first_tick_us = first
    run.played = <TickRow*>&played_view[0]
    cdef JitterStats stats
    with nogil:
        stats = _replay(run, wanted)
    return Replayed(fates, played, _named(stats))


cdef JitterPolicy _policy(given) except *:
    cdef JitterPolicy policy
    policy.late_cost, policy.least.us, policy.most.us = given
    checked(policy)
    return policy


cdef bint _ascends(const PacketRow* rows, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(1, count):
        if rows[i].arrival_us < rows[i - 1].arrival_us:
            return False
    return True


cdef dict _named(JitterStats stats):
    return {
        "packets_received": stats.packets_received,
        "packets_lost": stats.packets_lost,
        "packets_discarded": stats.packets_discarded,
        "packets_duplicated": stats.packets_duplicated,
        "packets_repaired": stats.packets_repaired,
        "fec_packets_received": stats.fec_packets_received,
        "total_samples_received": stats.total_samples_received,
        "concealed_samples": stats.concealed_samples,
        "silent_concealed_samples": stats.silent_concealed_samples,
        "concealment_events": stats.concealment_events,
        "inserted_samples_for_deceleration": stats.inserted_samples_for_deceleration,
        "removed_samples_for_acceleration": stats.removed_samples_for_acceleration,
        "restarts": stats.restarts,
        "jitter_buffer_delay": stats.jitter_buffer_delay,
        "jitter_buffer_target_delay": stats.jitter_buffer_target_delay,
        "jitter_buffer_emitted_count": stats.jitter_buffer_emitted_count,
        "target_delay": stats.target_delay,
        "jitter": stats.jitter,
    }
