"""Networks by what is counted instead of measured (MACs), and by what quantization costs them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.errors import ReportError
from reports.figures import style as look
from reports.metrics import axis_label, metric_of


def metric_against_macs(table: pd.DataFrame) -> Figure:
    """The metric against MACs; filled points are the front by measured latency, which is another one than by MACs.

    Args:
        table: `reports.frame(run)`, or several below each other.

    Raises:
        ReportError: a column is missing.
    """
    metric = metric_of(table)
    with look.style():
        figure, axis, _ = _against_macs(table, metric.key)
        look.metric_axis(axis, metric, axis_label(metric))
    return figure


def latency_against_macs(table: pd.DataFrame) -> Figure:
    """Measured latency against MACs, with the least-squares line through the origin: what a count would predict.

    Args:
        table: `reports.frame(run)`, or several below each other.

    Raises:
        ReportError: a column is missing.
    """
    with look.style():
        figure, axis, known = _against_macs(table, "latency_ms")
        macs, latency = (known[name].to_numpy(dtype=float) for name in ("macs", "latency_ms"))
        look.amount_axis(axis, latency, "latency in ms (median)", vertical=True)
        if len(known) > 1 and (macs > 0).any():
            slope = float(macs @ latency / (macs @ macs))
            span = np.geomspace(macs[macs > 0].min(), macs.max(), 50)
            axis.plot(span, slope * span, color=look.INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
            axis.annotate(
                f"{slope * 1e9:.3g} ms per GMAC",
                (span[-1], slope * span[-1]),
                xytext=(-4, 4),
                textcoords="offset points",
                ha="right",
                fontsize=7,
            )
    return figure


def float_against_int8(table: pd.DataFrame) -> Figure:
    """The metric of the int8 file against that of the float network; off the line quantization changes it.

    Args:
        table: `reports.frame(run)`, or several below each other.

    Raises:
        ReportError: a column is missing.
    """
    metric = metric_of(table)
    with look.style():
        figure, (axis,) = look.new_figure(4.2, 4.0)
        known = _known(table, metric.float_key, metric.key)
        _scatter(axis, known, metric.float_key, metric.key)
        look.metric_axis(axis, metric, axis_label(metric, "of the int8 file"))
        axis.set_xlabel(axis_label(metric, "of the float network"))
        axis.xaxis.set_major_formatter(look.metric_ticks(metric))
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.yaxis.set_major_locator(MaxNLocator(5))
        if len(known):
            both = known[[metric.float_key, metric.key]].to_numpy(dtype=float)
            margin = 0.06 * np.ptp(both) or 0.02
            ends = both.min() - margin, both.max() + margin
            axis.plot(ends, ends, color=look.INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
            axis.set_xlim(ends)
            axis.set_ylim(ends)
            axis.set_aspect("equal")
    return figure


def _against_macs(table: pd.DataFrame, column: str) -> tuple[Figure, Axes, pd.DataFrame]:
    """A new figure of a column against MACs, its axis, and the rows that have both."""
    figure, (axis,) = look.new_figure()
    known = _known(table, "macs", column)
    _scatter(axis, known, "macs", column)
    look.amount_axis(axis, known["macs"].to_numpy(dtype=float), "MACs")
    return figure, axis, known


def _known(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    missing = [name for name in columns if name not in table]
    if missing:
        raise ReportError(f"the frame has no column {missing[0]!r}, which this figure shows")
    values = table[list(columns)].to_numpy(dtype=float, na_value=np.nan)
    return table[np.isfinite(values).all(axis=1)]


def _scatter(axis: Axes, rows: pd.DataFrame, x: str, y: str) -> None:
    if rows.empty:
        look.empty_note(axis, "nothing measured yet")
        return
    runs = list(dict.fromkeys(rows["run"])) if "run" in rows else [""]
    for index, run in enumerate(runs):
        own = rows[rows["run"] == run] if run else rows
        reference = (own["kind"] == "reference").to_numpy() if "kind" in own else np.zeros(len(own), dtype=bool)
        front = own["on_front"].to_numpy(dtype=bool) if "on_front" in own else np.zeros(len(own), dtype=bool)
        color, marker = look.COLORS[index % len(look.COLORS)], look.MARKERS[index % len(look.MARKERS)]
        several = len(runs) > 1
        groups = (
            (~reference & ~front, color if several else look.CLOUD, 9, 0.5, " " + run if several else "candidates", 2),
            (front, color, 24, 1.0, f"front of {run}" if several else "front by latency", 3),
            (reference, look.INK, 40, 1.0, "reference networks" if index == len(runs) - 1 else None, 4),
        )
        for mask, shade, size, alpha, label, order in groups:
            if mask.any():
                axis.scatter(
                    own.loc[mask, x].astype(float),
                    own.loc[mask, y].astype(float),
                    s=size,
                    color="white" if order == 4 else shade,
                    edgecolors=shade if order == 4 else "none",
                    linewidths=1.1 if order == 4 else 0,
                    alpha=alpha,
                    marker="D" if order == 4 else marker,
                    rasterized=int(mask.sum()) >= look.RASTER_FROM,
                    label=label,
                    zorder=order,
                )
    axis.legend(loc="best")
