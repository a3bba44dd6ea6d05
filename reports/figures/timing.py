"""Latencies beside each other: a table's predictions against measurements, and one model on many devices."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from device_bench.terminal import counted
from reports.errors import ReportError
from reports.figures import style as look

BAND = 0.10
"""Half-width of the band around a right prediction, as a share of the measurement (nn-Meter, MobiSys 2021)."""


def predicted_against_measured(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Predicted against measured latency with the 10 % band, and how many networks fall into it.

    Args:
        table: a row a network with the columns `predicted_ms` and `latency_ms`, and where known the intervals
            `latency_low_ms`, `latency_high_ms`, `predicted_low_ms`, `predicted_high_ms` and the `kind` of network;
            `reports.frames.table_check` reads one from what `mnas table check` wrote.
        title: above the figure.

    Raises:
        ReportError: a column is missing or no row has both latencies.
    """
    measured, predicted = _positive(table, "latency_ms"), _positive(table, "predicted_ms")
    both = np.isfinite(measured) & np.isfinite(predicted)
    if not both.any():
        raise ReportError("no row of the frame has both a predicted_ms and a latency_ms above 0")
    known, x, y = table[both], measured[both], predicted[both]
    with look.style():
        figure, (axis,) = look.new_figure(4.4, 4.0)
        low, high = min(x.min(), y.min()) * 0.88, max(x.max(), y.max()) * 1.12
        look.amount_axis(axis, np.array([low, high]), "measured latency in ms")
        look.amount_axis(axis, np.array([low, high]), "predicted latency in ms", vertical=True)
        _band(axis, low, high)
        bars = {"fmt": "none", "ecolor": look.CLOUD, "elinewidth": 0.7, "alpha": 0.7, "zorder": 2}
        axis.errorbar(x, y, xerr=_sides(known, "latency", x), yerr=_sides(known, "predicted", y), **bars)
        kinds = known["kind"].astype(str) if "kind" in known else pd.Series("", index=known.index)
        for index, kind in enumerate(dict.fromkeys(kinds)):
            own = (kinds == kind).to_numpy()
            axis.scatter(
                x[own],
                y[own],
                s=14,
                color=look.COLORS[index % len(look.COLORS)],
                marker=look.MARKERS[index % len(look.MARKERS)],
                linewidths=0,
                alpha=0.85,
                zorder=3,
                label=counted(int(own.sum()), "network") + (f", {kind}" if kind else ""),
            )
        error = np.abs(y / x - 1)
        within = [f"{100 * np.mean(error <= share):.0f}% within ±{100 * share:.0f}%" for share in (BAND, BAND / 2)]
        words = "\n".join([*within, f"largest error {100 * error.max():.1f}%"])
        axis.text(0.03, 0.97, words, transform=axis.transAxes, va="top")
        axis.set_xlim(low, high)
        axis.set_ylim(low, high)
        axis.set_aspect("equal")
        axis.set_title(title)
        axis.legend(loc="lower right")
    return figure


def _band(axis: Axes, low: float, high: float) -> None:
    span = np.geomspace(low, high, 60)
    shade = {"color": look.COLORS[5], "alpha": 0.22, "linewidth": 0}
    axis.fill_between(span, span * (1 - BAND), span * (1 + BAND), label=f"±{100 * BAND:.0f}%", **shade)
    axis.plot(span, span, color=look.INK, linewidth=0.8, linestyle=(0, (5, 3)))


def _sides(table: pd.DataFrame, of: str, center: np.ndarray) -> np.ndarray:
    """Lengths of the interval's two arms, 0 where it is not known: `[2, rows]`."""
    ends = [f"{of}_low_ms", f"{of}_high_ms"]
    if not set(ends) <= set(table):
        return np.zeros((2, len(center)))
    low, high = (table[name].to_numpy(dtype=float, na_value=np.nan) for name in ends)
    sides = np.stack([center - low, high - center])
    return np.where(np.isfinite(sides), np.clip(sides, 0, None), 0)


def devices(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Latency of every model on every device, with intervals: one line of points a model.

    Args:
        table: a row a measurement with the columns `model`, `device`, `latency_ms`, and where known `latency_low_ms`,
            `latency_high_ms`, `threads`, `delegate`; the latter two become part of the device's name where they vary.
        title: above the figure.

    Raises:
        ReportError: a column is missing or no row has a latency.
    """
    for name in ("model", "device"):
        if name not in table:
            raise ReportError(f"the frame has no column {name!r}, which this figure shows")
    known = table[np.isfinite(_positive(table, "latency_ms"))]
    if known.empty:
        raise ReportError("no row of the frame has a latency_ms above 0")
    places, models = _places(known), list(dict.fromkeys(known["model"].astype(str)))
    names = list(dict.fromkeys(places))
    with look.style():
        height = max(2.2, 0.9 + len(names) * (0.16 + 0.13 * len(models)))
        figure, (axis,) = look.new_figure(6.2, height)
        low, high = (_end(known, f"latency_{end}_ms") for end in ("low", "high"))
        look.amount_axis(axis, np.concatenate([low, high]), "latency in ms (median, 95% interval)")
        for index, model in enumerate(models):
            own = (known["model"].astype(str) == model).to_numpy()
            shift = (index - (len(models) - 1) / 2) * 0.7 / max(len(models), 1)
            y = np.array([names.index(place) for place in places])[own] + shift
            x = known["latency_ms"].to_numpy(dtype=float)[own]
            color, marker = look.COLORS[index % len(look.COLORS)], look.MARKERS[index % len(look.MARKERS)]
            sides = np.clip(np.stack([x - low[own], high[own] - x]), 0, None)
            axis.errorbar(
                x, y, xerr=sides, fmt=marker, color=color, markersize=4.5, elinewidth=1, capsize=2, label=f" {model}"
            )
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.4, -0.6)
        axis.set_title(title)
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _places(table: pd.DataFrame) -> list[str]:
    places = table["device"].astype(str)
    if "delegate" in table and table["delegate"].nunique() > 1:
        places = places + ", " + table["delegate"].astype(str)
    if "threads" in table and table["threads"].nunique() > 1:
        places = places + ", " + table["threads"].astype(str) + " thr."
    return places.tolist()


def _positive(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        raise ReportError(f"the frame has no column {name!r}, which this figure shows")
    try:
        values = table[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ReportError(f"{name!r} must hold numbers: {error}") from None
    return np.where(values > 0, values, np.nan)


def _end(table: pd.DataFrame, name: str) -> np.ndarray:
    center = table["latency_ms"].to_numpy(dtype=float)
    if name not in table:
        return center
    ends = table[name].to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(ends), ends, center)
