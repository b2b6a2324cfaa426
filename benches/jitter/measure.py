"""What is compared: the links of `spacescore.jitterlab`, and captured traces where they are.

The setting of the buffer was found on `TRAINING_SEEDS`. What is reported, and what gates, are
other seeds and the captures.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from jitter.unseen import UNSEEN
from spacescore.jitterlab import LINKS, Score, Trace, link, play, read_trace, score
from spacescore.jitterlab.comparison import PHASES

TRAINING_SEEDS = tuple(range(1, 13))
SEEDS = tuple(range(21, 33))
SECONDS = 120
CAPTURES = Path(__file__).resolve().parents[2].parent / "shared" / "traces"
# The NetEQ model knows no sequence numbers, so what it does at a restart says nothing.
NOT_COMPARED = {"restart"}

# A mean difference is told from none when it is larger than twice its standard error over all
# runs of a link (seeds, and offsets of the ticks), and than what nobody would hear.
ERRORS = 2
LEAST_MS, LEAST_POINTS = 1.0, 0.01

Scores = Mapping[str, Sequence[Sequence[Score]]]  # by link, by run, by policy


def generated(seeds: Sequence[int] = SEEDS) -> dict[str, list[Trace]]:
    """Return the links' traces by name, one per seed."""
    names = [name for name in LINKS if name not in NOT_COMPARED]
    return {name: [link(name, seed, SECONDS) for seed in seeds] for name in names}


def unseen(seeds: Sequence[int] = SEEDS) -> dict[str, list[Trace]]:
    """Return traces of links that no setting was sought on."""
    return {
        name: [make(np.random.default_rng(seed), SECONDS * 50) for seed in seeds]
        for name, make in UNSEEN.items()
    }


def captured() -> dict[str, list[Trace]]:
    """Return the captures that are here, perhaps none."""
    return {path.stem: [read_trace(path)] for path in sorted(CAPTURES.glob("*.rtp"))}


def scored(traces: Mapping[str, Sequence[Trace]], names: Sequence[str]) -> Scores:
    """Score every policy on every link, run by run.

    Seeds take the offsets of the ticks by turns, so that each run is drawn anew; a trace that is
    the only one of its link is run at each offset.
    """
    runs = {name: _at_offsets(several) for name, several in traces.items()}
    jobs = [(*run, names) for of in runs.values() for run in of]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(_scored, *zip(*jobs, strict=True), chunksize=PHASES)
        return {name: [*islice(found, len(of))] for name, of in runs.items()}


def _at_offsets(several: Sequence[Trace]) -> list[tuple[Trace, int]]:
    if len(several) == 1:
        return [(several[0], phase) for phase in range(PHASES)]
    return [(trace, number % PHASES) for number, trace in enumerate(several)]


def _scored(trace: Trace, phase: int, names: Sequence[str]) -> list[Score]:
    return [score(trace, play(trace, policy, phase)) for policy in names]


def means(runs: Sequence[Sequence[Score]]) -> list[Score]:
    """Return the mean over a link's runs, by policy."""
    fields = list(Score.__dataclass_fields__)[2:]
    return [
        Score(
            same[0].policy,
            same[0].trace,
            *(float(np.mean([getattr(one, field) for one in same])) for field in fields),
        )
        for same in zip(*runs, strict=True)
    ]


def _of(runs: Sequence[Sequence[Score]], policy: str) -> list[Score]:
    return [next(one for one in run if one.policy == policy) for run in runs]


def _could_be_less(one: Score) -> bool:
    """Whether a buffer can conceal less at all: not than what was lost."""
    return one.concealed - one.lost > LEAST_POINTS


def _sign(differences: Sequence[float], least: float) -> int:
    """-1, 0, 1: less, not to be told apart, more."""
    mean = float(np.mean(differences))
    error = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    return 0 if abs(mean) <= max(ERRORS * error, least) else int(np.sign(mean))


class Against:
    """Ours beside another policy, over all links."""

    def __init__(self, scores: Scores, policy: str) -> None:
        ours = {
            name: means([[one] for one in _of(runs, "spacescore")])[0]
            for name, runs in scores.items()
        }
        theirs = {
            name: means([[one] for one in _of(runs, policy)])[0] for name, runs in scores.items()
        }
        self.delay = {name: ours[name].mean / one.mean for name, one in theirs.items()}
        self.delay_ratio = float(np.exp(np.mean(np.log(list(self.delay.values())))))
        self.worst_delay = max(self.delay.values())
        self.concealed_ratio = _total(ours, "concealed") / _total(theirs, "concealed")
        self.stretch_ratio = _total(ours, "stretched") / _total(theirs, "stretched")
        signs = {name: self._signs(runs, policy) for name, runs in scores.items()}
        self.better = [name for name, pair in signs.items() if min(pair) < 0 >= max(pair)]
        self.better_in_both = [name for name, pair in signs.items() if max(pair) < 0]
        self.alike = [name for name, pair in signs.items() if pair == (0, 0)]
        self.traded = [name for name, pair in signs.items() if min(pair) < 0 < max(pair)]
        self.worse = [name for name, pair in signs.items() if min(pair) >= 0 < max(pair)]
        self.worse_in_both = [name for name, pair in signs.items() if min(pair) > 0]
        self.beatable = [name for name, one in theirs.items() if _could_be_less(one)]

    @staticmethod
    def _signs(runs: Sequence[Sequence[Score]], policy: str) -> tuple[int, int]:
        """Whether delay and concealment are less, alike or more."""
        pairs = list(zip(_of(runs, "spacescore"), _of(runs, policy), strict=True))
        later = [ours.mean - theirs.mean for ours, theirs in pairs]
        more = [ours.concealed - theirs.concealed for ours, theirs in pairs]
        return _sign(later, LEAST_MS), _sign(more, LEAST_POINTS)


def _total(scores: Mapping[str, Score], field: str) -> float:
    return sum(float(getattr(one, field)) for one in scores.values())
