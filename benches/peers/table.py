"""What was found, for the terminal and for machines."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from peers.figures import Figure, Peer, Round, ratio

__all__ = ["Target", "as_json", "markdown", "table"]

NAME, CELL = 30, 14


@dataclass(frozen=True)
class Target:
    """How many times cheaper than Janus something is to be."""

    what: str
    times: float
    ours: str  # the peer's name
    of: Callable[[Round], float]


@dataclass(frozen=True)
class _Column:
    key: str
    title: str
    unit: str
    scale: float
    of: Callable[[Round], float]


COLUMNS = [
    _Column("us_per_listener", "a listener", "µs/s", 1e6, lambda r: r.per_listener),
    _Column("us_per_further", "one more", "µs/s", 1e6, lambda r: r.per_further_listener),
    _Column("us_per_packet", "a packet", "µs", 1e6, lambda r: r.per_packet),
    _Column("ms_per_join", "a join", "ms", 1e3, lambda r: r.per_join),
    _Column("joins_per_cpu_second", "joins", "/CPU s", 1, lambda r: 1 / r.per_join),
    _Column("kib_per_further", "memory", "KiB", 1 / 1024, lambda r: r.bytes_per_further_listener),
    _Column("idle_percent", "idle", "% core", 100, lambda r: r.many.idle),
    _Column("loss_percent", "lost", "%", 1, lambda r: r.many.loss_percent),
]


def table(peers: Sequence[Peer], theirs: Sequence[Peer], targets: Sequence[Target]) -> str:
    """Return everything as text; `theirs`: what targets are held against, the cheaper one."""
    titles = "".join(f"{column.title:>{CELL}}" for column in COLUMNS)
    units = "".join(f"{column.unit:>{CELL}}" for column in COLUMNS)
    lines = ["", f"{'':{NAME}}{titles}", _dim(f"{'':{NAME}}{units}")]
    for peer in peers:
        lines += _rows(peer)
    if theirs:
        lines.append("")
    for target in targets:
        lines += [_verdict(target, their, _named(peers, target.ours)) for their in theirs]
    return "\n".join([*lines, ""])


def markdown(
    peers: Sequence[Peer], theirs: Sequence[Peer], targets: Sequence[Target], setting: str
) -> str:
    """Return the medians, with their least and greatest, as tables for a page."""
    head = " | ".join(f"{column.title}, {column.unit}" for column in COLUMNS)
    lines = [f"| listeners | {head} |", "|---" + "|--:" * len(COLUMNS) + "|"]
    for peer in peers:
        figures = [_scaled(peer.figure(column.of), column.scale) for column in COLUMNS]
        cells = [f"{_short(figure.median)} ({_spread(figure)})" for figure in figures]
        lines.append(f"| {_audience(peer)} | {' | '.join(cells)} |")
    lines += ["", "| times less than | measured | target | |", "|---|--:|--:|---|"]
    for target in targets:
        for their in theirs:
            found = ratio(their, _named(peers, target.ours), target.of)
            times = f"{_short(found.median)} ({_spread(found)})"
            met = "met" if found.median >= target.times else "missed"
            lines.append(f"| {target.what}, {their.name} | {times} | {target.times:g} | {met} |")
    return "\n".join([*lines, "", setting])


def as_json(
    peers: Sequence[Peer], theirs: Sequence[Peer], targets: Sequence[Target]
) -> dict[str, Any]:
    """Return the figures, the ratios, and what they were made of."""
    return {
        "peers": {
            peer.name: {
                "figures": {
                    column.key: asdict(_scaled(peer.figure(column.of), column.scale))
                    for column in COLUMNS
                },
                "rounds": [asdict(one) for one in peer.rounds],
            }
            for peer in peers
        },
        "targets": [
            {
                "what": target.what,
                "against": their.name,
                "ratio": asdict(found := ratio(their, _named(peers, target.ours), target.of)),
                "target": target.times,
                "met": found.median >= target.times,
            }
            for target in targets
            for their in theirs
        ],
    }


def _rows(peer: Peer) -> list[str]:
    figures = [_scaled(peer.figure(column.of), column.scale) for column in COLUMNS]
    name = _audience(peer)
    medians = "".join(f"{_short(figure.median):>{CELL}}" for figure in figures)
    spreads = "".join(f"{_spread(figure):>{CELL}}" for figure in figures)
    return [click.style(f"{name:{NAME}}", bold=True) + medians, _dim(f"{'':{NAME}}{spreads}")]


def _verdict(target: Target, their: Peer, ours: Peer) -> str:
    found = ratio(their, ours, target.of)
    met = found.median >= target.times
    mark = click.style("✓" if met else "✗", fg="green" if met else "red")
    return (
        f"  {mark} {target.what + ', ' + their.name:58}{_short(found.median):>6} times less  "
        f"{_dim(f'({_spread(found)})'):24} target {target.times:g}"
    )


def _audience(peer: Peer) -> str:
    return f"{peer.name}, {peer.rounds[-1].many.listeners:,}"


def _named(peers: Sequence[Peer], name: str) -> Peer:
    return next(peer for peer in peers if peer.name == name)


def _scaled(figure: Figure, scale: float) -> Figure:
    return Figure(figure.median * scale, figure.least * scale, figure.greatest * scale)


def _spread(figure: Figure) -> str:
    return f"{_short(figure.least)}…{_short(figure.greatest)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _dim(text: str) -> str:
    return click.style(text, dim=True)
