"""Proxy training of one candidate: short, deterministic, and quick to start."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from mnas.data.inputs import Inputs
from mnas.errors import SearchError
from mnas.tasks.task import Data, Loss, Predict, Task
from mnas.training.batches import epoch_batches
from mnas.training.in_training import BeforeStep, Network, supervised
from mnas.training.optimizers import make_apply
from mnas.training.recipe import Recipe

OnEpoch = Callable[[int, int, float], None]
"""Called behind each epoch with its number from 1, the number of epochs, and the mean loss."""

Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""Inputs, targets and learning rate of a step -> its loss."""

_EVALUATION_BATCH = 64


@dataclass(frozen=True, slots=True)
class Training:
    """What a training went through: the mean loss of each epoch."""

    losses: tuple[float, ...]


def prepare_tensorflow() -> None:
    """Makes operations deterministic, for this process; what is unseeded and random then raises."""
    tf.config.experimental.enable_op_determinism()


def train(
    network: Network,
    task: Task[Any],
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    before_step: BeforeStep | None = None,
    on_epoch: OnEpoch | None = None,
) -> Training:
    """Trains a network in place on the train split.

    With one thread, the same network, data, recipe and seed give the same weights, bit by bit.

    Args:
        network: Inputs to outputs.
        task: Gives the loss and the augmentation.
        data: Their train split is used, and for `best_of_last` their validation split.
        recipe: How.
        seed: Of the order of the examples and of their augmentation.
        before_step: Called before each step.
        on_epoch: Told after each epoch.

    Raises:
        SearchError: The loss is no longer a finite number.
    """
    steps = recipe.steps_per_epoch(len(data.train))
    total = recipe.epochs * steps
    step, _ = make_step(network, recipe, supervised(task.loss(data, recipe), recipe))
    losses, kept = [], _Kept(network, task, data)
    for epoch in range(recipe.epochs):
        mean = 0.0
        for index, (inputs, targets) in enumerate(epoch_batches(task, data.train, recipe, seed=seed, epoch=epoch)):
            if before_step is not None:
                before_step(epoch * steps + index, total)
            rate = recipe.rate(epoch * steps + index, total)
            loss = float(step(tf.constant(inputs), tf.constant(targets), tf.constant(rate, tf.float32)))
            mean += finite(loss, recipe, epoch) / steps
        losses.append(mean)
        if recipe.epochs - epoch <= recipe.best_of_last:
            kept.look()
        if on_epoch is not None:
            on_epoch(epoch + 1, recipe.epochs, mean)
    kept.restore()
    return Training(tuple(losses))


class _Kept:
    """The weights of the epoch with the best validation metric among those that were looked at."""

    def __init__(self, network: Network, task: Task[Any], data: Data) -> None:
        self._network, self._task, self._data = network, task, data
        self._predict: Predict | None = None
        self._best = -math.inf
        self._weights: list[np.ndarray] = []

    def look(self) -> None:
        """Keeps the present weights if they are better than those kept; of equal ones the earlier stay."""
        self._predict = self._predict or float_predict(self._network)
        gain = self._task.metric.gain(self._task.judge(self._predict, self._data.validation))
        if gain > self._best:
            self._best, self._weights = gain, [one.numpy() for one in self._network.variables]

    def restore(self) -> None:
        """Gives the network what was kept, if anything was."""
        if self._weights:
            for variable, value in zip(self._network.variables, self._weights, strict=True):
                variable.assign(value)


def float_predict(model: Any) -> Predict:
    """What a model in inference mode predicts, for a task's judge."""

    @tf.function(reduce_retracing=True)
    def infer(inputs: tf.Tensor) -> tf.Tensor:
        return model(inputs, training=False)

    def predict(inputs: Inputs) -> np.ndarray:
        outputs = []
        for start in range(0, len(inputs), _EVALUATION_BATCH):
            chunk = inputs[start : start + _EVALUATION_BATCH]
            padded = np.zeros((_EVALUATION_BATCH, *inputs.shape[1:]), np.float32)  # one shape, one trace
            padded[: len(chunk)] = chunk
            outputs.append(infer(tf.constant(padded)).numpy()[: len(chunk)])
        return np.concatenate(outputs)

    return predict


def make_step(
    network: Network, recipe: Recipe, loss_of: Loss, after: Callable[[], None] = lambda: None
) -> tuple[Step, list[tf.Variable]]:
    """What makes one step of a training, and the variables that it keeps beside those of the network.

    Args:
        network: Inputs and whether it is trained -> outputs; has `trainable_variables`.
        recipe: Names the optimizer.
        loss_of: The loss.
        after: Done in the graph behind each update.
    """
    variables = network.trainable_variables
    apply, slots = make_apply(recipe.optimizer, variables, recipe.weight_decay)

    @tf.function
    def step(inputs: tf.Tensor, targets: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = loss_of(targets, network(inputs, training=True))
        apply(tape.gradient(loss, variables), rate)
        after()
        return loss

    return step, slots


def finite(loss: float, recipe: Recipe, epoch: int) -> float:
    """The loss of a step in an epoch, counted from 0.

    Raises:
        SearchError: It is no longer a finite number.
    """
    if not math.isfinite(loss):
        raise SearchError(
            f"training diverged in epoch {epoch + 1} of {recipe.epochs}: the loss is {loss};"
            f" lower the learning rate ({recipe.learning_rate:g})"
        )
    return loss


def release_memory() -> None:
    """Drops the graphs and layer names that Keras keeps: a worker trains many candidates."""
    tf_keras.backend.clear_session()
