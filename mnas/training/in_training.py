"""A network with what only its training has: an auxiliary head, and paths that are dropped now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import tensorflow as tf
import tf_keras

from mnas.tasks.task import Loss
from mnas.training.recipe import Recipe
from search_spaces import Extras, Graph
from search_spaces.keras_models import build_in_training

BeforeStep = Callable[[int, int], None]
"""Called before each step of a training with its number from 0 and the number of all steps."""


class Network(Protocol):
    """What can be trained; a Keras model is one."""

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """All that changes in training."""

    @property
    def trainable_variables(self) -> Sequence[tf.Variable]:
        """What an optimizer changes."""

    def __call__(self, inputs: Any, training: bool) -> Any:
        """Inputs `[batch, ...]` -> outputs `[batch, ...]`, in training of an auxiliary head as well."""


class Supervised(NamedTuple):
    """The outputs of a network that has an auxiliary head in training."""

    outputs: Any
    auxiliary: Any


class InTraining:
    """A network that ships, together with what only its training has; see `Network`.

    The layers are shared: what is trained is the network itself.
    """

    def __init__(
        self, model: tf_keras.Model, graph: Graph, extras: Extras, recipe: Recipe, *, images: int, seed: int
    ) -> None:
        """Builds what the recipe asks for; without that, the network is trained as it is.

        Args:
            model: What ships, built from `graph`.
            graph: Its operators.
            extras: What its training may have.
            recipe: `auxiliary` and `drop_path` say what it has.
            images: Of the train split.
            seed: Of the weights of the auxiliary head and of the dropped paths.
        """
        self._ships, self._trained = model, model
        self._supervised = recipe.auxiliary > 0 and extras.auxiliary is not None
        self._standing = tf.Variable([0, 1], trainable=False)
        if self._supervised or recipe.drop_path > 0:
            self._trained = build_in_training(
                model,
                graph,
                extras if self._supervised else replace(extras, auxiliary=None),
                self._standing,
                drop_path=recipe.drop_path,
                batch_norm_momentum=recipe.batch_norm_momentum(images),
                seed=seed,
            )

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """See `Network`."""
        return self._trained.variables

    @property
    def trainable_variables(self) -> Sequence[tf.Variable]:
        """See `Network`."""
        return self._trained.trainable_variables

    def __call__(self, inputs: Any, training: bool) -> Any:
        """See `Network`."""
        if not training:
            return self._ships(inputs, training=False)
        outputs = self._trained(inputs, training=True)
        if not self._supervised:
            return outputs
        *main, auxiliary = outputs
        return Supervised(main[0] if len(main) == 1 else main, auxiliary)

    def before_step(self, step: int, steps: int) -> None:
        """Tells the dropped paths how far the training is; see `BeforeStep`."""
        self._standing.assign([step, steps])


def supervised(loss_of: Loss, recipe: Recipe) -> Loss:
    """The loss of a training: that of the outputs and, weighed by the recipe, that of an auxiliary head."""

    def loss(targets: Any, outputs: Any) -> Any:
        if isinstance(outputs, Supervised):
            return loss_of(targets, outputs.outputs) + recipe.auxiliary * loss_of(targets, outputs.auxiliary)
        return loss_of(targets, outputs)

    return loss
