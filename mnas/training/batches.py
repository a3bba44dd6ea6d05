"""The batches of a training, each a function of seed, epoch and step alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mnas.tasks.task import Examples, Task
from mnas.training.recipe import Recipe

Batch = tuple[np.ndarray, np.ndarray]
"""Inputs `[n, *input_shape]` and targets `[n, ...]`."""


def epoch_batches(
    task: Task[Any], split: Examples, recipe: Recipe, *, seed: int, epoch: int, first: int = 0
) -> Iterator[Batch]:
    """One epoch in an order of its own, from step `first` on; the examples that do not fill a last batch sit out."""
    size = min(recipe.batch_size, len(split))
    order = np.random.default_rng([seed, epoch]).permutation(len(split))
    for step in range(first, recipe.steps_per_epoch(len(split))):
        chosen = order[step * size : (step + 1) * size]
        rng = np.random.default_rng([seed, epoch, 1 + step])
        yield task.vary(np.asarray(split.inputs[chosen], np.float32), split.targets[chosen], recipe, rng)
