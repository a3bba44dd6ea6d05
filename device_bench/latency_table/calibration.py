"""From the sum of isolated operators to the latency of a whole network.

y = intercept + per_operator * n + sum over groups of scale_g * x_g, where n operators of group g took x_g alone. Alone,
each of them pays for a call of the runtime (per_operator is that, and negative); inside a network it runs a little
slower (cold caches), each kind by its own factor. The factors are drawn towards a common one by as much as leaving
networks out shows to be best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_PULLS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1e6)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted calibration.

    Attributes:
        intercept_ms: What a network costs beside its operators.
        per_operator_ms: What every operator costs beside its scaled time.
        scales: Group -> factor.
        common: Factor of groups that no calibration network had.
        spread: Relative error of networks left out of the fit, root mean square.
        mape: Mean absolute relative error of the same.
        networks: How many it was fitted on.
        noise: Relative standard deviation of one network's processes, mean over the networks.
    """

    intercept_ms: float = 0.0
    per_operator_ms: float = 0.0
    scales: Mapping[str, float] | None = None
    common: float = 1.0
    spread: float = 0.0
    mape: float = 0.0
    networks: int = 0
    noise: float = 0.0

    def scale(self, group: str) -> float:
        """The factor of a group."""
        return (self.scales or {}).get(group, self.common)


def calibrate(
    sums_ms: Sequence[Mapping[str, float]],
    counts: Sequence[int],
    measured_ms: Sequence[float],
    noise: float = 0.0,
) -> Calibration:
    """Fits on whole networks.

    Args:
        sums_ms: For each network, group -> sum of its operators' isolated times.
        counts: How many operators each network has.
        measured_ms: The latency of each network.
        noise: How much processes of one network differ, for the width of predictions.

    Returns:
        The fit with the smallest left-out error; plain sums when there are fewer than four networks.
    """
    if len(measured_ms) < 4:
        return Calibration(networks=len(measured_ms), noise=noise)
    groups = sorted({group for one in sums_ms for group in one})
    x = np.array([[one.get(group, 0.0) for group in groups] for one in sums_ms])
    n, y = np.asarray(counts, float), np.asarray(measured_ms, float)
    errors = {pull: _left_out(x, n, y, pull) for pull in _PULLS}
    best = min(_PULLS, key=lambda pull: float(np.mean(np.square(errors[pull]))))
    fit = _fit(x, n, y, best)
    return Calibration(
        fit.intercept,
        fit.per_operator,
        dict(zip(groups, fit.scales.tolist(), strict=True)),
        fit.common,
        float(np.sqrt(np.mean(np.square(errors[best])))),
        float(np.mean(np.abs(errors[best]))),
        len(y),
        noise,
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    intercept: float
    per_operator: float
    common: float
    scales: np.ndarray

    def predict(self, x: np.ndarray, n: float) -> float:
        return float(self.intercept + self.per_operator * n + x @ self.scales)


def _fit(x: np.ndarray, n: np.ndarray, y: np.ndarray, pull: float) -> _Fit:
    """Weighted by 1/y: relative errors count. Unknowns: the three common ones, and each group's deviation."""
    design = np.column_stack([np.ones(len(y)), n, x.sum(axis=1), x]) / y[:, None]
    share = np.sqrt(np.maximum(np.mean(np.square(design[:, 3:]), axis=0), 1e-12))
    # Counts hardly vary between networks that are alike: a little ridge keeps them from trading with the intercept.
    free = [1e-9, 1e-6 * float(np.mean(np.square(design[:, 1]))) * len(y) + 1e-12, 1e-9]
    penalty = np.diag([*free, *(np.full(x.shape[1], pull) * len(y) * np.maximum(share, 0.01))])
    solved = np.linalg.solve(design.T @ design + penalty, design.T @ np.ones(len(y)))
    scales = np.clip(solved[2] + solved[3:], 0.2, 6.0)
    return _Fit(float(solved[0]), float(solved[1]), float(solved[2]), scales)


def _left_out(x: np.ndarray, n: np.ndarray, y: np.ndarray, pull: float) -> np.ndarray:
    errors = np.empty(len(y))
    for index in range(len(y)):
        keep = np.arange(len(y)) != index
        errors[index] = _fit(x[keep], n[keep], y[keep], pull).predict(x[index], n[index]) / y[index] - 1
    return errors
