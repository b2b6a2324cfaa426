"""A report as people read it: a table, and one line that says how it went."""

from collections.abc import Mapping

from spacescore.load.plan import Door
from spacescore.load.report import LoadReport, Quantiles
from spacescore.load.runner import Progress

__all__ = ["progress_line", "summary"]

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _PLAIN = (
    "\x1b[1m",
    "\x1b[2m",
    "\x1b[31m",
    "\x1b[32m",
    "\x1b[33m",
    "\x1b[0m",
)
_LABEL = 14
_BAR = 24
_LINE = 77  # with two spaces before it less than a terminal's 80 columns: what wraps, piles up


def summary(report: LoadReport, *, color: bool = False) -> str:
    """Return the report as text of several lines."""
    paint = _Paint(color)
    rows = [_head(report, paint), ""]
    rows += _counts(report, paint)
    rows += ["", *_times(report, paint), ""]
    rows += [*_cost(report, paint), "", _verdict(report, paint)]
    return "".join(f"  {row}".rstrip() + "\n" for row in ["", *rows, ""])


def progress_line(progress: Progress) -> str:
    """Return where a test is, in one line of fewer than 78 characters."""
    audible = 100 * progress.audible / progress.joined if progress.joined else 0.0
    all_of_it = progress.received + progress.lost
    lost = 100 * progress.lost / all_of_it if all_of_it else 0.0
    parts = [
        f"{progress.joined:,}/{progress.listeners:,}",
        f"{progress.joins_per_second:,.0f}/s" if progress.phase == "joining" else "",
        f"{progress.failed:,} failed" if progress.failed else "",
        f"audio {audible:.0f} %" if progress.joined else "",
        f"lost {lost:.3g} %" if progress.received else "",
    ]
    shown = [part for part in parts if part]
    phase = f"{progress.phase:9}"
    while (room := _LINE - len(" ".join((phase, "", " · ".join(shown))))) < 0:
        del shown[-2]  # how many lack something is said last
    length = min(_BAR, room)
    full = length * progress.joined // max(progress.listeners, 1)
    bar = "━" * full + "╌" * (length - full)
    return " ".join((phase, bar, " · ".join(shown)))


class _Paint:
    def __init__(self, color: bool) -> None:
        self._color = color

    def __call__(self, how: str, text: str) -> str:
        return f"{how}{text}{_PLAIN}" if self._color else text

    def row(self, label: str, *parts: str) -> str:
        """Return a labelled line of parts, the empty ones left out."""
        return self(_DIM, f"{label:<{_LABEL}}") + " · ".join(part for part in parts if part)


def _head(report: LoadReport, paint: _Paint) -> str:
    plan = report.plan
    ticket = plan.ticket or {}
    where = plan.target or f"space {ticket.get('space', '?')}"
    if plan.door is Door.JANUS:
        where += f", mountpoint {plan.mountpoint}"
    ramp = f"{plan.ramp.profile} {plan.ramp.seconds:g} s"
    return f"{paint(_BOLD, where)}  by {plan.door}, {ramp}, then {report.listened_seconds:.3g} s"


def _counts(report: LoadReport, paint: _Paint) -> list[str]:
    joins, audio, speakers = report.joins, report.audio, report.speakers
    rows = []
    if speakers.asked:
        said = f"{speakers.packets:,} packets said"
        rows.append(paint.row("speakers", f"{speakers.joined:,} of {speakers.asked:,}", said))
        rows += _failures(speakers.failures, paint)
    if joins.asked:
        rate = f"{joins.per_second:,.0f} joins/s" if joins.joined > 1 else ""
        rows.append(paint.row("listeners", f"{joins.joined:,} of {joins.asked:,}", rate))
        rows += _failures(joins.failures, paint)
    counts = f"{audio.expected:,} expected", f"{audio.received:,} received"
    bad = _red_if(audio.lost, "lost", paint), _red_if(audio.late, "late", paint)
    rows.append(paint.row("packets", *counts, *bad))
    odd = [
        f"{audio.reordered:,} reordered" if audio.reordered else "",
        f"{audio.duplicated:,} duplicated" if audio.duplicated else "",
        _red_if(audio.skipped, "skipped by the server", paint) if audio.skipped else "",
        _red_if(audio.silent, "listeners heard nothing", paint) if audio.silent else "",
        _red_if(audio.fell_silent, "listeners fell silent", paint) if audio.fell_silent else "",
    ]
    return [*rows, paint.row("", *odd)] if any(odd) else rows


def _failures(failures: Mapping[str, int], paint: _Paint) -> list[str]:
    return [paint.row("", paint(_RED, f"{n:,} {cause}")) for cause, n in failures.items()]


def _red_if(count: int, what: str, paint: _Paint) -> str:
    return paint(_RED, f"{count:,} {what}") if count else f"0 {what}"


def _times(report: LoadReport, paint: _Paint) -> list[str]:
    rows = {
        "first answer": report.joins.answered,
        "joined": report.joins.time,
        "first audio": report.joins.first_audio,
        "jitter": report.audio.jitter,
        "delay": report.audio.delay,
    }
    head = "".join(f"{name:>12}" for name in ("p50", "p95", "p99", "max"))
    known = {name: row for name, row in rows.items() if row.p50 is not None}
    lines = [paint(_DIM, f"{'':<{_LABEL}}{head}")] if known else []
    return [
        *lines,
        *(paint(_DIM, f"{name:<{_LABEL}}") + _cells(row) for name, row in known.items()),
    ]


def _cells(row: Quantiles) -> str:
    return "".join(f"{_ms(value):>12}" for value in (row.p50, row.p95, row.p99, row.max))


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 10_000:
        return f"{value / 1_000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def _cost(report: LoadReport, paint: _Paint) -> list[str]:
    rows, server, own = [], report.server, report.generator
    if server:
        shares = [
            f"{server.ms_per_join:.3g} ms a join" if server.ms_per_join is not None else "",
            f"{server.us_per_packet:.3g} µs a packet" if server.us_per_packet is not None else "",
            f"{server.cores:.0%} of a core while listening",
        ]
        rows.append(paint.row("server CPU", f"{server.name} (pid {server.pid})", *shares))
    late = f"late by {_ms(own.lateness.p99)} (p99)" if own.lateness.p99 is not None else ""
    busiest = f"the busiest thread {own.busiest:.0%}" if report.plan.threads > 1 else ""
    rows.append(paint.row("generator", f"{own.cores:.0%} of a core", busiest, late))
    for what in own.bottlenecks:
        rows.append(paint.row("", paint(_YELLOW, f"the generator was the bottleneck: {what}")))
    return rows


def _verdict(report: LoadReport, paint: _Paint) -> str:
    if report.ok:
        return paint(_GREEN, "✓ everybody joined, and nothing was lost beyond what was allowed")
    return paint(_RED, "✗ " + "; ".join(report.complaints))
