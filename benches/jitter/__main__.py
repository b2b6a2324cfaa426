"""Rewrites the tables of docs/jitter.md and its plots.

make bench-jitter
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jitter.measure import SECONDS, SEEDS, Against, Scores, captured, generated, scored
from spacescore.jitterlab import Score, link, names_here, play
from spacescore.jitterlab.plots import draw_over_time, draw_trade

BEGIN, END = "<!-- make bench-jitter writes from here -->", "<!-- to here -->"
SHOWN = ["spacescore", "NetEQ model", "NetEQ model, exact", "speexdsp", "aiortc"]


def table(scores: Scores) -> list[str]:
    policies = [one.policy for one in next(iter(scores.values()))]
    lines = ["| | " + " | ".join(policies) + " |", "|---" * (len(policies) + 1) + "|"]
    for name, several in scores.items():
        lines.append(f"| {name} | " + " | ".join(_cell(one) for one in several) + " |")
    return lines


def _cell(one: Score) -> str:
    return f"{one.concealed:.2f} / **{one.mean:.0f}** / {one.p95:.0f}"


def beside(scores: Scores, policies: Sequence[str]) -> list[str]:
    lines = [
        "| spacescore beside | delay, geometric mean | worst link | concealed, all links "
        "| stretched | less delay, at most 0.1 point more concealed | more of both |",
        "|---|---|---|---|---|---|---|",
    ]
    for policy in policies:
        found = Against(scores, policy)
        count = len(found.delay)
        lines.append(
            f"| {policy} | {found.delay_ratio:.2f} × | {found.worst_delay:.2f} × "
            f"| {found.concealed_ratio:.2f} × | {found.stretch_ratio:.2f} × "
            f"| {len(found.better_in_both)} of {count} "
            f"| {', '.join(found.worse_in_both) or 'none'} |"
        )
    return lines


def main(page: Path, images: Path) -> None:
    names = names_here()
    links = scored(generated(), names)
    captures = captured()
    found = scored(captures, names)
    every = links | found
    policies = [name for name in SHOWN if name in names]
    note = f"Generated links: the mean over seeds {', '.join(map(str, SEEDS))}, {SECONDS} s each."
    lines = [
        *beside(every, policies[1:]),
        "",
        "Concealed % / **mean added delay, ms** / its 95th percentile:",
        "",
        *table(every),
        "",
        note,
    ]
    print(*lines, sep="\n")
    images.mkdir(parents=True, exist_ok=True)
    draw_trade(
        {
            name: [one for one in several if one.policy != "aiortc"]
            for name, several in every.items()
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
