"""One optimizer step on shared weights: it changes what the networks of the step have used, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from mnas.tasks.task import Loss
from mnas.training.optimizers import MOMENTUM, RMS_DECAY, RMS_EPSILON
from mnas.training.recipe import Optimizer, Recipe
from search_spaces.keras_models.shared import Route, SharedModel

_Updated = tuple[tf.Tensor, Sequence[tf.Tensor]]


class SharedStep:
    """Trains some networks at once; the gradients of all of them make one step.

    Attributes:
        slots: What the optimizer keeps for each weight; that of weights that are not used stays as it is, bit by bit.
    """

    def __init__(self, model: SharedModel, loss_of: Loss, recipe: Recipe) -> None:
        """Prepares; the first call compiles.

        Args:
            model: The weights.
            loss_of: The loss.
            recipe: Names the optimizer and the weight decay.
        """
        self._model, self._loss_of, self._recipe = model, loss_of, recipe
        fill, self._update = _OPTIMIZERS[recipe.optimizer]
        self.slots = [tf.Variable(tf.fill(model.weights.shape, value), trainable=False) for value in fill]
        self._gradient = tf.function(self._of_one, autograph=False)
        self._apply = tf.function(self._of_all, autograph=False)

    def __call__(
        self, inputs: np.ndarray, targets: np.ndarray, routes: Sequence[Route], rate: float, *, taught: bool = False
    ) -> float:
        """One step.

        Args:
            inputs: `[batch, ...]`.
            targets: `[batch, ...]`.
            routes: Of the networks.
            rate: Learning rate.
            taught: Whether the outputs of the first network are the targets of the others.

        Returns:
            The mean loss of the networks.
        """
        shown, wanted = tf.constant(inputs), tf.constant(targets)
        total = tf.zeros_like(self._model.weights)
        losses = []
        for place, route in enumerate(routes):
            loss, outputs, gradient = self._gradient(shown, wanted, *route.inputs)
            if taught and place == 0:
                wanted = outputs
            losses.append(float(loss))
            total += gradient
        used, decayed = (
            np.logical_or.reduce([getattr(route, name) for route in routes]) for name in ("used", "decayed")
        )
        self._apply(total / len(routes), tf.constant(used), tf.constant(decayed), tf.constant(rate, tf.float32))
        return float(np.mean(losses))

    def _of_one(
        self, inputs: tf.Tensor, targets: tf.Tensor, choices: tf.Tensor, cuts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        pieces = self._model.pieces()
        with tf.GradientTape() as tape:
            for piece in pieces:
                tape.watch(piece)
            outputs = self._model.apply(inputs, pieces, choices, cuts, "batch")
            loss = self._loss_of(targets, outputs)
        gradients = tape.gradient(loss, pieces)
        return loss, outputs, tf.concat([tf.reshape(one, [-1]) for one in gradients], 0)

    def _of_all(self, gradient: tf.Tensor, used: tf.Tensor, decayed: tf.Tensor, rate: tf.Tensor) -> None:
        weights = self._model.weights
        gradient += self._recipe.weight_decay * weights * tf.cast(decayed, tf.float32)
        change, slots = self._update(gradient, self.slots, rate)
        for slot, new in zip(self.slots, slots, strict=True):
            slot.assign(tf.where(used, new, slot))
        weights.assign(tf.where(used, weights + change, weights))


def _sgd(gradient: tf.Tensor, slots: Sequence[tf.Variable], rate: tf.Tensor) -> _Updated:
    momentum = MOMENTUM * slots[0] - rate * gradient
    return MOMENTUM * momentum - rate * gradient, [momentum]


def _rmsprop(gradient: tf.Tensor, slots: Sequence[tf.Variable], rate: tf.Tensor) -> _Updated:
    squares = RMS_DECAY * slots[0] + (1 - RMS_DECAY) * gradient * gradient
    momentum = MOMENTUM * slots[1] + rate * gradient * tf.math.rsqrt(squares + RMS_EPSILON)
    return -momentum, [squares, momentum]


_Update = Callable[[tf.Tensor, Sequence[tf.Variable], tf.Tensor], _Updated]

_OPTIMIZERS: dict[Optimizer, tuple[tuple[float, ...], _Update]] = {
    "sgd": ((0.0,), _sgd),
    "rmsprop": ((1.0, 0.0), _rmsprop),
}
"""First values of the slots, and the update, as in `mnas.training.optimizers`."""
