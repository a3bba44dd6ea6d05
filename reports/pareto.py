"""Front and hypervolume of a task's metric against latency (less is better)."""

from __future__ import annotations

import moocore
import numpy as np
import pandas as pd

from mnas.tasks import Metric
from reports.errors import ReportError
from reports.metrics import LATENCY, metric_of

_UPWARD = (True, False)
"""Directions where the metric has the sign that makes more of it better."""


def pareto_front(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that no other row beats on one axis without losing on the other, fastest first.

    Rows of equal values stand on the front together or not at all. A row without a metric or a latency is never on it.
    Where the frame has the columns `kind` and `repeated`, reference networks (nobody searched
    them) and a network's later copies are left out.

    Args:
        frame: any frame with a column of a task's metric, such as `accuracy`, and `latency_ms`.

    Raises:
        ReportError: a column is missing or holds no numbers.
    """
    metric, front = metric_of(frame), frame[front_mask(frame)]
    return front.sort_values([LATENCY, metric.key], ascending=[True, not metric.maximize], kind="stable")


def front_mask(frame: pd.DataFrame) -> np.ndarray:
    """Which rows are on the front: bool, `[rows]`, in the frame's own order."""
    metric, points = metric_of(frame), objectives(frame)
    usable = np.isfinite(points).all(axis=1)
    usable &= counted(frame)
    mask = np.zeros(len(points), dtype=bool)
    if usable.any():
        mask[usable] = moocore.is_nondominated(points[usable], maximise=(metric.maximize, False), keep_weakly=True)
    return mask


def hypervolume(frame: pd.DataFrame, reference: tuple[float, float]) -> float:
    """Area between the front and a reference point that is worse on both axes, in the metric x milliseconds.

    A row that is not better than the reference on both axes adds nothing; a frame without rows has the area 0.

    Args:
        frame: as for `pareto_front`; reference networks are left out.
        reference: (metric, latency in ms). Only areas against one same reference can be compared.

    Raises:
        ReportError: a column is missing, or the reference is not two finite numbers.
    """
    metric = metric_of(frame)
    corner = _upward(_corner(reference), metric)
    points = _upward(objectives(frame)[front_mask(frame)], metric)
    inside = points[(points[:, 0] > corner[0]) & (points[:, 1] < corner[1])]
    if not len(inside):
        return 0.0
    return float(moocore.hypervolume(inside, ref=corner, maximise=_UPWARD))


def hypervolume_history(frame: pd.DataFrame, reference: tuple[float, float]) -> np.ndarray:
    """Hypervolume of the first k rows, for every k: float64, `[rows]`, never falling."""
    metric = metric_of(frame)
    corner, points = _upward(_corner(reference), metric), _upward(objectives(frame), metric)
    candidate = counted(frame)
    history = np.zeros(len(points))
    front, area = np.empty((0, 2)), 0.0
    for row, point in enumerate(points):
        inside = candidate[row] and bool(np.isfinite(point).all()) and point[0] > corner[0] and point[1] < corner[1]
        if inside and not ((front[:, 0] >= point[0]) & (front[:, 1] <= point[1])).any():
            beaten = (front[:, 0] <= point[0]) & (front[:, 1] >= point[1])
            front = np.vstack([front[~beaten], point])
            area = float(moocore.hypervolume(front, ref=corner, maximise=_UPWARD))
        history[row] = area
    return history


def counted(frame: pd.DataFrame) -> np.ndarray:
    """Which rows are candidates that a front may hold: bool, `[rows]`."""
    mask = np.ones(len(frame), dtype=bool)
    if "kind" in frame:
        mask &= (frame["kind"] != "reference").to_numpy(dtype=bool)
    if "repeated" in frame:
        mask &= ~frame["repeated"].to_numpy(dtype=bool)
    return mask


def worst_corner(frame: pd.DataFrame) -> tuple[float, float]:
    """The default reference of an area, which is worse than all rows of the frame.

    Its latency is 1.1 times the slowest (1 ms if there is none). Its metric is 0 where more is better, and where less
    is better 1.1 times the largest.
    """
    metric, points = metric_of(frame), objectives(frame)
    values, latencies = (column[np.isfinite(column)] for column in points.T)
    slowest = float(1.1 * latencies.max()) if len(latencies) else 1.0
    if metric.maximize:
        return min(0.0, 1.1 * values.min(initial=0.0)), slowest
    return max(0.0, 1.1 * values.max(initial=0.0)), slowest


def objectives(frame: pd.DataFrame) -> np.ndarray:
    """Metric and latency of every row: float64, `[rows, 2]`, NaN where a row has none.

    Raises:
        ReportError: a column is missing or holds no numbers.
    """
    key = metric_of(frame).key
    if LATENCY not in frame:
        raise ReportError(
            f"the frame has no column {LATENCY!r}: a front needs {key!r} and {LATENCY!r}; rename its columns"
        )
    try:
        return frame[[key, LATENCY]].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ReportError(f"{key!r} and {LATENCY!r} must hold numbers: {error}") from None


def _upward(points: np.ndarray, metric: Metric) -> np.ndarray:
    """The same with more of the metric better."""
    return points if metric.maximize else points * np.array([-1.0, 1.0])


def _corner(reference: tuple[float, float]) -> np.ndarray:
    try:
        corner = np.asarray(reference, dtype=float)
    except (TypeError, ValueError):
        corner = np.empty(0)
    if corner.shape != (2,) or not np.isfinite(corner).all():
        raise ReportError(f"reference must be (metric, latency_ms), two finite numbers, not {reference!r}")
    return corner
