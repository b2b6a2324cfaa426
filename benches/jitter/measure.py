"""What is compared: the links of `spacescore.jitterlab`, and captured traces where they are.

The setting of the buffer was found on `TRAINING_SEEDS`. What is reported, and what gates, are
other seeds and the captures.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from spacescore.jitterlab import LINKS, Score, Trace, compare, link, read_trace

TRAINING_SEEDS = (1, 2, 3)
SEEDS = (21, 22, 23)
SECONDS = 120
CAPTURES = Path(__file__).resolve().parents[2].parent / "shared" / "traces"
# The NetEQ model knows no sequence numbers, so what it does at a restart says nothing.
NOT_COMPARED = {"restart"}

Scores = Mapping[str, Sequence[Score]]


def generated(seeds: Sequence[int] = SEEDS) -> dict[str, list[Trace]]:
    """Return the links' traces by name, one per seed."""
    names = [name for name in LINKS if name not in NOT_COMPARED]
    return {name: [link(name, seed, SECONDS) for seed in seeds] for name in names}


def captured() -> dict[str, list[Trace]]:
    """Return the captures that are here, perhaps none."""
    return {path.stem: [read_trace(path)] for path in sorted(CAPTURES.glob("*.rtp"))}


def scored(traces: Mapping[str, Sequence[Trace]], names: Sequence[str]) -> dict[str, list[Score]]:
    """Score every policy on every link: the mean over its traces."""
    return {
        name: _mean([compare(trace, names) for trace in several])
        for name, several in traces.items()
    }


def _mean(runs: Sequence[Sequence[Score]]) -> list[Score]:
    fields = list(Score.__dataclass_fields__)[2:]
    return [
        Score(
            same[0].policy,
            same[0].trace,
            *(float(np.mean([getattr(one, field) for one in same])) for field in fields),
        )
        for same in zip(*runs, strict=True)
    ]


def of(scores: Scores, policy: str) -> dict[str, Score]:
    """Return one policy's score per link."""
    return {
        name: next(one for one in several if one.policy == policy)
        for name, several in scores.items()
        if any(one.policy == policy for one in several)
    }


class Against:
    """Ours beside another policy, over all links."""

    def __init__(self, scores: Scores, policy: str) -> None:
        ours, theirs = of(scores, "spacescore"), of(scores, policy)
        self.delay = {name: ours[name].mean / one.mean for name, one in theirs.items()}
        self.delay_ratio = float(np.exp(np.mean(np.log(list(self.delay.values())))))
        self.worst_delay = max(self.delay.values())
        self.concealed_ratio = sum(ours[name].concealed for name in theirs) / sum(
            one.concealed for one in theirs.values()
        )
        self.stretch_ratio = sum(ours[name].stretched for name in theirs) / sum(
            one.stretched for one in theirs.values()
        )
        # A tenth of a percent and a millisecond are within what the phase of a tick is worth.
        more = {n: ours[n].concealed - one.concealed for n, one in theirs.items()}
        later = {n: ours[n].mean - one.mean for n, one in theirs.items()}
        self.worse_in_both = [n for n in theirs if more[n] > 0.1 and later[n] > 1]
        self.better_in_both = [n for n in theirs if more[n] <= 0.1 and later[n] < 0]
