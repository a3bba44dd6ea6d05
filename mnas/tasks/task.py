"""A task: what a network is trained and judged on, and everything that the toolkit asks of it.

Nothing outside `mnas.tasks`, and `mnas.data` for the images of classification, knows labels, words or boxes. A task's
record is all that a new one needs: searches, exports, latency tables and reports then work on it. Tasks of other
packages join through the entry-point group `mnas.tasks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from mnas.data.inputs import Inputs
from mnas.tasks.findings import Findings, Predictions, no_difference, no_findings, no_labels
from mnas.tasks.metric import Metric
from search_spaces import Head, Shape

GROUP = "mnas.tasks"
"""The entry-point group: each entry gives a `Task`, and its name is the task's."""


Predict = Callable[[Inputs], np.ndarray]
"""Inputs `[count, ...]` -> the network's outputs `[count, ...]`, as floats whatever the file computes in.

They are read a batch at a time.
"""

Loss = Callable[[Any, Any], Any]
"""Targets and outputs of a batch, as tensors -> the loss to minimize, a scalar tensor."""


class Examples(Protocol):
    """One split of the data."""

    @property
    def inputs(self) -> Inputs:
        """What the network reads."""

    @property
    def targets(self) -> np.ndarray:
        """What the loss and the judge compare with: `[count, ...]`, in the task's own form."""

    def __len__(self) -> int:
        """How many examples there are."""


class Data(Protocol):
    """The data of a search in their splits.

    Attributes of any implementation are read as properties; it may have others for its own task.
    """

    @property
    def name(self) -> str:
        """Where they come from, as it was asked for."""

    @property
    def summary(self) -> tuple[str, ...]:
        """What was read, and warnings; a line each."""

    @property
    def train(self) -> Examples:
        """What candidates learn from; calibration inputs come from here too."""

    @property
    def validation(self) -> Examples:
        """What the reward is measured on."""

    @property
    def test(self) -> Examples:
        """Touched once, when the search is over."""

    @property
    def input_shape(self) -> Shape:
        """Of one input."""

    @property
    def outputs(self) -> int:
        """What `Task.head` is made for, such as the number of classes."""


class Load(Protocol):
    """Opens what the section `[data]` of a configuration names."""

    def __call__(
        self,
        source: str,
        *,
        image_size: int,
        channels: int,
        validation_share: float,
        test_share: float,
        seed: int,
        limit: int | None,
    ) -> Any:
        """Returns the data in their splits; raises `SearchError` for a source that cannot be used."""


class Variation(Protocol):
    """What a task reads of a training recipe; `mnas.training.recipe.Recipe` explains each."""

    @property
    def label_smoothing(self) -> float:
        """Share of a target spread over all classes."""

    @property
    def shift(self) -> int:
        """Pixels by which an input is moved at most."""

    @property
    def flip(self) -> bool:
        """Whether half of the inputs are mirrored."""

    @property
    def crop(self) -> float:
        """Smallest share of an input's area that is cut out and resized."""

    @property
    def cutout(self) -> int:
        """Side in pixels of the square that is greyed out."""

    @property
    def mixup(self) -> float:
        """Parameter of the distribution of the weights with which two examples are mixed."""


D = TypeVar("D", bound=Data)


@dataclass(frozen=True, slots=True)
class Task(Generic[D]):
    """One task.

    Attributes:
        name: As `task.name` of a configuration has it.
        load: The section `[data]` -> the data.
        save: Data and a folder -> the same on disk, for the workers and for a search that resumes.
        open: The reverse; raises `SearchError` for a damaged folder.
        head: `Data.outputs` -> what stands behind the features of a network.
        loss: Data and recipe -> the loss of the training.
        vary: A batch's inputs and targets, a recipe and a random source -> the same, augmented for training.
        batch: A split, the places of a batch in it, a recipe and a random source -> the batch, augmented for training;
            for tasks that have something to vary while they read, or that change the form of the targets. Without it a
            batch is read as it is and handed to `vary`.
        judge: A network, as what it predicts, and a split -> the metric's value. The float network and the TFLite file
            are judged by the same code, which lets the network predict every example once, in their order.
        metric: The number that the judge gives.
        outputs: What `Data.outputs` counts, in the plural.
        examples: What the splits hold, in the plural.
        example: The same in the singular.
        ending: What drawings write at the end of a network, in front of the number of outputs.
        labels: Data -> the names of the outputs, in their order; empty where they have none.
        findings: Predictions on a split and the labels -> what there is to see in them beyond the metric.
        difference: Predictions of two networks on the same examples -> the ends of the 95 % interval of the first
            one's metric less the second one's, NaN where unknown.
    """

    name: str
    load: Load
    save: Callable[[D, Path], None]
    open: Callable[[Path], D]
    head: Callable[[int], Head]
    loss: Callable[[D, Variation], Loss]
    vary: Callable[[np.ndarray, np.ndarray, Variation, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    judge: Callable[[Predict, Examples], float]
    metric: Metric
    batch: Callable[[Any, np.ndarray, Variation, np.random.Generator], tuple[np.ndarray, np.ndarray]] | None = None
    outputs: str = "outputs"
    examples: str = "images"
    example: str = "image"
    ending: str = "head"
    labels: Callable[[D], tuple[str, ...]] = no_labels
    findings: Callable[[Predictions, Sequence[str]], Findings] = no_findings
    difference: Callable[[Predictions, Predictions], tuple[float, float]] = no_difference

    def training_batch(
        self, split: Examples, chosen: np.ndarray, recipe: Variation, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The examples at the places `chosen` (integers `[n]`) of a split, as a training step gets them."""
        if self.batch is not None:
            return self.batch(split, chosen, recipe, rng)
        return self.vary(np.asarray(split.inputs[chosen], np.float32), split.targets[chosen], recipe, rng)
