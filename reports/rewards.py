"""The reward a run was searched with, and the curves along which it is constant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mnas.errors import SearchError
from mnas.reward import Reward, as_it_is
from reports.errors import ReportError

if TYPE_CHECKING:
    from mnas.tasks import Metric
    from reports.runs import RunData


def of_run(run: RunData) -> Reward | None:
    """The reward stored with the study, or None where a study has none.

    Raises:
        ReportError: the stored reward is not one that this version knows.
    """
    stored, metric = run.facts.reward, run.metric
    if stored is None:
        return None
    try:
        return Reward(**stored, merit=metric.merit, maximize=metric.maximize)
    except (SearchError, TypeError, ValueError) as error:
        raise ReportError(f"run {run.name}: the stored reward cannot be read: {error}") from error


def value(reward: Reward, metric_value: float, latency_ms: float) -> float:
    """The reward of one network, NaN where it was not measured."""
    if not (np.isfinite(metric_value) and np.isfinite(latency_ms)) or latency_ms <= 0:
        return float("nan")
    return float(reward(metric_value, latency_ms))


def curve(reward: Reward, level: float, latency_ms: np.ndarray, metric: Metric | None = None) -> np.ndarray:
    """The metric that earns the reward `level` at each latency: float64, the shape of `latency_ms`.

    All three rewards (soft, hard, absolute) are straight lines in the metric's merit, so two values of each give the
    merit, and the metric its value; NaN where it has none. Without a metric the merit itself.
    """
    of_merit = replace(reward, merit=as_it_is)
    at_zero = np.array([of_merit(0.0, float(latency)) for latency in latency_ms])
    at_one = np.array([of_merit(1.0, float(latency)) for latency in latency_ms])
    merit = (level - at_zero) / (at_one - at_zero)
    return merit if metric is None else np.array([_value(metric, float(one)) for one in merit])


def _value(metric: Metric, merit: float) -> float:
    """The value of a merit, which need not lie in [0, 1] on a curve; NaN beyond a pole of the metric."""
    try:
        found = float(metric.from_merit(merit))
        # Behind a pole a merit below 0 seems to stand for something better than the best.
        real = merit >= 0 or metric.gain(found) < metric.gain(metric.from_merit(1.0))
    except (ArithmeticError, ValueError):
        return float("nan")
    return found if real and np.isfinite(found) else float("nan")
