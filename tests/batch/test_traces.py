"""Captured traces (rtpdump) through the jitter buffer: concealment and delay within bounds."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from spacescore._native import _batch, _core

TRACES = Path(__file__).parents[3] / "shared" / "traces"
COMFORT_NOISE = 13  # RFC 3389
RTPDUMP_HEADER = 16


def read_rtpdump(path: Path, clock: int) -> dict[str, np.ndarray]:
    """The columns that `replay` takes, timestamps at 48 kHz, in order of arrival."""
    data = path.read_bytes()
    at = data.index(b"\n") + 1 + RTPDUMP_HEADER
    rows = []
    while at < len(data):
        length, size, offset_ms = struct.unpack_from(">HHI", data, at)
        at += 8
        if size == 0:  # RTCP
            at += length - 8
            continue
        _, kind, sequence, timestamp = struct.unpack_from(">BBHI", data, at)
        noise = kind & 127 == COMFORT_NOISE  # what DTX is to Opus
        rows.append((offset_ms * 1000, sequence, timestamp, 2 if noise else min(size - 12, 1472)))
        at += length - 8
    arrival, sequence, timestamp, size = np.array(sorted(rows), np.int64).T
    return {
        "arrival_us": np.ascontiguousarray(arrival),
        "sequence": sequence.astype(np.uint16),
        "timestamp": (timestamp * (48_000 // clock)).astype(np.uint32),
        "size": size.astype(np.uint16),
        "samples": np.full(arrival.size, 960, np.uint16),
    }


def added_delay_ms(trace: dict[str, np.ndarray], ticks: dict[str, np.ndarray], first: int):
    """Of each frame played, beyond the fastest packet of the trace."""
    origin = int(trace["timestamp"][0])

    def sent_us(timestamps):
        return ((timestamps.astype(np.int64) - origin + 2**31) % 2**32 - 2**31) * 125 / 6

    fastest = (trace["arrival_us"] - sent_us(trace["timestamp"])).min()
    frames = np.flatnonzero(ticks["what"] == int(_core.Playout.frame))
    return (first + frames * 20_000 - sent_us(ticks["timestamp"][frames]) - fastest) / 1000


@pytest.mark.parametrize(
    ("name", "clock", "concealed", "delay"),
    [
        ("stereo_pcmu.rtp", 8000, 0.0, 25),
        ("stereo_pcmu_jitter.rtp", 8000, 0.048, 119),  # network loss 2.57 %, p99 111 ms
        ("stereo_pcmu_vad.rtp", 8000, 0.0, 25),
        ("stereo_pcmu_vad_jitter.rtp", 8000, 0.048, 119),
        ("HRTF_pcm16wb_jitter.rtp", 16_000, 0.035, 115),  # network loss 1.59 %, p99 106 ms
    ],
)
def test_a_captured_link_is_played_with_little_concealed_at_little_delay(
    name, clock, concealed, delay
):
    path = TRACES / name
    if not path.exists():
        pytest.skip(f"the captured trace {path} is not here")
    trace = read_rtpdump(path, clock)
    missing, added = [], []
    for phase in range(1000, 21_000, 2000):  # of the ticks against the sender's frames
        first = int(trace["arrival_us"][0]) + phase
        ticks, stats = _batch.replay(**trace, first_tick_us=first)
        # These codecs carry no FEC, so what it would have repaired is missing too.
        gone = stats["concealed_samples"] + 960 * stats["fec_packets_received"]
        missing.append(gone / (960 * len(ticks["what"])))
        added.append(added_delay_ms(trace, ticks, first).mean())
    assert np.mean(missing) <= concealed
    assert np.mean(added) <= delay
