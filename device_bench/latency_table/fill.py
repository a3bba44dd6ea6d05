"""Times of operators that were never measured, from those that were: one small regression a group of operators."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from device_bench.latency_table.features import features

_ENOUGH = 4
_RIDGE = 1e-3
_CLIP = 0.30


@dataclass(frozen=True, slots=True)
class Fill:
    """Estimates by group.

    Attributes:
        laws: Group -> its law.
        spread: Typical relative error of an estimate, by leaving measured operators out.
    """

    laws: Mapping[str, "_Law"]
    spread: float

    def estimate_ms(self, signature: str) -> float | None:
        """The time of an operator, or None when too few of its group were measured."""
        law = self.laws.get(features(signature).group)
        return None if law is None else law.predict(_row(signature))


def fit_fill(times_ms: Mapping[str, float]) -> Fill:
    """Fits a law a group: a quadratic ridge in logs of MACs and bytes, held to +-30 % of the linear one.

    The quadratic follows the caches; held back, it cannot explode at sizes that were never measured.

    Args:
        times_ms: Signature -> measured milliseconds.
    """
    groups: dict[str, list[str]] = {}
    for signature in times_ms:
        groups.setdefault(features(signature).group, []).append(signature)
    laws, errors = {}, []
    for group, members in groups.items():
        if len(members) >= _ENOUGH:
            rows = np.array([_row(one) for one in members])
            times = np.log([max(times_ms[one], 1e-6) for one in members])
            laws[group] = _Law.fit(rows, times)
            errors += _left_out(rows, times)
    return Fill(laws, float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.3)


@dataclass(frozen=True, slots=True)
class _Law:
    centre: np.ndarray
    linear: np.ndarray
    quadratic: np.ndarray | None

    @classmethod
    def fit(cls, rows: np.ndarray, log_times: np.ndarray) -> "_Law":
        centre = rows.mean(axis=0)
        linear = _ridge(_expand(rows - centre, square=False), log_times)
        square = _expand(rows - centre, square=True)
        quadratic = _ridge(square, log_times) if len(rows) >= 2 * square.shape[1] else None
        return cls(centre, linear, quadratic)

    def predict(self, row: np.ndarray) -> float:
        moved = (row - self.centre)[None]
        plain = float(_expand(moved, square=False)[0] @ self.linear)
        if self.quadratic is None:
            return float(np.exp(plain))
        bent = float(_expand(moved, square=True)[0] @ self.quadratic)
        return float(np.exp(np.clip(bent, plain + np.log(1 - _CLIP), plain + np.log(1 + _CLIP))))


def _row(signature: str) -> np.ndarray:
    sizes = features(signature)
    return np.log([sizes.macs, sizes.read_bytes, sizes.written_bytes, sizes.weight_bytes])


def _expand(rows: np.ndarray, *, square: bool) -> np.ndarray:
    columns = [np.ones(len(rows)), *rows.T]
    if square:
        columns += [rows[:, i] * rows[:, j] for i in range(rows.shape[1]) for j in range(i, rows.shape[1])]
    return np.stack(columns, axis=1)


def _ridge(design: np.ndarray, target: np.ndarray) -> np.ndarray:
    penalty = _RIDGE * len(target) * np.eye(design.shape[1])
    penalty[0, 0] = 0
    solved: np.ndarray = np.linalg.lstsq(design.T @ design + penalty, design.T @ target, rcond=None)[0]
    return solved


def _left_out(rows: np.ndarray, log_times: np.ndarray, folds: int = 5) -> list[float]:
    errors: list[float] = []
    for fold in range(min(folds, len(rows))):
        out = np.arange(len(rows)) % folds == fold
        if (~out).sum() < _ENOUGH or not out.any():
            continue
        law = _Law.fit(rows[~out], log_times[~out])
        errors += [
            law.predict(row) / float(np.exp(time)) - 1 for row, time in zip(rows[out], log_times[out], strict=True)
        ]
    return errors
