"""Weights that become zero while a trained network is trained on (Zhu and Gupta, ICLR 2018 workshop), by tfmot.

Files pack smaller for it; on phones they are not faster, see docs/quantization.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tf_keras as keras

_RISING = 0.6
"""Share of the steps over which the sparsity rises; in the others the network gets over it."""

_UPDATES = 100
"""How often the masks are drawn anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Pruning:
    """A network whose weights become zero as it is trained.

    Attributes:
        model: What to train, with `before_step` before each step.
    """

    model: keras.Model

    def before_step(self, step: int, _: int) -> None:
        """Tells the schedule how far the training is; see `mnas.training.in_training.BeforeStep`."""
        for layer in self._wrapped():
            layer.pruning_step.assign(step)

    def stripped(self, model: keras.Model) -> None:
        """Gives the weights, zeros included, to the network that was made prunable.

        Args:
            model: What `prunable` was given.
        """
        for layer in self._wrapped():
            layer.pruning_obj.weight_mask_op()
        for layer in self.model.layers:
            inner = getattr(layer, "layer", layer)
            for variable, trained in zip(model.get_layer(inner.name).weights, inner.weights, strict=True):
                variable.assign(trained)

    def _wrapped(self) -> list[Any]:
        return [layer for layer in self.model.layers if hasattr(layer, "pruning_obj")]


def prunable(model: keras.Model, sparsity: float, steps: int) -> Pruning:
    """A trained network as one whose kernels lose their smallest weights, by a cubic schedule.

    Depthwise kernels stay whole: they are few weights, and the network feels each.

    Args:
        model: The network; it is left as it is.
        sparsity: Share of the weights of each convolution and dense layer that are zero in the end.
        steps: Of the training.
    """
    from tensorflow_model_optimization.sparsity import keras as sparsity_keras

    schedule = sparsity_keras.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=max(1, round(_RISING * steps)), frequency=max(1, steps // _UPDATES)
    )

    def wrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
        copy = type(layer).from_config(layer.get_config())
        if type(layer) in (keras.layers.Conv2D, keras.layers.Dense) and layer.trainable:
            return sparsity_keras.prune_low_magnitude(copy, schedule)
        return copy

    copy = keras.models.clone_model(model, clone_function=wrapped)
    for layer in copy.layers:
        inner = getattr(layer, "layer", layer)
        inner.set_weights(model.get_layer(inner.name).get_weights())
    return Pruning(copy)
