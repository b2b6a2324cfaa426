"""Rewrites the tables of docs/jitter.md and its plots.

make bench-jitter
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jitter.measure import (
    SECONDS,
    SEEDS,
    Against,
    Scores,
    captured,
    generated,
    means,
    scored,
    unseen,
)
from spacescore.jitterlab import Score, link, names_here, play
from spacescore.jitterlab.plots import draw_over_time, draw_trade

BEGIN, END = "<!-- make bench-jitter writes from here -->", "<!-- to here -->"
SHOWN = ["spacescore", "NetEQ model", "NetEQ model, exact", "speexdsp", "aiortc"]


def table(scores: Scores) -> list[str]:
    policies = [one.policy for one in next(iter(scores.values()))[0]]
    lines = ["| | " + " | ".join(policies) + " |", "|---" * (len(policies) + 1) + "|"]
    for name, runs in scores.items():
        lines.append(f"| {name} | " + " | ".join(_cell(one) for one in means(runs)) + " |")
    return lines


def _cell(one: Score) -> str:
    return f"{one.concealed:.2f} / **{one.mean:.0f}** / {one.p95:.0f}"


def beside(scores: Scores, policies: Sequence[str]) -> list[str]:
    lines = [
        "| spacescore beside | delay, geometric mean | worst link | concealed, all links "
        "| stretched | better | in both | one for the other | worse | worse in both |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for policy in policies:
        found = Against(scores, policy)
        lines.append(
            f"| {policy} | {found.delay_ratio:.2f} × | {found.worst_delay:.2f} × "
            f"| {found.concealed_ratio:.2f} × | {found.stretch_ratio:.2f} × "
            f"| {len(found.better)} of {len(found.delay)} "
            f"| {len(found.better_in_both)} of {len(found.beatable)} "
            f"| {len(found.traded)} | {', '.join(found.worse) or 'none'} "
            f"| {', '.join(found.worse_in_both) or 'none'} |"
        )
    return lines


def main(page: Path, images: Path) -> None:
    names = names_here()
    links = scored(generated(), names)
    captures = captured()
    found = scored(captures, names)
    every = {**links, **found}
    rivals = [name for name in ("NetEQ model", "speexdsp") if name in names]
    strange = scored(unseen(), ["spacescore", *rivals])
    sequenced = [name for name in ("spacescore", "speexdsp", "aiortc") if name in names]
    restarted = scored({"restart": [link("restart", seed, SECONDS) for seed in SEEDS]}, sequenced)
    policies = [name for name in SHOWN if name in names]
    note = f"Generated links: the mean over seeds {SEEDS[0]} to {SEEDS[-1]}, {SECONDS} s each."
    lines = [
        *beside(every, policies[1:]),
        "",
        "Concealed % / **mean added delay, ms** / its 95th percentile:",
        "",
        *table(every),
        "",
        note,
        "",
        "On links that no constant was tuned to:",
        "",
        *beside(strange, rivals),
        "",
        *table(strange),
        "",
        "A sender that begins anew each 20 s:",
        "",
        *table(restarted),
    ]
    print(*lines, sep="\n")
    images.mkdir(parents=True, exist_ok=True)
    draw_trade(
        {
            name: [one for one in means(runs) if one.policy != "aiortc"]
            for name, runs in every.items()
        },
        images / "jitter_trade.svg",
    )
    for name, start in (("spikes", 30), ("storms", 45), ("wifi", 30)):
        trace = link(name, SEEDS[0], SECONDS)
        shown = [play(trace, policy) for policy in ("spacescore", "NetEQ model")]
        draw_over_time(trace, shown, images / f"jitter_{name}.svg", start_s=start)
    before, _, rest = page.read_text().partition(BEGIN)
    if rest:
        page.write_text("\n".join([before + BEGIN, *lines, END + rest.partition(END)[2]]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
