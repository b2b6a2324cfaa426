"""Captured traces through the jitter buffer: concealment and delay within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacescore.jitterlab import compare, read_trace

TRACES = Path(__file__).parents[3] / "shared" / "traces"


@pytest.mark.parametrize(
    ("name", "concealed", "delay"),
    [
        ("stereo_pcmu.rtp", 0.1, 22),
        ("stereo_pcmu_jitter.rtp", 3.2, 135),  # network loss 2.57 %, p99 111 ms
        ("stereo_pcmu_vad.rtp", 0.1, 22),
        ("stereo_pcmu_vad_jitter.rtp", 3.2, 135),
        ("HRTF_pcm16wb_jitter.rtp", 2.4, 128),  # network loss 1.59 %, p99 106 ms
    ],
)
def test_a_captured_link_is_played_with_little_concealed_at_little_delay(name, concealed, delay):
    path = TRACES / name
    if not path.exists():
        pytest.skip(f"the captured trace {path} is not here")
    [score] = compare(read_trace(path), ["spacescore"])
    assert score.concealed <= concealed
    assert score.mean <= delay
