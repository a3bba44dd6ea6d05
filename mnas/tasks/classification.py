"""Image classification: one label per image, judged by the share of images that get the right one."""

from __future__ import annotations

from typing import Any

import numpy as np

from mnas.data import Dataset, Split, load_data, open_dataset, save_dataset
from mnas.reward import as_it_is
from mnas.tasks.augment import cropped, cut_out, flipped, mixed, shifted
from mnas.tasks.class_findings import class_findings, difference_of_shares
from mnas.tasks.metric import Metric
from mnas.tasks.shares import wilson
from mnas.tasks.task import Examples, Loss, Predict, Task, Variation
from search_spaces import Classifier


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
    return _moved(flipped(images, rng) if recipe.flip else images, recipe, rng), labels


def _moved(images: np.ndarray, recipe: Variation, rng: np.random.Generator) -> np.ndarray:
    return cut_out(shifted(images, recipe.shift, rng), recipe.cutout, rng)


def _batch(
    split: Split, chosen: np.ndarray, recipe: Variation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    images = _moved(cropped(split.inputs, chosen, recipe.crop, recipe.flip, rng), recipe, rng)
    labels = split.labels[chosen]
    return mixed(images, labels, split.classes, recipe.mixup, rng) if recipe.mixup else (images, labels)


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
    batch=_batch,
    judge=_accuracy,
    metric=ACCURACY,
    outputs="classes",
    ending="pooling, FC",
    labels=lambda data: data.class_names,
    findings=class_findings,
    difference=difference_of_shares,
)
