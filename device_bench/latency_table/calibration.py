"""From the sum of isolated operators to the latency of a whole network.

y = intercept + per_operator * n + sum over groups of scale_g * x_g, where n operators of group g took x_g alone. Alone,
each of them pays for a call of the runtime (per_operator is that, and negative); inside a network it runs a little
slower (cold caches), each kind by its own factor. The factors are drawn towards a common one by as much as leaving
networks out shows to be best. Where a network was profiled, each kind of operator also tells what share of the whole it
takes: an equation more for the groups of that kind. Networks that other work on the device has slowed down count less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from device_bench.latency_table.in_situ import kind

_PULLS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1e6)
_REWEIGHTINGS = 5
_LEAST_SCALE = 0.005
_OUTLIER = 3.0
"""Left-out errors count up to so many of their median: a disturbed network tells nothing of the table."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted calibration.

    Attributes:
        intercept_ms: What a network costs beside its operators.
        per_operator_ms: What every operator costs beside its scaled time.
        scales: Group -> factor.
        common: Factor of groups that no calibration network had.
        spread: Relative error of networks left out of the fit, root mean square, outliers clipped.
        mape: Mean absolute relative error of the same, outliers clipped.
        networks: How many it was fitted on.
        noise: How far a repetition of the same measurements would be off, relative; mean over the networks.
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


@dataclass(frozen=True, slots=True)
class Whole:
    """A network that was measured whole.

    Attributes:
        sums_ms: Group -> what its operators take alone, in sum.
        counts: Group -> how many operators they are.
        measured_ms: What the network takes.
        shares: Kind of operator -> share of that, where it was profiled; else empty.
    """

    sums_ms: Mapping[str, float]
    counts: Mapping[str, int]
    measured_ms: float
    shares: Mapping[str, float] = field(default_factory=dict)


def calibrate(wholes: Sequence[Whole], noise: float = 0.0) -> Calibration:
    """Fits on whole networks.

    Args:
        wholes: The networks.
        noise: How much a repetition would be off, for the width of predictions.

    Returns:
        The fit with the smallest left-out error; plain sums when there are fewer than four networks.
    """
    if len(wholes) < 4:
        return Calibration(networks=len(wholes), noise=noise)
    groups = sorted({group for one in wholes for group in one.sums_ms})
    equations = [_equations(one, groups) for one in wholes]
    errors = {pull: _left_out(equations, pull) for pull in _PULLS}
    best = min(_PULLS, key=lambda pull: float(np.mean(np.square(errors[pull]))))
    fit = _fit(equations, best)
    return Calibration(
        float(fit[0]),
        float(fit[1]),
        dict(zip(groups, _scales(fit).tolist(), strict=True)),
        float(fit[2]),
        float(np.sqrt(np.mean(np.square(errors[best])))),
        float(np.mean(np.abs(errors[best]))),
        len(wholes),
        noise,
    )


def _equations(one: Whole, groups: Sequence[str]) -> np.ndarray:
    """Rows of [1, n, sum of x, x of each group, y], over the measured latency: relative errors count.

    The first is that of the whole network, the others those of its kinds of operators.
    """
    x = np.array([one.sums_ms.get(group, 0.0) for group in groups])
    n = np.array([one.counts.get(group, 0) for group in groups], float)
    rows = [np.concatenate([[1.0, n.sum(), x.sum()], x, [one.measured_ms]])]
    for name, share in one.shares.items():
        own = np.array([kind(group) == name for group in groups], float)
        rows.append(np.concatenate([[0.0, n @ own, x @ own], x * own, [share * one.measured_ms]]))
    return np.array(rows) / one.measured_ms


def _fit(equations: Sequence[np.ndarray], pull: float) -> np.ndarray:
    """Intercept, cost an operator and common factor, then the deviation of each group from the common factor.

    Disturbances only ever slow a network down, so only networks that are slower than fitted lose weight (Huber's).
    """
    weights = np.ones(len(equations))
    for _ in range(_REWEIGHTINGS):
        fit = _solve([rows * weight**0.5 for rows, weight in zip(equations, weights, strict=True)], pull)
        slower = -_errors(equations, fit)
        scale = max(1.4826 * float(np.median(np.abs(slower))), _LEAST_SCALE)
        weights = scale / np.maximum(slower, scale)
    return fit


def _solve(equations: Sequence[np.ndarray], pull: float) -> np.ndarray:
    networks = len(equations)
    stacked = np.concatenate(equations)
    design, wanted = stacked[:, :-1], stacked[:, -1]
    wholes = np.array([rows[0, :-1] for rows in equations])
    share = np.sqrt(np.maximum(np.mean(np.square(wholes[:, 3:]), axis=0), 1e-12))
    # Counts hardly vary between networks that are alike: a little ridge keeps them from trading with the intercept.
    free = [1e-9, 1e-6 * float(np.mean(np.square(wholes[:, 1]))) * networks + 1e-12, 1e-9]
    penalty = np.diag([*free, *(pull * networks * np.maximum(share, 0.01))])
    solved: np.ndarray = np.linalg.solve(design.T @ design + penalty, design.T @ wanted)
    return solved


def _scales(fit: np.ndarray) -> np.ndarray:
    scales: np.ndarray = np.clip(fit[2] + fit[3:], 0.2, 6.0)
    return scales


def _errors(equations: Sequence[np.ndarray], fit: np.ndarray) -> np.ndarray:
    """Relative error of a fit on each network."""
    wholes = np.array([rows[0] for rows in equations])
    errors: np.ndarray = wholes[:, :2] @ fit[:2] + wholes[:, 3:-1] @ _scales(fit) - 1
    return errors


def _left_out(equations: Sequence[np.ndarray], pull: float) -> np.ndarray:
    """Relative error on each network of a fit without it, outliers clipped."""
    errors = np.empty(len(equations))
    for index, rows in enumerate(equations):
        fit = _fit([*equations[:index], *equations[index + 1 :]], pull)
        errors[index] = _errors([rows], fit)[0]
    limit = _OUTLIER * float(np.median(np.abs(errors)))
    return np.clip(errors, -limit, limit)
