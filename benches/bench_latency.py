"""How much later does the last of a large audience hear a word than a single listener would?

A speaker says half a second and pauses for one; each first packet after a pause is timed from
leaving the speaker to reaching each listener, on loopback. A single listener's median is the
floor: jitter buffer, mixing, the wait for the tick. What an audience adds to it is pacing and
sending, and the ladder's longer packets.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from served import Served
from spacescore.load import LoadPlan, LoadReport, Ramp, run
from spacescore.load.speech import tone

SPURT = [*tone()[:25], *[(b"", 960)] * 50]  # half a second of silence is not told from none
SPURTS = 4
ADDED_MS = 25.0  # a figure of the design for 10,000, p99; no gate, machines differ
SIZES = {100: 20, 1_000: 20, 10_000: 60}  # listeners: milliseconds of a packet


def latencies_ms(report: LoadReport) -> np.ndarray:
    """Of each spurt to each listener: since the last word that began before it was heard."""
    said, heard = report.said["at_us"], report.heard["at_us"]
    last_in = report.listeners["connected_us"].max()
    heard = heard[heard > max(said[0], last_in) + 1_000_000]
    begun = said[np.searchsorted(said, heard) - 1]
    return np.asarray((heard - begun) / 1e3)


def listen(folder: Path, listeners: int, packet_ms: int) -> np.ndarray:
    folder.mkdir()
    served = Served(folder, "--demo", "--packet-time", str(packet_ms))
    try:
        report = run(
            LoadPlan(
                f"{served.url}/s/demo",
                listeners=listeners,
                speakers=1,
                speech=SPURT,
                ramp=Ramp(seconds=max(0.5, listeners / 1_500)),
                join_timeout=60.0,
                duration=1.5 * (SPURTS + 1),
            )
        )
    finally:
        served.end()
    assert report.joins.joined == listeners, report.joins.failures
    return latencies_ms(report)


@pytest.mark.benchmark(group="latency")
@pytest.mark.parametrize("listeners", SIZES)
def bench_latency_from_speaker_to_listener(benchmark: Any, tmp_path: Path, listeners: int) -> None:
    alone = listen(tmp_path / "alone", 1, 20)
    found = benchmark.pedantic(
        listen, args=(tmp_path / "crowd", listeners, SIZES[listeners]), rounds=1
    )
    assert found.size >= listeners * SPURTS  # everybody heard each
    assert found.max() < 1_000
    floor = float(np.median(alone))
    p50, p95, p99 = (round(float(p), 2) for p in np.percentile(found, [50, 95, 99]))
    benchmark.extra_info.update(
        latency_ms={"p50": p50, "p95": p95, "p99": p99},
        packet_ms=SIZES[listeners],
        floor_ms=round(floor, 2),
        added_p99_ms=round(p99 - floor, 2),
        added_budget_ms=ADDED_MS,
    )
