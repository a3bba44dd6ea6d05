"""Proxy training of one candidate: short, deterministic, and quick to start."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from mnas.data import Dataset, Split
from mnas.errors import SearchError
from mnas.training.augment import flipped, shifted
from mnas.training.optimizers import make_apply
from mnas.training.recipe import Recipe

OnEpoch = Callable[[int, int, float], None]
"""Called behind each epoch with its number from 1, the number of epochs, and the mean loss."""

_EVALUATION_BATCH = 64


@dataclass(frozen=True, slots=True)
class Training:
    """What a training went through: the mean loss of each epoch."""

    losses: tuple[float, ...]


def prepare_tensorflow() -> None:
    """Makes operations deterministic, for this process; what is unseeded and random then raises."""
    tf.config.experimental.enable_op_determinism()


def train(
    model: tf_keras.Model, dataset: Dataset, recipe: Recipe, *, seed: int, on_epoch: OnEpoch | None = None
) -> Training:
    """Trains `model` in place on the train split.

    With one thread, the same model, data, recipe and seed give the same weights, bit by bit.

    Args:
        model: Images to probabilities.
        dataset: Its train split is used, nothing else.
        recipe: How.
        seed: Of the order of the images and of their augmentation.
        on_epoch: Told after each epoch.

    Raises:
        SearchError: The loss is no longer a finite number.
    """
    rng = np.random.default_rng(seed)
    steps = recipe.steps_per_epoch(len(dataset.train))
    total = recipe.epochs * steps
    step = _make_step(model, recipe, dataset.classes)
    losses = []
    for epoch in range(recipe.epochs):
        mean = 0.0
        for index, (images, labels) in enumerate(_batches(dataset.train, recipe, rng)):
            rate = recipe.rate(epoch * steps + index, total)
            loss = float(step(tf.constant(images), tf.constant(labels), tf.constant(rate, tf.float32)))
            if not math.isfinite(loss):
                raise SearchError(
                    f"training diverged in epoch {epoch + 1} of {recipe.epochs}: the loss is {loss};"
                    f" lower the learning rate ({recipe.learning_rate:g})"
                )
            mean += loss / steps
        losses.append(mean)
        if on_epoch is not None:
            on_epoch(epoch + 1, recipe.epochs, mean)
    return Training(tuple(losses))


def float_accuracy(model: tf_keras.Model, split: Split) -> float:
    """Share of `split` that the model, in inference mode, puts into the right class."""

    @tf.function(reduce_retracing=True)
    def classify(images: tf.Tensor) -> tf.Tensor:
        return tf.argmax(model(images, training=False), axis=1)

    shape = (_EVALUATION_BATCH, *split.images.shape[1:])
    right = 0
    for start in range(0, len(split), _EVALUATION_BATCH):
        images = np.asarray(split.images[start : start + _EVALUATION_BATCH])
        padded = np.zeros(shape, np.float32)  # one shape, one trace
        padded[: len(images)] = images
        found = classify(tf.constant(padded)).numpy()[: len(images)]
        right += int((found == split.labels[start : start + _EVALUATION_BATCH]).sum())
    return right / len(split)


def _make_step(
    model: tf_keras.Model, recipe: Recipe, classes: int
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    variables = model.trainable_variables
    apply = make_apply(recipe.optimizer, variables, recipe.weight_decay)
    smooth = recipe.label_smoothing

    @tf.function
    def step(images: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        target = tf.one_hot(labels, classes) * (1 - smooth) + smooth / classes
        with tf.GradientTape() as tape:
            probabilities = model(images, training=True)
            loss = tf.reduce_mean(tf_keras.losses.categorical_crossentropy(target, probabilities))
        apply(tape.gradient(loss, variables), rate)
        return loss

    return step


def _batches(split: Split, recipe: Recipe, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One epoch in a fresh order; the images that do not fill a last batch sit out."""
    size = min(recipe.batch_size, len(split))
    order = rng.permutation(len(split))
    for index in range(recipe.steps_per_epoch(len(split))):
        chosen = order[index * size : (index + 1) * size]
        images = shifted(np.asarray(split.images[chosen], np.float32), recipe.shift, rng)
        yield (flipped(images, rng) if recipe.flip else images), split.labels[chosen]


def release_memory() -> None:
    """Drops the graphs and layer names that Keras keeps: a worker trains many candidates."""
    tf_keras.backend.clear_session()
