"""Labelled images in their three splits."""

from dataclasses import dataclass

import numpy as np

from mnas.data.inputs import Inputs


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images and their classes.

    Attributes:
        inputs: What a network reads: float32 in [0, 1], [count, height, width, channels].
        labels: int64 in [0, classes), [count].
    """

    inputs: Inputs
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def images(self) -> np.ndarray:
        """All inputs at once, for sets that memory holds."""
        return self.inputs[:]

    @property
    def targets(self) -> np.ndarray:
        """What it is to find: the labels."""
        return self.labels

    @property
    def classes(self) -> int:
        """How many classes there are, as far as the labels tell."""
        return int(self.labels.max()) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Real images for a search.

    Attributes:
        name: Where they come from, as it was asked for (`digits`, `folder:DIR`, ...).
        class_names: One name per class, in the order of the labels.
        train: What candidates learn from; int8 calibration images come from here too.
        validation: What the reward is measured on.
        test: Touched once, when the search is over.
        summary: What was read, on which scale, what was passed over, and warnings; a line each.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    summary: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def outputs(self) -> int:
        """How many outputs a network needs: one per class."""
        return self.classes

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.inputs.shape[1:]
        return height, width, channels
