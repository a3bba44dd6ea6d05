"""What a source of images offers: its labels at once, its images when they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from mnas.data.array_images import ArrayImages
from mnas.data.encoded import EncodedImages

Images: TypeAlias = ArrayImages | EncodedImages
"""Numbers of one scale, or files that are decoded as they are read."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A set of labelled images.

    Attributes:
        labels: int64, [count].
        images: As many; those of encoded files have no scale yet.
        name: The name of the image at an index, for messages.
    """

    labels: np.ndarray
    images: Images
    name: Callable[[int], str]

    def subset(self, indices: np.ndarray) -> Pool:
        """Some of them: int `[n]`."""
        return Pool(self.labels[indices], self.images.subset(indices), lambda index: self.name(int(indices[index])))

    def with_images(self, images: Images) -> Pool:
        """The same images in another form."""
        return replace(self, images=images)


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
