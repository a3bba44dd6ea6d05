"""A declared surrogate: a Gaussian process over architectures, to screen samples before any is evaluated.

The kernel is ``rho ** hamming``: two architectures resemble each other less with every decision in which they differ.
Targets are Gaussian ranks, so that only the order of rewards matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.stats import norm, rankdata

from mnas.controllers.arrays import Floats, Ints

_RHOS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
_NOISES = (0.001, 0.01, 0.1, 0.5)
_LARGEST = 200  # points fitted; the work grows with their cube


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A fitted process.

    Attributes:
        tokens: The points, ``[points, steps]``.
        rho: Correlation of two architectures that differ in one decision.
        factor: Cholesky factor of the kernel matrix, ``[points, points]``, lower.
        weights: The kernel matrix's inverse times the targets, ``[points]``.
    """

    tokens: Ints
    rho: float
    factor: Floats
    weights: Floats

    def predict(self, tokens: Ints) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the Gaussian rank, each ``[rows]``."""
        cross = self.rho ** _hamming(tokens, self.tokens)
        mean: Floats = cross @ self.weights
        solved = cho_solve((self.factor, True), cross.T)
        variance = 1.0 - np.einsum("ij,ji->i", cross, solved)
        return mean, np.sqrt(np.maximum(variance, 1e-12))


def fit(tokens: Ints, rewards: Floats) -> Surrogate:
    """Fits by marginal likelihood over a grid of correlation and noise.

    Args:
        tokens: Distinct architectures, ``[points, steps]``, oldest first. Of more than 200 the best and the newest
            halves are kept.
        rewards: ``[points]``.
    """
    if len(tokens) > _LARGEST:
        best = np.argsort(-rewards, kind="stable")[: _LARGEST // 2]
        keep = np.union1d(best, np.arange(len(tokens) - _LARGEST // 2, len(tokens)))
        tokens, rewards = tokens[keep], rewards[keep]
    count = len(tokens)
    targets = norm.ppf((rankdata(rewards) - 0.5) / count)
    distance, identity = _hamming(tokens, tokens), np.eye(count)
    fits = []
    for rho in _RHOS:
        kernel = rho**distance
        for noise in _NOISES:
            factor = np.linalg.cholesky(kernel + noise * identity)
            weights = cho_solve((factor, True), targets)
            evidence = -0.5 * float(targets @ weights) - float(np.log(np.diag(factor)).sum())
            fits.append((evidence, Surrogate(tokens, rho, factor, weights)))
    return max(fits, key=lambda item: item[0])[1]


def _hamming(left: Ints, right: Ints) -> Floats:
    distance = np.zeros((len(left), len(right)))
    for step in range(left.shape[1]):
        distance += left[:, step, None] != right[None, :, step]
    return distance
