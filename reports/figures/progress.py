"""How a search went: the area of the front and the best reward against the number of trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures import style as look
from reports.metrics import metric_of
from reports.pareto import hypervolume_history, objectives, worst_corner

_DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1, 2)))


def progress(table: pd.DataFrame, *, reference: tuple[float, float] | None = None) -> Figure:
    """Hypervolume and best reward so far, one line per run.

    Args:
        table: `reports.frame(run)`, or several below each other.
        reference: (metric, latency in ms) of the corner against which areas are taken; by default
            `reports.pareto.worst_corner`.

    Raises:
        ReportError: the table has no metric or latency.
    """
    objectives(table)
    corner = worst_corner(table) if reference is None else reference
    candidates = table[table["kind"] == "candidate"] if "kind" in table else table
    with look.style():
        figure, axes = look.new_figure(7.2, 2.9, columns=2)
        told = reference is None or not corner[0]
        at = f" to ({metric_of(table).short(corner[0])}, {corner[1]:.3g} ms)" if told else ""
        axes[0].set_ylabel(f"hypervolume{at}")
        axes[1].set_ylabel("best reward so far")
        runs = list(dict.fromkeys(candidates["run"])) if "run" in candidates else [""]
        for index, run in enumerate(runs):
            rows = candidates[candidates["run"] == run] if run else candidates
            line = {
                "color": look.COLORS[index % len(look.COLORS)],
                "linestyle": _DASHES[index % len(_DASHES)],
                "label": f" {run}",  # a space, for matplotlib hides labels that begin with an underscore
            }
            trials = np.arange(1, len(rows) + 1)
            area = hypervolume_history(rows, corner)
            axes[0].step(trials, np.where(area > 0, area, np.nan), where="post", **line)
            if "reward" in rows:
                axes[1].step(trials, rows["reward"].astype(float).cummax(), where="post", **line)
        for axis in axes:
            axis.set_xlabel("trials")
            if not any(np.isfinite(one.get_ydata()).any() for one in axis.lines):
                look.empty_note(axis, "no finished trial yet")
        if len(runs) > 1:
            axes[1].legend(loc="lower right")
    return figure
