"""The Pareto front: the metric against measured latency, with intervals, target, reference nets and reward curves."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cbook import STEP_LOOKUP_MAP
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from reports import rewards
from reports.figures import style as look
from reports.figures.labels import Label, place
from reports.metrics import axis_label, is_share, metric_of
from reports.pareto import objectives, pareto_front

if TYPE_CHECKING:
    from mnas.reward import Reward


_NET_MARKERS = ("*", "X", "d", "h", "P", "v", "8", ">", "p", "<", "H", "^")
_TARGET = {"color": look.INK, "linestyle": (0, (5, 3)), "linewidth": 0.9}
_POINT, _NET = 2.6, 4.0  # radii in points
_LEGEND_BELOW_IN = 0.46
_HEIGHT_IN, _LINE_IN = 3.7, 0.17
_LINE_LENGTH = 70  # characters in a line of the legend
# Where a line may be labelled, in shares of what is seen of it.
_ALONG_TARGET, _ALONG_CURVE = (0.04, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95), (0.95, 0.9, 0.8, 0.65, 0.5, 0.3, 0.1)


def pareto(
    table: pd.DataFrame, *, target_ms: float | None = None, reward: Reward | None = None, title: str = ""
) -> Figure:
    """The metric against latency for one run or, told apart by the column `run`, for several.

    Bars on the front and on the reference nets are 95 % intervals: the metric's own, and the timing protocol's for the
    latency. Grey curves join points of equal reward. Names and values stand where nothing else does; what finds no
    room is in the legend.

    Args:
        table: `reports.frame(run)`, or several below each other.
        target_ms: latency asked for, drawn as a line.
        reward: reward of the search; None draws no curves.
        title: above the figure, in place of nothing.

    Raises:
        ReportError: the table has no metric or latency.
    """
    metric, points = metric_of(table), objectives(table)
    measured = table[np.isfinite(points).all(axis=1)]
    with look.style():
        figure, (axis,) = look.new_figure()
        look.metric_axis(axis, metric, axis_label(metric))
        if measured.empty:
            look.empty_note(axis, "no finished trial yet")
            return figure
        look.amount_axis(axis, measured["latency_ms"].to_numpy(), "latency in ms (median)")
        runs = list(dict.fromkeys(measured["run"])) if "run" in measured else [""]
        for index, run in enumerate(runs):
            own = measured[measured["run"] == run] if run else measured
            _draw_run(axis, own, index, run if len(runs) > 1 else "", _markers(measured))
        _limits(axis, measured)
        axis.set_title(title)
        labels = _net_labels(measured)
        if target_ms is not None:
            labels.append(_target(axis, target_ms))
        if reward is not None:
            labels += _reward_curves(axis, reward, measured)
        _write_labels(axis, labels, measured)
    return figure


def _write_labels(axis: Axes, labels: list[Label], rows: pd.DataFrame) -> None:
    """Writes the labels; those that are needed and find no room go to the legend, which takes room in its turn."""
    reference = _is_reference(rows)
    radius = np.where(reference, _NET, _POINT)
    points = np.column_stack([rows["latency_ms"], rows[metric_of(rows).key], radius]).astype(float)
    lines = [np.column_stack(STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())) for line in axis.lines]
    bars = [part for container in axis.containers for part in _bar_lines(container)]
    markers = _markers(rows)
    told: list[Label] = []
    while True:
        _legend(axis, {one.text: markers.get(one.text) for one in told})
        missing, drawn = place(axis, [one for one in labels if one not in told], points, lines, bars)
        crowded = [one for one in missing if one.needed]
        if not crowded:
            return
        for artist in drawn:
            artist.remove()
        told += crowded


def _draw_run(axis: Axes, rows: pd.DataFrame, index: int, run: str, markers: Mapping[str, str]) -> None:
    color, marker = look.COLORS[index % len(look.COLORS)], look.MARKERS[index % len(look.MARKERS)]
    reference, key = _is_reference(rows), metric_of(rows).key
    candidates, nets, front = rows[~reference], rows[reference], pareto_front(rows)
    axis.scatter(
        candidates["latency_ms"],
        candidates[key],
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
        front[key],
        where="post",
        color=color,
        marker=marker,
        markersize=4.5,
        label=f"front of {run} ({len(front)} of {len(candidates)})" if run else f"front ({len(front)})",
        zorder=4,
    )
    _intervals(axis, nets, look.INK)
    for net in nets.to_dict("records"):
        known = "reference networks" in axis.get_legend_handles_labels()[1]
        axis.scatter(
            [net["latency_ms"]],
            [net[key]],
            s=42,
            marker=markers.get(net.get("name", ""), _NET_MARKERS[0]),
            facecolor="white",
            edgecolor=look.INK,
            linewidths=1.1,
            zorder=5,
            label=None if known else "reference networks",
        )


def _intervals(axis: Axes, rows: pd.DataFrame, color: str) -> None:
    bars = {"fmt": "none", "ecolor": color, "elinewidth": 0.8, "capsize": 1.5, "alpha": 0.55, "zorder": 3}
    metric = metric_of(rows)
    for low, high, along in (
        (metric.low_key, metric.high_key, "yerr"),
        ("latency_low_ms", "latency_high_ms", "xerr"),
    ):
        if low not in rows or high not in rows:
            continue
        center = rows[metric.key if along == "yerr" else "latency_ms"]
        sides = np.clip(np.stack([center - rows[low], rows[high] - center]).astype(float), 0, None)
        known = np.isfinite(sides).all(axis=0)
        if known.any():
            shown = rows[known]
            axis.errorbar(shown["latency_ms"], shown[metric.key], **{along: sides[:, known]}, **bars)


def _is_reference(rows: pd.DataFrame) -> np.ndarray:
    return (rows["kind"] == "reference").to_numpy() if "kind" in rows else np.zeros(len(rows), dtype=bool)


def _markers(rows: pd.DataFrame) -> dict[str, str]:
    names = dict.fromkeys(rows.loc[_is_reference(rows), "name"]) if "name" in rows else ()
    return {name: _NET_MARKERS[index % len(_NET_MARKERS)] for index, name in enumerate(names)}


def _net_labels(rows: pd.DataFrame) -> list[Label]:
    """A label per name: several runs may share a reference network."""
    nets = rows[_is_reference(rows)]
    nets = nets.drop_duplicates("name") if "name" in nets else nets.iloc[:0]
    places = zip(nets["latency_ms"], nets[metric_of(rows).key], strict=True)
    return [Label(name, [place]) for name, place in zip(nets.get("name", ()), places, strict=True)]


def _legend(axis: Axes, told: Mapping[str, str | None]) -> None:
    """Below the axes, where it lies on nothing; it also tells the networks given by their markers, and the target."""
    handles, names = axis.get_legend_handles_labels()
    for name, marker in told.items():
        look_of = {"linestyle": "none", "marker": marker, "markerfacecolor": "white"} if marker else _TARGET
        handles.append(Line2D([], [], **{"color": look.INK, **look_of}))
        names.append(name)
    columns = max(1, min(3, _LINE_LENGTH // max(map(len, names), default=1)))
    names = [textwrap.fill(name, _LINE_LENGTH, drop_whitespace=False) for name in names]
    lines = sum(name.count("\n") + 1 for name in names)
    # The legend's lines make the figure higher, not the axes lower.
    axis.figure.set_figheight(_HEIGHT_IN + _LINE_IN * math.ceil(lines / columns))
    below = axis.transAxes + ScaledTranslation(0, -_LEGEND_BELOW_IN, axis.figure.dpi_scale_trans)
    axis.legend(
        handles, names, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, ncols=columns, borderaxespad=0
    )


def _bar_lines(bars: ErrorbarContainer) -> list[np.ndarray]:
    return [segment for lines in bars.lines[2] for segment in lines.get_segments()]


def _limits(axis: Axes, rows: pd.DataFrame) -> None:
    # The data decide what is seen, not the intervals: those of a network with 20 test images span half the axis.
    metric = metric_of(rows)
    latency, values = rows["latency_ms"].to_numpy(), rows[metric.key].to_numpy()
    if axis.get_xscale() == "log":
        axis.set_xlim(latency.min() / 1.12, latency.max() * 1.18)
    else:
        margin = 0.06 * (latency.max() - latency.min()) or 0.1 * abs(latency.max()) or 1.0
        axis.set_xlim(max(0.0, latency.min() - margin), latency.max() + margin)
    share = is_share(metric)
    margin = 0.07 * (values.max() - values.min()) or (0.02 if share else 0.07 * abs(values.max()) or 1.0)
    axis.set_ylim(values.min() - margin, min(values.max() + margin, 1.02) if share else values.max() + margin)


def _target(axis: Axes, target_ms: float) -> Label:
    low, high = axis.get_xlim()
    axis.set_xlim(min(low, target_ms * 0.97), max(high, target_ms * 1.03))
    bottom, top = axis.get_ylim()
    axis.plot([target_ms] * 2, [bottom, top], zorder=2, **_TARGET)
    axis.set_ylim(bottom, top)
    return Label(
        f"target {target_ms:.3g} ms", [(target_ms, bottom + share * (top - bottom)) for share in _ALONG_TARGET]
    )


def _reward_curves(axis: Axes, reward: Reward, rows: pd.DataFrame) -> list[Label]:
    earned = rows["reward"].dropna() if "reward" in rows else pd.Series(dtype=float)
    if earned.empty:
        return []
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    latency = np.geomspace(max(left, right * 1e-3), right, 60)
    labels = []
    levels = np.unique(np.quantile(earned, [0.5, 0.9, 1.0]).round(4))
    named = f"equal reward {', '.join(f'{level:.3g}' for level in levels)}"
    dotted = {"color": look.FAINT, "linewidth": 0.8, "linestyle": (0, (1, 1.5)), "zorder": 1}
    for level in levels:
        values = rewards.curve(reward, float(level), latency, metric_of(rows))
        axis.plot(latency, values, label=None if labels else named, **dotted)
        seen = np.flatnonzero((values > bottom) & (values < top))
        if len(seen):
            at = seen[[int(share * (len(seen) - 1)) for share in _ALONG_CURVE]]
            spots = list(zip(latency[at], values[at], strict=True))
            labels.append(Label(f"reward {level:.3g}", spots, "#777777", 6.5, needed=False))
    axis.set_xlim(left, right)
    axis.set_ylim(bottom, top)
    return labels
