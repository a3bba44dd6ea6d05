"""A Gaussian process over architectures that learns which decisions matter.

The kernel is ``exp(-weights @ differs)``: two architectures resemble each other less with every decision in which they
differ, and each decision has a weight of its own (automatic relevance determination, Neal 1996, for Hamming distances).
The weights and the noise maximize the posterior: their prior is one weight for all decisions, the one of highest
marginal likelihood. A decision that was not taken counts as a choice of its own. Targets are Gaussian ranks, so that
only the order of rewards matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.stats import norm, rankdata

from mnas.controllers.arrays import Floats, Ints

_RHOS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
_NOISES = (0.001, 0.01, 0.1, 0.5)
_WEIGHTS, _NOISE = (1e-4, 5.0), (1e-4, 1.0)
_SPREAD = 0.5  # of the logarithms of the weights and the noise around their prior
_ITERATIONS = 15
_LARGEST = 240  # points that predictions rest on; the work grows with their cube
_LARGEST_LEARNED = 200  # points that the weights are learned from


@dataclass(frozen=True, slots=True)
class Process:
    """A fitted process; its prior variance is 1.

    Attributes:
        tokens: The points, ``[points, steps]``.
        weights: What it costs to differ in each decision, ``[steps]``.
        noise: Variance of a reward's rank for one architecture.
        factor: Cholesky factor of the kernel matrix with noise, ``[points, points]``, lower.
        solved: The inverse of that matrix times the targets, ``[points]``.
    """

    tokens: Ints
    weights: Floats
    noise: float
    factor: Floats
    solved: Floats

    def correlation(self, left: Ints, right: Ints) -> Floats:
        """Prior correlation of every architecture with every other, ``[left, right]``."""
        kernel: Floats = np.exp(-_distances(left, right, self.weights))
        return kernel

    def expected(self, tokens: Ints) -> Floats:
        """Mean of the Gaussian rank, ``[rows]``."""
        mean: Floats = self.correlation(tokens, self.tokens) @ self.solved
        return mean

    def reached(self, tokens: Ints) -> Floats:
        """What is known of architectures, ``[points, rows]``: two columns' product is the covariance explained."""
        cross = self.correlation(self.tokens, tokens)
        half: Floats = solve_triangular(self.factor, cross, lower=True, check_finite=False)
        return half

    def predict(self, tokens: Ints) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the Gaussian rank, each ``[rows]``."""
        half = self.reached(tokens)
        return self.expected(tokens), np.sqrt(np.maximum(1.0 - (half * half).sum(axis=0), 0.0))


def fit(tokens: Ints, rewards: Floats) -> Process:
    """Fits a process.

    Args:
        tokens: Distinct architectures, ``[points, steps]``, oldest first; -1 where a decision was not taken. Of more
            than 240 the best and the newest are kept.
        rewards: ``[points]``.
    """
    keep = _kept(rewards, _LARGEST)
    tokens, rewards = tokens[keep], rewards[keep]
    targets = norm.ppf((rankdata(rewards) - 0.5) / len(rewards))
    some = _kept(rewards, _LARGEST_LEARNED)
    weights, noise = _learned(tokens[some], targets[some])
    kernel = np.exp(-_distances(tokens, tokens, weights))
    factor = np.linalg.cholesky(kernel + noise * np.eye(len(tokens)))
    return Process(tokens, weights, noise, factor, cho_solve((factor, True), targets))


def _kept(rewards: Floats, most: int) -> Ints:
    """The best half of ``most`` points and the newest others, in their order."""
    if len(rewards) <= most:
        return np.arange(len(rewards))
    best = np.argsort(-rewards, kind="stable")[: most // 2]
    others = np.setdiff1d(np.arange(len(rewards)), best)
    return np.sort(np.concatenate([best, others[len(best) - most :]]))


def _distances(left: Ints, right: Ints, weights: Floats) -> Floats:
    """Sum of the weights of the decisions in which rows differ, ``[left, right]``."""
    both = np.concatenate([left, right])
    low = both.min(axis=0)
    sizes = both.max(axis=0) - low + 1
    marks = np.zeros((len(both), int(sizes.sum())))
    np.put_along_axis(marks, both - low + np.cumsum(sizes) - sizes, np.sqrt(weights)[None, :], axis=1)
    alike = marks[: len(left)] @ marks[len(left) :].T
    return np.maximum(weights.sum() - alike, 0.0)


def _learned(tokens: Ints, targets: Floats) -> tuple[Floats, float]:
    """The weights, ``[steps]``, and the noise."""
    points, steps = tokens.shape
    columns = tokens.T
    differs = (columns[:, :, None] != columns[:, None, :]).reshape(steps, -1).astype(np.float64)
    rho, noise = _equal_weights(differs.sum(axis=0).reshape(points, points), targets)
    prior = np.append(np.full(steps, np.log(-np.log(rho))), np.log(noise))
    identity = np.eye(points)

    def loss(logs: Floats) -> tuple[float, Floats]:
        """Minus the log posterior, and its gradient."""
        weights, variance = np.exp(logs[:-1]), np.exp(logs[-1])
        kernel = np.exp(-(weights @ differs)).reshape(points, points)
        factor = np.linalg.cholesky(kernel + variance * identity)
        inverse = cho_solve((factor, True), identity, check_finite=False)
        solved = inverse @ targets
        slope = 0.5 * (np.outer(solved, solved) - inverse)
        by_weight = -(differs @ (slope * kernel).ravel()) * weights
        gradient = np.append(by_weight, np.trace(slope) * variance)
        off = (logs - prior) / _SPREAD
        value = 0.5 * float(targets @ solved) + float(np.log(np.diag(factor)).sum())
        return value + 0.5 * float(off @ off), off / _SPREAD - gradient

    bounds = [tuple(np.log(_WEIGHTS))] * steps + [tuple(np.log(_NOISE))]
    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _ITERATIONS})
    return np.exp(found.x[:-1]), float(np.exp(found.x[-1]))


def _equal_weights(distance: Floats, targets: Floats) -> tuple[float, float]:
    """The correlation of architectures that differ in one decision, and the noise, by marginal likelihood."""
    fits = []
    for rho in _RHOS:
        kernel = rho**distance
        for noise in _NOISES:
            factor = np.linalg.cholesky(kernel + noise * np.eye(len(targets)))
            half = solve_triangular(factor, targets, lower=True, check_finite=False)
            evidence = -0.5 * float(half @ half) - float(np.log(np.diag(factor)).sum())
            fits.append((evidence, rho, noise))
    _, rho, noise = max(fits)
    return rho, noise
