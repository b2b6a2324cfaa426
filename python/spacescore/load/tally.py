"""What the swarms of a test have counted, put together: rows, times, and what it all cost."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spacescore._native import _core
from spacescore.load.local import cpu_seconds, name_of
from spacescore.load.plan import LoadPlan
from spacescore.load.report import Columns, Generator, Quantiles, ServerCost, Speakers, causes
from spacescore.load.silence import SoundClock, silences, unanswered

__all__ = [
    "Mark",
    "columns_of",
    "cost_of",
    "generator_of",
    "mark",
    "merged",
    "silences_of",
    "speakers_of",
    "totals_of",
]


@dataclass(frozen=True, slots=True)
class Mark:
    """What was used and received up to a moment."""

    at: float  # seconds, monotonic
    cpu: float | None  # seconds of the server
    own: np.ndarray  # seconds of each of our threads
    received: int


def mark(swarms: Sequence[Any], pid: int | None) -> Mark:
    """Return what was used up to now; `pid`: the server's, where it is known."""
    used = cpu_seconds(pid) if pid else None
    own = np.array([swarm.health()["cpu_us"] for swarm in swarms]) / 1e6
    return Mark(time.monotonic(), used, own, totals_of(swarms)["received"])


def totals_of(swarms: Sequence[Any]) -> dict[str, Any]:
    """Return the sums of what is known of each swarm at any moment."""
    fates: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for swarm in swarms:
        totals = swarm.totals()
        fates.update(totals.pop("fates"))
        sums.update(totals)
    return {"fates": fates, **{name: sums[name] for name in totals}}


def merged(swarms: Sequence[Any], name: str) -> Quantiles:
    """Return the quantiles of durations that each swarm counted under a name."""
    found = [getattr(swarm, name)() for swarm in swarms]
    counts = np.sum([f["counts"] for f in found], axis=0)
    largest = max(f["largest_us"] for f in found)
    return Quantiles.of_counts(found[0]["ends_us"], counts.tolist(), largest)


def columns_of(swarms: Sequence[Any]) -> tuple[Columns, Columns, Columns]:
    """Return all swarms' rows end to end, and their logs with the numbers of the rows.

    A listener's is counted among listeners, a speaker's among speakers.
    """
    parts = [swarm.results() for swarm in swarms]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    speaker = rows["speaker"]
    number = np.where(speaker, np.cumsum(speaker), np.cumsum(~speaker)) - 1
    offsets = np.cumsum([0] + [part["speaker"].size for part in parts])
    logs = []
    for log in ("heard", "said"):
        found = [getattr(swarm, log)() for swarm in swarms]
        whole = {name: np.concatenate([f[name] for f in found]) for name in found[0]}
        at = [f["member"] + offset for f, offset in zip(found, offsets, strict=False)]
        members = np.concatenate(at).astype(np.int64)
        whole["member"] = number[members]
        wanted = speaker[members] if log == "said" else ~speaker[members]
        logs.append({name: column[wanted] for name, column in whole.items()})
    return rows, logs[0], logs[1]


def generator_of(
    swarms: Sequence[Any], marks: Sequence[Mark], request_lags_us: Sequence[int]
) -> Generator:
    """Return how we did ourselves between the first mark and the last."""
    health = [swarm.health() for swarm in swarms]
    first, last = marks[0], marks[-1]
    busy = (last.own - first.own) / (last.at - first.at)
    return Generator(
        cores=round(float(busy.sum()), 3),
        busiest=round(float(busy.max()), 3),
        lateness=merged(swarms, "lateness"),
        request_lag=Quantiles.of(np.array(request_lags_us)),
        kernel_drops=sum(h["kernel_drops"] for h in health),
        send_errors=sum(h["send_errors"] for h in health),
        strays=totals_of(swarms)["strays"],
    )


def cost_of(pid: int | None, marks: Sequence[Mark], joined: int) -> ServerCost | None:
    """Return what joining and then listening cost the server, where its CPU time is known."""
    before, between, after = marks
    if pid is None or before.cpu is None or between.cpu is None or after.cpu is None:
        return None
    joining, listening = between.cpu - before.cpu, after.cpu - between.cpu
    seconds, packets = after.at - between.at, after.received - between.received
    listened = seconds * joined
    each = listening / packets if packets else 0.0
    for_joins = max(0.0, joining - each * (between.received - before.received))
    return ServerCost(
        pid=pid,
        name=name_of(pid),
        joining_seconds=round(joining, 2),
        listening_seconds=round(listening, 2),
        ms_per_join=round(1e3 * for_joins / joined, 3) if joined else None,
        us_per_packet=round(1e6 * each, 2) if packets else None,
        ms_per_listener_second=round(1e3 * listening / listened, 4) if listened else None,
        cores=round(listening / seconds, 3) if seconds else 0.0,
    )


def speakers_of(plan: LoadPlan, rows: Columns, refused: Sequence[str], end_us: int) -> Speakers:
    """Sum up the speakers among the rows; `refused`: why others did not come that far."""
    mine = {name: column[rows["speaker"]] for name, column in rows.items()}
    sign = np.maximum(mine["last_answer_us"], mine["last_audio_us"])
    return Speakers(
        asked=plan.speakers,
        joined=int((mine["connected_us"] >= 0).sum()),
        failures=causes(mine, _core.FATES, refused, plan.speakers),
        packets=int(mine["sent"].sum()),
        unanswered=int((_stays(mine) & (unanswered(sign, end_us) > 0)).sum()),
    )


def silences_of(listeners: Columns, sound: SoundClock, end_us: int) -> np.ndarray:
    """Return for how long each missed all, to the end; those who did not stay are counted as such.

    In microseconds.
    """
    heard = np.maximum(listeners["last_audio_us"], listeners["connected_us"])
    found = silences(heard, listeners["last_answer_us"], sound, end_us)
    return np.where(_stays(listeners), found, 0)


def _stays(rows: Columns) -> np.ndarray:
    stays: np.ndarray = rows["fate"] == _core.FATES.index("joined")
    return stays
