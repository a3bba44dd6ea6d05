"""The Pareto front: accuracy against measured latency, with intervals, target, reference nets and reward curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from reports import rewards
from reports.figures import style as look
from reports.pareto import objectives, pareto_front

if TYPE_CHECKING:
    from mnas.reward import Reward


_HALO = [Stroke(linewidth=2, foreground="white"), Normal()]


def pareto(
    table: pd.DataFrame, *, target_ms: float | None = None, reward: Reward | None = None, title: str = ""
) -> Figure:
    """Accuracy against latency for one run or, told apart by the column `run`, for several.

    Bars on the front and on the reference nets are 95 % intervals: binomial for the accuracy, the timing protocol's for
    the latency. Grey curves join points of equal reward.

    Args:
        table: `reports.frame(run)`, or several below each other.
        target_ms: latency asked for, drawn as a line.
        reward: reward of the search; None draws no curves.
        title: above the figure, in place of nothing.

    Raises:
        ReportError: the table has no accuracy or latency.
    """
    points = objectives(table)
    measured = table[np.isfinite(points).all(axis=1)]
    with look.style():
        figure, (axis,) = look.new_figure()
        look.percent_axis(axis, "accuracy (int8)")
        if measured.empty:
            look.empty_note(axis, "no finished trial yet")
            return figure
        look.amount_axis(axis, measured["latency_ms"].to_numpy(), "latency in ms (median)")
        runs = list(dict.fromkeys(measured["run"])) if "run" in measured else [""]
        for index, run in enumerate(runs):
            _draw_run(axis, measured[measured["run"] == run] if run else measured, index, run if len(runs) > 1 else "")
        _limits(axis, measured)
        if target_ms is not None:
            _target(axis, target_ms)
        if reward is not None:
            _reward_curves(axis, reward, measured)
        axis.set_title(title)
        # Looking for the emptiest corner takes long among many points; theirs is seldom the lower right one.
        axis.legend(loc="best" if len(measured) < look.RASTER_FROM else "lower right")
    return figure


def _draw_run(axis: Axes, rows: pd.DataFrame, index: int, run: str) -> None:
    color, marker = look.COLORS[index % len(look.COLORS)], look.MARKERS[index % len(look.MARKERS)]
    reference = rows["kind"] == "reference" if "kind" in rows else np.zeros(len(rows), dtype=bool)
    candidates, nets, front = rows[~reference], rows[reference], pareto_front(rows)
    axis.scatter(
        candidates["latency_ms"],
        candidates["accuracy"],
        s=9 if len(candidates) < 500 else 4,
        color=color if run else look.CLOUD,
        alpha=0.45 if run else 0.7,
        marker=marker,
        linewidths=0,
        rasterized=len(candidates) >= look.RASTER_FROM,
        label=None if run else f"candidates ({len(candidates)})",
    )
    _intervals(axis, front, color)
    axis.step(
        front["latency_ms"],
        front["accuracy"],
        where="post",
        color=color,
        marker=marker,
        markersize=4.5,
        label=f"front of {run} ({len(front)} of {len(candidates)})" if run else f"front ({len(front)})",
        zorder=4,
    )
    _intervals(axis, nets, look.INK)
    named = set(axis.get_legend_handles_labels()[1])
    for position, (_, net) in enumerate(nets.iterrows()):
        _reference(axis, net, position, named)


def _intervals(axis: Axes, rows: pd.DataFrame, color: str) -> None:
    bars = {"fmt": "none", "ecolor": color, "elinewidth": 0.8, "capsize": 1.5, "alpha": 0.55, "zorder": 3}
    for low, high, along in (
        ("accuracy_low", "accuracy_high", "yerr"),
        ("latency_low_ms", "latency_high_ms", "xerr"),
    ):
        if low not in rows or high not in rows:
            continue
        center = rows["accuracy" if along == "yerr" else "latency_ms"]
        sides = np.clip(np.stack([center - rows[low], rows[high] - center]).astype(float), 0, None)
        known = np.isfinite(sides).all(axis=0)
        if known.any():
            shown = rows[known]
            axis.errorbar(shown["latency_ms"], shown["accuracy"], **{along: sides[:, known]}, **bars)


def _reference(axis: Axes, net: pd.Series, position: int, named: set[str]) -> None:
    label = f" {net['name']}"  # a space, for matplotlib hides labels that begin with an underscore
    axis.scatter(
        [net["latency_ms"]],
        [net["accuracy"]],
        s=42,
        marker=("*", "X", "d", "h")[position % 4],
        facecolor="white",
        edgecolor=look.INK,
        linewidths=1.1,
        zorder=5,
        label=None if label in named else label,
    )


def _limits(axis: Axes, rows: pd.DataFrame) -> None:
    # The data decide what is seen, not the intervals: those of a network with 20 test images span half the axis.
    latency, accuracy = rows["latency_ms"].to_numpy(), rows["accuracy"].to_numpy()
    if axis.get_xscale() == "log":
        axis.set_xlim(latency.min() / 1.12, latency.max() * 1.18)
    else:
        margin = 0.06 * (latency.max() - latency.min()) or 0.1 * abs(latency.max()) or 1.0
        axis.set_xlim(max(0.0, latency.min() - margin), latency.max() + margin)
    margin = 0.07 * (accuracy.max() - accuracy.min()) or 0.02
    axis.set_ylim(accuracy.min() - margin, min(accuracy.max() + margin, 1.02))


def _target(axis: Axes, target_ms: float) -> None:
    low, high = axis.get_xlim()
    axis.set_xlim(min(low, target_ms * 0.97), max(high, target_ms * 1.03))
    axis.axvline(target_ms, color=look.INK, linestyle=(0, (5, 3)), linewidth=0.9, zorder=2)
    axis.annotate(
        f"target {target_ms:.3g} ms",
        (target_ms, 0.0),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 4),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="bottom",
        fontsize=7,
        color=look.INK,
        path_effects=_HALO,
    )


def _reward_curves(axis: Axes, reward: Reward, rows: pd.DataFrame) -> None:
    earned = rows["reward"].dropna() if "reward" in rows else pd.Series(dtype=float)
    if earned.empty:
        return
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    latency = np.geomspace(max(left, right * 1e-3), right, 300)
    for index, level in enumerate(np.unique(np.quantile(earned, [0.5, 0.9, 1.0]).round(4))):
        accuracy = rewards.curve(reward, float(level), latency)
        axis.plot(latency, accuracy, color=look.FAINT, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=1)
        seen = np.flatnonzero((accuracy > bottom) & (accuracy < top))
        if len(seen):
            place = seen[int((0.97 - 0.12 * index) * (len(seen) - 1))]  # apart, where curves are steep and close
            axis.annotate(
                f"reward {level:.3g}",
                (latency[place], accuracy[place]),
                fontsize=6.5,
                color="#777777",
                ha="right",
                va="bottom",
                path_effects=_HALO,
            )
    axis.set_xlim(left, right)
    axis.set_ylim(bottom, top)
