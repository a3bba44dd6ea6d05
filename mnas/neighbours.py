"""Architectures one decision, or a few, away from a good one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def neighbours(tokens: Sequence[int], sizes: Sequence[int]) -> NDArray[np.int64]:
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


def mutants(
    tokens: Sequence[int], sizes: Sequence[int], changes: int, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """``count`` random token sequences that differ from ``tokens`` in at most ``changes`` steps, ``[count, steps]``."""
    rows = np.tile(np.maximum(np.array(tokens, dtype=np.int64), 0), (count, 1))
    steps = rng.integers(len(sizes), size=(count, changes))
    for change in range(changes):
        where = steps[:, change]
        rows[np.arange(count), where] = rng.integers(np.array(sizes)[where])
    return rows
