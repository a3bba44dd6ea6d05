"""From the sum of isolated operators to the latency of a whole network.

y = intercept + sum over groups of scale_g * x_g, where x_g is what the operators of group g took alone. An operator
runs a little slower inside a network (cold caches), each kind by its own factor: the factors are drawn towards a
common one by as much as leaving networks out shows to be best.
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
        scales: Group -> factor.
        common: Factor of groups that no calibration network had.
        spread: Relative error of networks left out of the fit, root mean square.
        mape: Mean absolute relative error of the same.
        networks: How many it was fitted on.
        noise: Relative standard deviation of one network's processes, mean over the networks.
    """

    intercept_ms: float = 0.0
    scales: Mapping[str, float] | None = None
    common: float = 1.0
    spread: float = 0.0
    mape: float = 0.0
    networks: int = 0
    noise: float = 0.0

    def scale(self, group: str) -> float:
        """The factor of a group."""
        return (self.scales or {}).get(group, self.common)


def calibrate(sums_ms: Sequence[Mapping[str, float]], measured_ms: Sequence[float], noise: float = 0.0) -> Calibration:
    """Fits on whole networks.

    Args:
        sums_ms: For each network, group -> sum of its operators' isolated times.
        measured_ms: The latency of each network.
        noise: How much processes of one network differ, for the width of predictions.

    Returns:
        The fit with the smallest left-out error; plain sums when there are fewer than four networks.
    """
    if len(measured_ms) < 4:
        return Calibration(networks=len(measured_ms), noise=noise)
    groups = sorted({group for one in sums_ms for group in one})
    x = np.array([[one.get(group, 0.0) for group in groups] for one in sums_ms])
    y = np.asarray(measured_ms, float)
    errors = {pull: _left_out(x, y, pull) for pull in _PULLS}
    best = min(_PULLS, key=lambda pull: float(np.mean(np.square(errors[pull]))))
    intercept, common, scales = _fit(x, y, best)
    return Calibration(
        intercept,
        dict(zip(groups, scales.tolist(), strict=True)),
        common,
        float(np.sqrt(np.mean(np.square(errors[best])))),
        float(np.mean(np.abs(errors[best]))),
        len(y),
        noise,
    )


def _fit(x: np.ndarray, y: np.ndarray, pull: float) -> tuple[float, float, np.ndarray]:
    """Weighted by 1/y: relative errors count. Unknowns: intercept, common factor, each group's deviation."""
    total = x.sum(axis=1)
    design = np.column_stack([np.ones(len(y)), total, x]) / y[:, None]
    share = np.sqrt(np.maximum(np.mean(np.square(design[:, 2:]), axis=0), 1e-12))
    penalty = np.diag([1e-9, 1e-9, *(np.full(x.shape[1], pull) * len(y) * np.maximum(share, 0.01))])
    solved = np.linalg.solve(design.T @ design + penalty, design.T @ np.ones(len(y)))
    scales = np.clip(solved[1] + solved[2:], 0.2, 6.0)
    return float(solved[0]), float(solved[1]), scales


def _left_out(x: np.ndarray, y: np.ndarray, pull: float) -> np.ndarray:
    errors = np.empty(len(y))
    for index in range(len(y)):
        keep = np.arange(len(y)) != index
        intercept, _, scales = _fit(x[keep], y[keep], pull)
        errors[index] = (intercept + x[index] @ scales) / y[index] - 1
    return errors
