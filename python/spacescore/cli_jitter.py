"""`spacescore jitter`: jitter buffers side by side, on the command line."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from spacescore.jitterlab import Score, Trace

__all__ = ["jitter"]

BAD_TRACE = 2
LINK = "link:"

EXAMPLES = """
\b
Examples:
  spacescore jitter call.pcap
  spacescore jitter link:wifi link:spikes:7 --plots plots
  spacescore jitter walk.csv --policy spacescore --policy "NetEQ model" --json -
"""


@click.command(epilog=EXAMPLES)
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option(
    "--policy", "policies", multiple=True, metavar="NAME", help="Repeatable.  [default: all here]"
)
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Folder for SVGs.")
@click.option("--json", "json_file", type=click.File("w"), help="Write the scores; - is stdout.")
@click.option("--clock", type=click.IntRange(1), help="RTP clock in Hz.  [default: as it runs]")
@click.option("--ssrc", type=click.IntRange(0), help="Stream.  [default: the longest]")
@click.option("--seconds", default=120.0, show_default=True, help="Length of generated traces.")
def jitter(
    traces: tuple[str, ...],
    policies: tuple[str, ...],
    plots: Path | None,
    json_file: object,
    clock: int | None,
    ssrc: int | None,
    seconds: float,
) -> None:
    """Play recorded streams by several jitter buffers and tell what a listener would get.

    TRACE is an rtpdump or pcap file, a CSV of send ms, arrival ms (empty: lost), size and marker,
    or link:NAME[:SEED], a generated one. docs/jitter.md tells how to read the table.
    """
    from spacescore.errors import SpacescoreError
    from spacescore.jitterlab import compare, names_here, summary

    names = list(policies) or names_here()
    try:
        _check(names)
        found = [_open(text, clock, ssrc, seconds) for text in traces]
        scores = {trace.name: compare(trace, names) for trace in found}
        if plots is not None:
            _draw(found, scores, names, plots)
    except (SpacescoreError, ValueError) as error:
        click.secho(f"spacescore: {error}", err=True, fg="red")
        sys.exit(BAD_TRACE)
    if json_file is not None:
        rows = [asdict(score) for several in scores.values() for score in several]
        json.dump(rows, json_file, indent=2)  # type: ignore[arg-type]
        json_file.write("\n")  # type: ignore[attr-defined]
        return
    for trace in found:
        click.echo(f"\n{click.style(trace.name, bold=True)}  {_facts(trace)}\n")
        click.echo(summary(scores[trace.name]), nl=False)


def _check(names: list[str]) -> None:
    from spacescore.errors import InvalidRequestError
    from spacescore.jitterlab import POLICIES, names_here

    for name in names:
        if name not in POLICIES:
            raise InvalidRequestError(f"No policy {name!r}; there are {', '.join(POLICIES)}.")
        if name not in names_here():
            raise InvalidRequestError(f"{name} is not installed here.")


def _open(text: str, clock: int | None, ssrc: int | None, seconds: float) -> "Trace":
    from spacescore.errors import InvalidRequestError
    from spacescore.jitterlab import LINKS, link, read_trace

    if not text.startswith(LINK):
        return read_trace(text, clock=clock, ssrc=ssrc)
    name, _, seed = text.removeprefix(LINK).partition(":")
    if name not in LINKS or not (seed or "1").isdecimal():
        raise InvalidRequestError(f"{text}: links are {', '.join(LINKS)}, and a seed is a number.")
    if not 2 <= seconds <= 86_400:
        raise InvalidRequestError("--seconds must be from 2 to 86400.")
    return link(name, int(seed or 1), seconds)


def _facts(trace: "Trace") -> str:
    import numpy as np

    p50, p99 = np.percentile(trace.relative_us / 1_000, [50, 99])
    return (
        f"{trace.sent:,} packets of {trace.frame_us / 1_000:g} ms · {trace.seconds:.0f} s · "
        f"{trace.lost:.2%} lost · delay p50 {p50:.0f}, p99 {p99:.0f} ms"
    )


def _draw(
    traces: list["Trace"], scores: dict[str, list["Score"]], names: list[str], folder: Path
) -> None:
    from spacescore.jitterlab import play
    from spacescore.jitterlab.plots import draw_over_time, draw_trade

    folder.mkdir(parents=True, exist_ok=True)
    for trace in traces:
        shown = [name for name in names if name in ("spacescore", "NetEQ model")] or names[:2]
        slug = "".join(mark if mark.isalnum() else "_" for mark in trace.name)
        draw_over_time(trace, [play(trace, name) for name in shown], folder / f"{slug}.svg")
    draw_trade(scores, folder / "delay_against_concealment.svg")
