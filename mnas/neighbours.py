"""Architectures one decision away from a good one."""

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
