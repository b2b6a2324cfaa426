"""Every policy on the same traces, and the table of it."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from functools import partial

import numpy as np

from spacescore.jitterlab.aiortc_buffer import aiortc, aiortc_is_here
from spacescore.jitterlab.neteq import neteq
from spacescore.jitterlab.playback import Playback, Score, score
from spacescore.jitterlab.policies import (
    TICK_US,
    Play,
    fixed,
    oracle_fixed,
    oracle_second,
    ours,
)
from spacescore.jitterlab.speex import speex, speex_is_here
from spacescore.jitterlab.trace import Trace

__all__ = ["PHASES", "POLICIES", "compare", "names_here", "play", "summary"]

# Where the ticks fall between the sender's frames is luck, so each trace is played at several.
PHASES = 4
FIXED_MS = (60, 200)

POLICIES: dict[str, Play] = {
    "spacescore": ours,
    "NetEQ model": neteq,
    "NetEQ model, exact": partial(neteq, exact=True),
    "speexdsp": speex,
    "aiortc": aiortc,
    **{f"fixed {depth} ms": partial(fixed, depth_ms=depth) for depth in FIXED_MS},
    "oracle: fixed, 1% late": oracle_fixed,
    "oracle: each second, 1% late": oracle_second,
}


def names_here() -> list[str]:
    """Return the policies that can run here; speexdsp and aiortc need to be installed."""
    missing = set()
    if not speex_is_here():
        missing.add("speexdsp")
    if not aiortc_is_here():
        missing.add("aiortc")
    return [name for name in POLICIES if name not in missing]


def play(trace: Trace, name: str, phase: int = 0, phases: int = PHASES) -> Playback:
    """Play a trace by the policy of that name, the ticks at one of `phases` offsets."""
    offset = TICK_US * (2 * phase + 1) // (2 * phases)
    return POLICIES[name](trace, int(trace.arrival_us[0]) + offset)


def compare(trace: Trace, names: Iterable[str], phases: int = PHASES) -> list[Score]:
    """Score policies on a trace, each the mean over all phases of the ticks."""
    return [
        _mean([score(trace, play(trace, name, phase, phases)) for phase in range(phases)])
        for name in names
    ]


def _mean(scores: Sequence[Score]) -> Score:
    figures = np.mean([astuple(one)[2:] for one in scores], axis=0)
    return Score(scores[0].policy, scores[0].trace, *(float(figure) for figure in figures))


HEADS = {
    "concealed": "concealed %",
    "events_per_minute": "events/min",
    "unheard": "unheard %",
    "stretched": "stretched %",
    "mean": "delay ms",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
}


def summary(scores: Sequence[Score]) -> str:
    """Return a table in plain text, a row per policy."""
    names = [field.name for field in fields(Score) if field.name in HEADS]
    width = max(len(one.policy) for one in scores)
    lines = [" " * width + "".join(f"{HEADS[name]:>13}" for name in names)]
    for one in scores:
        cells = "".join(f"{_shown(name, getattr(one, name)):>13}" for name in names)
        lines.append(f"{one.policy:{width}}{cells}")
    return "\n".join(lines) + "\n"


def _shown(name: str, value: float) -> str:
    if name in ("concealed", "unheard", "stretched"):
        return f"{value:.2f}"
    return f"{value:.0f}" if name != "events_per_minute" else f"{value:.1f}"
