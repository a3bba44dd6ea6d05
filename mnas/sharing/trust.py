"""How far shared weights can be trusted: do they rank networks as trainings of their own do?

Sources of the question: Sciuto, Yu et al. (ICLR 2020); Li and Talwalkar (UAI 2019).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from scipy.stats import kendalltau

from mnas.records.sharing import Correlation, Ranked, Trust
from mnas.tasks import Metric

_DRAWS = 1000
_TOP = 0.2
_FEWEST = 5
"""Networks of which a rank correlation says something."""


def trust(networks: Sequence[Ranked], metric: Metric, seed: int) -> Trust:
    """Compares shared with own values.

    Args:
        networks: At least one.
        metric: What the values are.
        seed: Of the bootstrap.
    """
    shared, alone = (np.array([getattr(one, name) for one in networks]) for name in ("shared", "value"))
    macs = np.array([one.macs for one in networks], float)
    merit = metric.gain(1.0) * alone
    best = np.argsort(-merit, kind="stable")[: max(1, math.ceil(_TOP * len(networks)))]
    slope, intercept = _line(shared, alone)
    rng = np.random.default_rng([seed, 7])
    return Trust(
        shared=correlation(shared, alone, rng),
        top=correlation(shared[best], alone[best], rng),
        macs=correlation(macs, merit, rng),
        slope=slope,
        intercept=intercept,
        networks=tuple(networks),
    )


def correlation(left: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> Correlation:
    """Kendall's tau-b of two lists, with its interval."""
    count = len(left)
    tau = _tau(left, right) if count >= _FEWEST else math.nan
    if math.isnan(tau):
        return Correlation(tau=None, low=None, high=None, count=count)
    taus = [_tau(left[rows], right[rows]) for rows in rng.integers(count, size=(_DRAWS, count))]
    low, high = np.nanquantile(taus, (0.025, 0.975)).tolist()
    return Correlation(tau=tau, low=low, high=high, count=count)


def _tau(left: np.ndarray, right: np.ndarray) -> float:
    """NaN where one of them does not vary."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(kendalltau(left, right).statistic)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of least squares; a flat line where x does not vary."""
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread else 0.0
    return slope, float(y.mean() - slope * x.mean())
