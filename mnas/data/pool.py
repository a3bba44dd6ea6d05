"""What a source of images offers: its labels at once, its images when they are chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A set of labelled images that is not loaded yet.

    Attributes:
        labels: int64, [count].
        load: Indices [n] to float32 images in [0, 1], [n, height, width, channels].
    """

    labels: np.ndarray
    load: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """All that a source has.

    Attributes:
        class_names: One name a class, in the order of the labels.
        pools: `train`, and `validation` and `test` where the source has its own.
    """

    class_names: tuple[str, ...]
    pools: Mapping[str, Pool]
