"""How good predictions are, in the terms in which tables are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_APART = 0.05


@dataclass(frozen=True, slots=True)
class Scores:
    """Predictions against measurements.

    Attributes:
        networks: How many.
        mape: Mean absolute relative error.
        bias: Mean relative error; positive where predictions are too high.
        within_5: Share of networks within 5 %.
        within_10: Share within 10 %.
        spearman: Rank correlation.
        pairs: Share of the pairs that differ by more than 5 % in fact whose order is right; None without such pairs.
    """

    networks: int
    mape: float
    bias: float
    within_5: float
    within_10: float
    spearman: float
    pairs: float | None


def score(predicted: Sequence[float], measured: Sequence[float]) -> Scores:
    """Compares two lists of latencies of the same networks."""
    guess, truth = np.asarray(predicted, float), np.asarray(measured, float)
    errors = guess / truth - 1
    return Scores(
        len(truth),
        float(np.abs(errors).mean()),
        float(errors.mean()),
        float((np.abs(errors) <= 0.05).mean()),
        float((np.abs(errors) <= 0.10).mean()),
        spearman(guess, truth),
        _pairs(guess, truth),
    )


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; 1 for lists too short or too equal to rank."""
    if len(a) < 2:
        return 1.0
    ranks = [_ranks(one) for one in (a, b)]
    deviations = [one - one.mean() for one in ranks]
    scale = float(np.sqrt((deviations[0] ** 2).sum() * (deviations[1] ** 2).sum()))
    return float((deviations[0] * deviations[1]).sum()) / scale if scale else 1.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - 1 + ends - counts) / 2)[inverse]


def _pairs(guess: np.ndarray, truth: np.ndarray) -> float | None:
    first, second = np.triu_indices(len(truth), 1)
    low = np.minimum(truth[first], truth[second])
    apart = np.abs(truth[first] - truth[second]) > _APART * low
    if not apart.any():
        return None
    right = (guess[first] - guess[second]) * (truth[first] - truth[second]) > 0
    return float(right[apart].mean())
