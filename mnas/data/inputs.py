"""What networks read, in whatever form it is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

_BATCH_BYTES = 16 * 2**20
_MOST_CORES = 8


class Inputs(Protocol):
    """What networks read, `[count, *input_shape]`; a NumPy array is one.

    Nothing holds all of it: whoever reads takes a batch at a time.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """`[count, *input_shape]`."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, chosen: Any, /) -> np.ndarray:
        """Those that a slice or an integer array `[n]` chooses, read now: float32 `[n, *input_shape]`.

        Raises:
            RunFailed: A file that they lie in is missing, or is not the one that it was.
        """


def places(chosen: slice | np.ndarray, count: int) -> np.ndarray:
    """What a slice or an array of integers chooses of `count`, as places from 0: int64 `[n]`.

    Raises:
        IndexError: A place that is not there.
    """
    if isinstance(chosen, slice):
        return np.arange(*chosen.indices(count))
    found = np.asarray(chosen, np.int64)
    if found.ndim != 1 or (len(found) and not (-count <= found.min() and found.max() < count)):
        raise IndexError(f"{chosen!r} does not choose from {count}")
    return np.where(found < 0, found + count, found)


def some_places(total: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """So many of `total` places, or all of them, in their order: int64 `[n]`."""
    return np.sort(rng.choice(total, min(count, total), replace=False))


def batches(inputs: Inputs) -> Iterator[np.ndarray]:
    """All inputs in order, float32 `[n, *input_shape]` at a time, each a few megabytes."""
    one = max(1, int(np.prod(inputs.shape[1:])) * np.dtype(np.float32).itemsize)
    step = max(1, _BATCH_BYTES // one)
    for start in range(0, len(inputs), step):
        yield inputs[start : start + step]


def cores() -> int:
    """How many threads may read at once: one for each core that this process may use, and not very many."""
    return min(_MOST_CORES, len(os.sched_getaffinity(0)))
