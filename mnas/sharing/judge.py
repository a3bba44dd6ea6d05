"""What networks are worth with shared weights: their statistics are collected anew, then they are judged.

Moving averages over the training would mix the statistics of all networks; with them, accuracy is near chance. Here a
network gets those of training images that pass through it alone (Guo et al., Single Path One-Shot, ECCV 2020,
section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from mnas.data.inputs import Inputs, some_places
from mnas.tasks.task import Data, Examples, Task
from search_spaces.keras_models.shared import Route, SharedModel
from search_spaces.shared import Path

BATCH = 128


@dataclass(frozen=True, slots=True)
class Some:
    """Some examples of a split; see `Examples`."""

    inputs: Inputs
    targets: np.ndarray

    @classmethod
    def of(cls, split: Examples, count: int, seed: int) -> Some:
        """So many, or all, the same for the same seed."""
        chosen = some_places(len(split), count, np.random.default_rng([seed, 6]))
        return cls(split.inputs[chosen], split.targets[chosen])

    def __len__(self) -> int:
        """How many."""
        return len(self.targets)


class SharedJudge:
    """Judges networks one after the other."""

    def __init__(
        self, model: SharedModel, task: Task[Any], data: Data, *, calibration: int, judged: int, seed: int
    ) -> None:
        """Chooses the images; the first network compiles.

        Args:
            model: The weights, trained.
            task: The judge.
            data: Statistics come from the train split, the judgement from the validation split.
            calibration: Images that give the statistics.
            judged: Images that networks are judged on.
            seed: Chooses the images, the same for all networks.
        """
        self._model, self._task = model, task
        self._calibration = np.asarray(Some.of(data.train, calibration, seed).inputs, np.float32)
        self._judged = Some.of(data.validation, judged, seed)
        images = tf.TensorSpec((None, *data.input_shape), tf.float32)
        route = [
            tf.TensorSpec(one.shape, one.dtype) for one in model.route(model.graph.path(model.graph.smallest)).inputs
        ]
        share = tf.TensorSpec((), tf.float32)
        self._collect = tf.function(self._collected, input_signature=[images, *route, share], autograph=False)
        self._infer = tf.function(self._inferred, input_signature=[images, *route], autograph=False)

    def value(self, path: Path) -> float:
        """The metric of a network on the images it is judged on."""
        route = self.calibrate(path)
        return float(self._task.judge(lambda inputs: self.predict(route, inputs), self._judged))

    def calibrate(self, path: Path) -> Route:
        """Collects the statistics of a network, each the mean over batches; they stay until the next is calibrated."""
        route = self._model.route(path)
        for start in range(0, len(self._calibration), BATCH):
            share = tf.constant(1.0 / (1 + start // BATCH), tf.float32)
            self._collect(tf.constant(self._calibration[start : start + BATCH]), *route.inputs, share)
        return route

    def predict(self, route: Route, inputs: Inputs) -> np.ndarray:
        """What the network that was calibrated last predicts: `[count, ...]`."""
        parts = [
            self._infer(tf.constant(np.asarray(inputs[start : start + BATCH], np.float32)), *route.inputs).numpy()
            for start in range(0, len(inputs), BATCH)
        ]
        return np.concatenate(parts)

    def _collected(self, images: tf.Tensor, choices: tf.Tensor, cuts: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
        return self._model.apply(images, self._model.pieces(), choices, cuts, "collect", share)

    def _inferred(self, images: tf.Tensor, choices: tf.Tensor, cuts: tf.Tensor) -> tf.Tensor:
        return self._model.apply(images, self._model.pieces(), choices, cuts, "collected")
