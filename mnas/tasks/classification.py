"""Image classification: one label per image, judged by the share of images that get the right one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mnas.data import Dataset, load_data, open_dataset, save_dataset
from mnas.reward import as_it_is
from mnas.tasks.augment import flipped, shifted
from mnas.tasks.metric import Metric
from mnas.tasks.task import Examples, Loss, Predict, Task, Variation
from search_spaces import Classifier

_Z = 1.959964  # two-sided 95 % of the normal distribution


def wilson(share: float, count: int) -> tuple[float, float]:
    """The ends of Wilson's 95 % interval (JASA 22, 1927) of a share of `count`; NaN for what is not a share."""
    if not 0 <= share <= 1:
        return math.nan, math.nan
    squared = _Z * _Z / count
    center = (share + squared / 2) / (1 + squared)
    half = _Z * math.sqrt(share * (1 - share) / count + squared / (4 * count)) / (1 + squared)
    return max(0.0, min(share, center - half)), min(1.0, max(share, center + half))


def _accuracy(predict: Predict, examples: Examples) -> float:
    """Share of the images that get the right label."""
    return float((predict(examples.inputs).argmax(axis=1) == examples.targets).mean())


def _loss(data: Dataset, recipe: Variation) -> Loss:
    """Cross-entropy with smoothed labels; of integers [n], or of shares of the classes [n, classes]."""
    import tensorflow as tf
    import tf_keras

    classes, smooth = data.classes, recipe.label_smoothing

    def loss(labels: Any, probabilities: Any) -> Any:
        shares = tf.one_hot(labels, classes) if labels.dtype.is_integer else labels
        target = shares * (1 - smooth) + smooth / classes
        return tf.reduce_mean(tf_keras.losses.categorical_crossentropy(target, probabilities))

    return loss


def _vary(
    images: np.ndarray, labels: np.ndarray, recipe: Variation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    moved = shifted(images, recipe.shift, rng)
    return (flipped(moved, rng) if recipe.flip else moved), labels


ACCURACY = Metric(
    key="accuracy",
    name="accuracy",
    maximize=True,
    merit=as_it_is,
    from_merit=as_it_is,
    interval=wilson,
    factor=100.0,
    unit="%",
    difference_unit="points",
    decimals=1,
    adjective="accurate",
    plural="accuracies",
    abbreviation="acc.",
    claim="is right on {value} of the {examples}",
)

CLASSIFICATION = Task(
    name="classification",
    load=load_data,
    save=save_dataset,
    open=open_dataset,
    head=Classifier,
    loss=_loss,
    vary=_vary,
    judge=_accuracy,
    metric=ACCURACY,
    outputs="classes",
    ending="pooling, FC",
)
