"""What a source of images offers: its labels at once, its images when they are chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mnas.data.scale import Stored


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Images that were read.

    Attributes:
        images: float32 [n, height, width, channels]; in the files' own values where `stored` says so, else in [0, 1].
        stored: How each image was stored; empty when the images are on their scale already.
    """

    images: np.ndarray
    stored: tuple[Stored, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A set of labelled images that is not loaded yet.

    Attributes:
        labels: int64, [count].
        load: Indices [n] to images.
        name: The name of the image at an index, for messages.
    """

    labels: np.ndarray
    load: Callable[[np.ndarray], Loaded]
    name: Callable[[int], str]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """All that a source has.

    Attributes:
        class_names: One name per class, in the order of the labels.
        pools: `train`, and `validation` and `test` where the source has its own.
        notes: What the user is told about the source, such as the files that were passed over; a line each.
    """

    class_names: tuple[str, ...]
    pools: Mapping[str, Pool]
    notes: tuple[str, ...] = ()
