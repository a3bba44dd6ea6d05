"""Architectures one decision, or a few, away from a good one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnas.controllers.arrays import Ints

_FEW, _RANDOM_CROSSINGS = 4, 8


def neighbours(tokens: Sequence[int], sizes: Sequence[int]) -> Ints:
    """All token sequences that differ from ``tokens`` in exactly one step, ``[neighbours, steps]``.

    A step that was not taken (-1) is not changed, and comes out as the first choice.
    """
    origin = np.array(tokens, dtype=np.int64)
    changes = [
        (step, token)
        for step, size in enumerate(sizes)
        if origin[step] >= 0
        for token in range(size)
        if token != origin[step]
    ]
    rows = np.tile(np.maximum(origin, 0), (len(changes), 1))
    for row, (step, token) in enumerate(changes):
        rows[row, step] = token
    return rows


def mutants(tokens: Sequence[int], sizes: Sequence[int], changes: int, count: int, rng: np.random.Generator) -> Ints:
    """``count`` random token sequences that differ from ``tokens`` in at most ``changes`` steps, ``[count, steps]``."""
    rows = np.tile(np.maximum(np.array(tokens, dtype=np.int64), 0), (count, 1))
    steps = rng.integers(len(sizes), size=(count, changes))
    for change in range(changes):
        where = steps[:, change]
        rows[np.arange(count), where] = rng.integers(np.array(sizes)[where])
    return rows


def crossings(left: Sequence[int], right: Sequence[int], rng: np.random.Generator) -> Ints:
    """Token sequences that take every decision from one of two parents, ``[children, steps]``.

    All of them where the parents differ in at most four decisions, so that two changes that each helped are joined;
    eight random ones where they differ in more; none where a decision was not taken or only one differs.
    """
    one, other = np.array(left, dtype=np.int64), np.array(right, dtype=np.int64)
    differing = np.flatnonzero(one != other)
    if len(differing) < 2 or (one < 0).any() or (other < 0).any():
        return np.empty((0, len(one)), dtype=np.int64)
    if len(differing) <= _FEW:
        picks = np.indices((2,) * len(differing)).reshape(len(differing), -1).T[1:-1]
    else:
        picks = rng.integers(2, size=(_RANDOM_CROSSINGS, len(differing)))
    rows = np.tile(one, (len(picks), 1))
    rows[:, differing] = np.where(picks == 1, other[differing], one[differing])
    return rows
