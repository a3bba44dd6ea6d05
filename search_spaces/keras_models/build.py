"""Any graph as a Keras 2 model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tf_keras as keras

from search_spaces.catalog import Arch, lower
from search_spaces.graph import Graph, Operator, Shape
from search_spaces.heads import Head
from search_spaces.keras_models.layers import SeededDropout, batch_norm, layer_of, relu

Applied = Callable[[Operator, Any], Any]
Entered = Callable[[str, Any], Any]

_STATISTICS = (0.5, 1.5)
"""Between these lie the offsets, means and variances that `as_if_trained` draws."""


def build_model(
    arch: Arch,
    input_shape: Shape,
    head: Head | int,
    *,
    dropout: float = 0.2,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """A network with freshly drawn weights.

    Args:
        arch: What to build.
        input_shape: `(height, width, channels)` of one image.
        head: What stands behind the features; a number of classes stands for a classifier.
        dropout: Rate in front of the classifier (MnasNet: 0.2).
        batch_norm_momentum: Of the running statistics (MnasNet: 0.99); short trainings need less.
        seed: Of the weights: same seed, same weights, whatever was built before.

    Returns:
        For a classifier: images `[batch, height, width, channels]` -> probabilities `[batch, classes]`.
    """
    graph = lower(arch, input_shape, head)
    return build_graph(graph, dropout=dropout, batch_norm_momentum=batch_norm_momentum, seed=seed)


def build_graph(graph: Graph, *, dropout: float = 0.0, batch_norm_momentum: float = 0.99, seed: int = 0) -> keras.Model:
    """A graph with freshly drawn weights; arguments as for `build_model`.

    Returns:
        One tensor per input of the graph -> one per output; a single one is not in a list.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(len(graph.operators)).tolist())

    def applied(operator: Operator, inputs: Any) -> Any:
        if operator.kind == "dense" and dropout:
            inputs = SeededDropout(dropout, seed, name=f"{operator.name}.dropout")(inputs)
        return with_layers_of(operator, inputs, next(seeds), batch_norm_momentum)

    return assemble(graph, applied)


def with_layers_of(operator: Operator, inputs: Any, seed: int, batch_norm_momentum: float) -> Any:
    """What new layers of an operator, and of what is joined to it, make of its inputs."""
    tensor = layer_of(operator, seed, batch_norm_momentum)(inputs)
    if operator.batch_norm:
        tensor = batch_norm(f"{operator.name}.norm", batch_norm_momentum)(tensor)
    if operator.activation != "none":
        tensor = relu(f"{operator.name}.{operator.activation}", operator.activation)(tensor)
    return tensor


def assemble(graph: Graph, applied: Applied, entered: Entered = lambda _, image: image) -> keras.Model:
    """Puts a network together operator by operator.

    Args:
        graph: The network.
        applied: Applies one operator to its input, or to the list of its several; a dense layer reads `[batch, n]`.
        entered: Applied to each input of the network, with its name.

    Returns:
        As for `build_graph`.
    """
    entries = {name: keras.Input(shape, name=name) for name, shape in graph.inputs}
    tensors = {name: entered(name, entry) for name, entry in entries.items()}
    for operator in graph.operators:
        inputs = [tensors[name] for name in operator.inputs]
        if operator.kind == "dense":
            inputs = [_flat(operator, inputs[0])]
        tensors[operator.name] = applied(operator, _one_or_all(inputs))
    outputs = [tensors[name] for name in graph.outputs]
    return keras.Model(_one_or_all(list(entries.values())), _one_or_all(outputs), name="network")


def as_if_trained(model: keras.Model, seed: int = 0) -> None:
    """Gives the batch normalizations that stand alone statistics that a training would.

    A converter leaves out a sum with zeros and shares equal products: an untrained network would be timed without
    operators that it will have.
    """
    rng = np.random.default_rng(seed)
    joined = {f"{layer.name}.norm" for layer in model.layers}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.name not in joined:
            for weight in (layer.beta, layer.moving_mean, layer.moving_variance):
                weight.assign(rng.uniform(*_STATISTICS, weight.shape))


def _flat(operator: Operator, tensor: Any) -> Any:
    if len(tensor.shape) == 2:
        return tensor
    return keras.layers.Reshape((operator.input_shape[2],), name=f"{operator.name}.flatten")(tensor)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
