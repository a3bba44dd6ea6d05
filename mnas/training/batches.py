"""The batches of a training: each a function of seed, epoch and step alone, read ahead of the step that takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from mnas.data.inputs import cores
from mnas.tasks.task import Examples, Task
from mnas.training.recipe import Recipe

Batch = tuple[np.ndarray, np.ndarray]
"""Inputs `[n, *input_shape]` and targets `[n, ...]`."""

_AHEAD_BYTES = 2**28
"""Of batches that are made at once."""

_FLOAT_BYTES = 4


def epoch_batches(
    task: Task[Any], split: Examples, recipe: Recipe, *, seed: int, epoch: int, first: int = 0
) -> Iterator[Batch]:
    """One epoch in an order of its own; the examples that do not fill a last batch sit out.

    Threads make the next batches while one is used, one for each core unless batches are large, and end with the
    iteration, however it ends.

    Args:
        task: Reads and varies the examples.
        split: What to train on.
        recipe: Gives the size of a batch and the augmentation.
        seed: Of the order of the examples and of their augmentation.
        epoch: From 0.
        first: The step of the epoch to begin with, when a training resumes.

    Raises:
        RunFailed: A file that examples lie in is missing, or is not the one that it was.
    """
    size = min(recipe.batch_size, len(split))
    order = np.random.default_rng([seed, epoch]).permutation(len(split))

    def batch(step: int) -> Batch:
        rng = np.random.default_rng([seed, epoch, 1 + step])  # zeros at the end would be as good as none
        return task.training_batch(split, order[step * size : (step + 1) * size], recipe, rng)

    count = max(1, min(cores(), _AHEAD_BYTES // (size * int(np.prod(split.inputs.shape[1:])) * _FLOAT_BYTES)))
    threads = ThreadPoolExecutor(count, thread_name_prefix="batches")
    try:
        ahead: deque[Future[Batch]] = deque()
        for step in range(first, recipe.steps_per_epoch(len(split))):
            ahead.append(threads.submit(batch, step))
            if len(ahead) > count:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        threads.shutdown(cancel_futures=True)
