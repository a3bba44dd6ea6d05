"""A network as it is trained: with its auxiliary head, and with paths that are dropped now and then."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from search_spaces.graph import Graph, Operator
from search_spaces.keras_models.build import assemble, with_layers_of
from search_spaces.training_extras import Extras


class DropPath(keras.layers.Layer):  # type: ignore[misc]
    """Leaves out the whole result of an operator for some examples in training, and scales it up for the others.

    What is dropped is a function of the seed and the step: a training that resumes drops the same.
    """

    def __init__(self, share: float, seed: int, standing: tf.Variable, **options: Any) -> None:
        """Makes the layer.

        Args:
            share: Of the examples at the end of the training.
            seed: Of the draws.
            standing: int32 [2], the number of the step and of all steps; not a weight of the layer.
            options: Of any layer.
        """
        super().__init__(**options)
        self.share, self.seed = share, seed
        self._standing = lambda: standing  # behind a function, Keras does not count it among the weights

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """`[batch, ...]` -> the same."""
        if not training:
            return inputs
        step, steps = tf.unstack(self._standing())
        kept = 1.0 - self.share * tf.minimum(1.0, tf.cast(step, tf.float32) / tf.cast(steps, tf.float32))
        shape = [tf.shape(inputs)[0], *(1 for _ in inputs.shape[1:])]
        drawn = tf.random.stateless_uniform(shape, tf.stack([self.seed, step]))
        return inputs * tf.cast(drawn < kept, tf.float32) / kept


def build_in_training(
    model: keras.Model,
    graph: Graph,
    extras: Extras,
    standing: tf.Variable,
    *,
    drop_path: float,
    batch_norm_momentum: float,
    seed: int,
) -> keras.Model:
    """The network as it is trained; it shares the layers of the one that ships.

    Args:
        model: What ships, built from `graph`.
        graph: Its operators.
        extras: What the training has beside them; an auxiliary head is built if there is one.
        standing: int32 [2], the number of the step of the training and of all its steps.
        drop_path: Share of the examples for which each path of the last cell is left out at the end of the training;
            it rises from 0 over the steps, and is smaller the earlier a cell stands (Zoph et al. 2017, appendix A.4).
        batch_norm_momentum: Of the auxiliary head.
        seed: Of the auxiliary head's weights and of the dropped paths.

    Returns:
        Images `[batch, height, width, channels]` -> the outputs of the network, that of an auxiliary head last.
    """
    first, second = np.random.SeedSequence(seed).spawn(2)
    weights = iter(first.generate_state(len(extras.operators)).tolist())
    # The sign bit stays free, for TensorFlow's seeds are signed.
    draws = iter((second.generate_state(len(extras.paths)) >> 1).tolist())
    shared = {layer.name: layer for layer in model.layers}

    def applied(operator: Operator, inputs: Any) -> Any:
        name, tensor = operator.name, inputs
        for part in (f"{name}.dropout", name, f"{name}.norm", f"{name}.{operator.activation}"):
            if part in shared:
                tensor = shared[part](tensor)
        if name not in shared:
            tensor = with_layers_of(operator, tensor, next(weights), batch_norm_momentum)
        if drop_path and name in extras.paths:
            share = drop_path * extras.paths[name]
            tensor = DropPath(share, next(draws), standing, name=f"{name}.drop_path")(tensor)
        return tensor

    return assemble(extras.with_auxiliary(graph), applied)
