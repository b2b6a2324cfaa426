"""Plots of a comparison as SVG, legible on white and on dark alike. Needs matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spacescore.errors import SpacescoreError
from spacescore.jitterlab.playback import Playback, Score
from spacescore.jitterlab.trace import Trace

__all__ = ["GREY", "STYLE", "PlotsError", "draw_over_time", "draw_trade"]

# Mid-tones that stand on white and on dark; nothing is drawn behind them.
OURS, NETEQ, GREEN, PURPLE, RED, GREY = (
    *("#3B82F6", "#F59E0B", "#10B981", "#A855F7", "#EF4444", "#8B949E"),
)
COLORS = {
    "spacescore": OURS,
    "NetEQ model": NETEQ,
    "NetEQ model, exact": NETEQ,
    "speexdsp": GREEN,
    "aiortc": PURPLE,
}
MARKS = {"spacescore": "o", "NetEQ model": "s", "NetEQ model, exact": "d", "speexdsp": "^"}
STYLE: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.alpha": 0.25,
    "grid.color": GREY,
    "legend.frameon": False,
    "legend.labelcolor": GREY,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "spacescore",
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


class PlotsError(SpacescoreError):
    """matplotlib is not installed."""


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise PlotsError("Plots need matplotlib: pip install 'spacescore[plots]'.") from None
    matplotlib.use("svg")
    from matplotlib import pyplot

    return pyplot


def draw_over_time(
    trace: Trace,
    playbacks: Sequence[Playback],
    path: Path,
    *,
    start_s: float = 0,
    seconds: float = 30,
) -> None:
    """Draw when packets came, when each policy played them, and the target of the first."""
    plt = _pyplot()
    origin = int(trace.arrival_us[0])
    with plt.rc_context(STYLE):
        plt.figure(figsize=(8.4, 3.6))
        end_s = start_s + min(seconds, trace.seconds)
        came = (trace.arrival_us - origin) / 1e6
        seen = (came >= start_s) & (came <= end_s)
        relative = trace.relative_us / 1e3
        plt.plot(came[seen], relative[seen], ".", color=GREY, markersize=2, label="packets came")
        for number, playback in enumerate(playbacks):
            heard = np.flatnonzero(playback.played_us >= 0)
            heard = heard[np.argsort(playback.played_us[heard], kind="stable")]
            lag = playback.played_us[heard] - trace.sent_us[heard]
            lag = (lag - (trace.arrival_us - trace.sent_us).min()) / 1e3
            at = (playback.played_us[heard] - origin) / 1e6
            seen = (at >= start_s) & (at <= end_s)
            color = COLORS.get(playback.policy, RED)
            plt.plot(
                at[seen], lag[seen], color=color, linewidth=1.4, label=f"{playback.policy} played"
            )
            if number == 0:
                ticks = (playback.tick_us - origin) / 1e6
                seen = (ticks >= start_s) & (ticks <= end_s)
                plt.plot(
                    ticks[seen],
                    playback.target_ms[seen],
                    "--",
                    color=color,
                    linewidth=0.9,
                    label="its target",
                )
        plt.xlim(start_s, end_s)
        plt.ylim(bottom=0)
        plt.xlabel("seconds")
        plt.ylabel("ms behind the fastest packet")
        plt.title(f"{trace.name}: arrival, target and playout")
        plt.grid(axis="y")
        plt.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(playbacks) + 2)
        plt.savefig(path, metadata={"Date": None})
        plt.close()


def draw_trade(scores: Mapping[str, Sequence[Score]], path: Path) -> None:
    """Draw added delay against concealment, one panel per trace, one mark per policy."""
    plt = _pyplot()
    columns = min(4, len(scores))
    rows = -(-len(scores) // columns)
    with plt.rc_context(STYLE | {"axes.titlesize": 9, "font.size": 8}):
        figure, axes = plt.subplots(
            rows, columns, figsize=(2.6 * columns + 0.6, 2.1 * rows + 0.6), squeeze=False
        )
        for panel, (name, found) in zip(axes.flat, scores.items(), strict=False):
            _panel(panel, name, [one for one in found if not one.policy.startswith("fixed")])
        for panel in axes.flat[len(scores) :]:
            panel.set_visible(False)
        figure.supxlabel("added delay, ms", color=GREY, fontsize=9)
        figure.supylabel("concealed, %", color=GREY, fontsize=9)
        handles = {
            label: handle
            for panel in axes.flat
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            handles.values(), handles.keys(), loc="outside upper center", ncols=min(4, len(handles))
        )
        plt.savefig(path, metadata={"Date": None})
        plt.close()


def _panel(panel: Any, name: str, scores: Sequence[Score]) -> None:
    for one in scores:
        oracle = one.policy.startswith("oracle")
        empty = oracle or one.policy.endswith("exact")
        color = COLORS.get(one.policy, RED if "second" in one.policy else GREY)
        panel.plot(
            one.mean,
            one.concealed,
            MARKS.get(one.policy, "*" if oracle else "v"),
            color=color,
            markerfacecolor="none" if empty else color,
            linestyle="none",
            markersize=7,
            clip_on=False,
            label=one.policy,
        )
    panel.set_title(name)
    panel.set_xlim(0, 1.12 * max(one.mean for one in scores))
    panel.set_ylim(0, max(0.2, 1.15 * max(one.concealed for one in scores)))
    panel.grid()
