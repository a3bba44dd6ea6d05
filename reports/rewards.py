"""The reward a run was searched with, and the curves along which it is constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from reports.errors import ReportError

if TYPE_CHECKING:
    from mnas.reward import Reward
    from reports.runs import RunData


def of_run(run: RunData) -> Reward | None:
    """The reward stored with the study, or None where a study has none.

    Raises:
        ReportError: the stored reward is not one that this version knows.
    """
    from mnas.errors import SearchError
    from mnas.reward import Reward

    stored = run.facts.get("reward")
    if not isinstance(stored, Mapping):
        return None
    try:
        return Reward(**stored)
    except (SearchError, TypeError, ValueError) as error:
        raise ReportError(f"run {run.name}: the stored reward cannot be read: {error}") from error


def value(reward: Reward, accuracy: float, latency_ms: float) -> float:
    """The reward of one network, NaN where it was not measured."""
    if not (np.isfinite(accuracy) and np.isfinite(latency_ms)) or latency_ms <= 0:
        return float("nan")
    return float(reward(accuracy, latency_ms))


def curve(reward: Reward, level: float, latency_ms: np.ndarray) -> np.ndarray:
    """The accuracy that earns the reward `level` at each latency: float64, the shape of `latency_ms`.

    All three rewards (soft, hard, absolute) are straight lines in the accuracy, so two values of each give its inverse.
    """
    at_zero = np.array([reward(0.0, float(latency)) for latency in latency_ms])
    at_one = np.array([reward(1.0, float(latency)) for latency in latency_ms])
    return (level - at_zero) / (at_one - at_zero)
