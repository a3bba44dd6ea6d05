"""Front and hypervolume of accuracy (more is better) against latency (less is better)."""

from __future__ import annotations

import moocore
import numpy as np
import pandas as pd

from reports.errors import ReportError

ACCURACY, LATENCY = "accuracy", "latency_ms"
_DIRECTIONS = (True, False)


def pareto_front(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that no other row beats on one axis without losing on the other, fastest first.

    Rows of equal accuracy and equal latency stand on the front together or not at all. A row without an accuracy or a
    latency is never on it. Where the frame has the columns `kind` and `repeated`, reference networks (nobody searched
    them) and a network's later copies are left out.

    Args:
        frame: any frame with the columns `accuracy` and `latency_ms`.

    Raises:
        ReportError: a column is missing or holds no numbers.
    """
    front = frame[front_mask(frame)]
    return front.sort_values([LATENCY, ACCURACY], ascending=[True, False], kind="stable")


def front_mask(frame: pd.DataFrame) -> np.ndarray:
    """Which rows are on the front: bool, `[rows]`, in the frame's own order."""
    points = objectives(frame)
    usable = np.isfinite(points).all(axis=1)
    usable &= counted(frame)
    mask = np.zeros(len(points), dtype=bool)
    if usable.any():
        mask[usable] = moocore.is_nondominated(points[usable], maximise=_DIRECTIONS, keep_weakly=True)
    return mask


def hypervolume(frame: pd.DataFrame, reference: tuple[float, float]) -> float:
    """Area between the front and a reference point that is worse on both axes, in accuracy x milliseconds.

    A row that is not better than the reference on both axes adds nothing; a frame without rows has the area 0.

    Args:
        frame: any frame with the columns `accuracy` and `latency_ms`; reference networks are left out.
        reference: (accuracy, latency in ms). Only areas against one same reference can be compared.

    Raises:
        ReportError: a column is missing, or the reference is not two finite numbers.
    """
    corner = _corner(reference)
    points = objectives(frame)[front_mask(frame)]
    inside = points[(points[:, 0] > corner[0]) & (points[:, 1] < corner[1])]
    if not len(inside):
        return 0.0
    return float(moocore.hypervolume(inside, ref=corner, maximise=_DIRECTIONS))


def hypervolume_history(frame: pd.DataFrame, reference: tuple[float, float]) -> np.ndarray:
    """Hypervolume of the first k rows, for every k: float64, `[rows]`, never falling."""
    corner = _corner(reference)
    points = objectives(frame)
    candidate = counted(frame)
    history = np.zeros(len(points))
    front, area = np.empty((0, 2)), 0.0
    for row, point in enumerate(points):
        inside = candidate[row] and bool(np.isfinite(point).all()) and point[0] > corner[0] and point[1] < corner[1]
        if inside and not ((front[:, 0] >= point[0]) & (front[:, 1] <= point[1])).any():
            beaten = (front[:, 0] <= point[0]) & (front[:, 1] >= point[1])
            front = np.vstack([front[~beaten], point])
            area = float(moocore.hypervolume(front, ref=corner, maximise=_DIRECTIONS))
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
    """The default reference of an area: accuracy 0, and 1.1 times the slowest latency in the frame (1 ms if none)."""
    slowest = objectives(frame)[:, 1]
    slowest = slowest[np.isfinite(slowest)]
    return 0.0, float(1.1 * slowest.max()) if len(slowest) else 1.0


def objectives(frame: pd.DataFrame) -> np.ndarray:
    """Accuracy and latency of every row: float64, `[rows, 2]`, NaN where a row has none.

    Raises:
        ReportError: a column is missing or holds no numbers.
    """
    missing = [name for name in (ACCURACY, LATENCY) if name not in frame]
    if missing:
        raise ReportError(
            f"the frame has no column {missing[0]!r}: a front needs {ACCURACY!r} and {LATENCY!r}; rename its columns"
        )
    try:
        return frame[[ACCURACY, LATENCY]].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ReportError(f"{ACCURACY!r} and {LATENCY!r} must hold numbers: {error}") from None


def _corner(reference: tuple[float, float]) -> np.ndarray:
    try:
        corner = np.asarray(reference, dtype=float)
    except (TypeError, ValueError):
        corner = np.empty(0)
    if corner.shape != (2,) or not np.isfinite(corner).all():
        raise ReportError(f"reference must be (accuracy, latency_ms), two finite numbers, not {reference!r}")
    return corner
