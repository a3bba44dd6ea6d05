"""A network with its batch normalizations folded into the weights, as a converter does it.

What is left are the operators that a TFLite file holds: convolutions with a bias, and activations joined to what they
follow. A batch normalization that follows no convolution stays, as a product and a sum with constants.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast

import numpy as np
import tf_keras as keras

from search_spaces.errors import SpaceError
from search_spaces.fusion import CARRIERS, WEIGHTED, FileOperator, shared
from search_spaces.graph import Fused, Graph, Operator, Part, PlacedPart
from search_spaces.keras_models.build import build_graph

Weights = dict[str, list[np.ndarray]]
"""The arrays of each operator that has some, by its name: kernel and bias, or factor and offset."""

_CHANNEL_AXIS = {"conv": 3, "depthwise": 2, "dense": 1}


def fold(graph: Graph, model: keras.Model) -> tuple[Graph, Weights]:
    """Folds the batch normalizations of a network.

    Args:
        graph: What `model` was built from.
        model: The network, trained; it is left as it is.

    Returns:
        The graph without what was folded, and the weights of its operators.

    Raises:
        SpaceError: `model` was built from another graph.
    """
    return _fold(graph, _weights(graph, model))


def folded_graph(graph: Graph) -> Graph:
    """What is left of a graph by `fold`, whatever its weights are."""
    return _fold(graph, {})[0]


def build_folded(graph: Graph, weights: Weights) -> keras.Model:
    """The Keras model of a folded network, which computes the same as the first one did in inference.

    Args:
        graph: Without what was folded, as `fold` gives it.
        weights: Of its operators.
    """
    model = build_graph(graph)
    for name, arrays in weights.items():
        layer = model.get_layer(name)
        layer.set_weights(_as_statistics(layer, *arrays) if _is_norm(layer) else arrays)
    return model


def channel_axis(operator: Operator) -> int:
    """The axis of the output channels in the kernel of a convolution, depthwise convolution or dense layer."""
    return _CHANNEL_AXIS[operator.kind]


def _weights(graph: Graph, model: keras.Model) -> Weights:
    """What each operator computes with: kernel and bias before its batch normalization, then factor and offset."""
    layers = {layer.name: layer for layer in model.layers}
    found: Weights = {}
    for operator in graph.operators:
        names = [operator.name] * (operator.kind in (*WEIGHTED, "batch_norm"))
        names += [f"{operator.name}.norm"] * operator.batch_norm
        for name in names:
            if name not in layers:
                raise SpaceError(f"the model has no layer {name}: it was built from another graph")
            found[name] = _factor_and_offset(layers[name]) if _is_norm(layers[name]) else layers[name].get_weights()
        if operator.kind in WEIGHTED and not operator.bias:
            found[operator.name] = [*found[operator.name], np.zeros(operator.output_shape[2], np.float32)]
    return found


def _fold(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    once, ends = shared((FileOperator(operator.kind, operator) for operator in graph.operators), graph.outputs)
    operators = [one.operator for one in once]
    readers = Counter(name for operator in operators for name in operator.inputs)
    readers.update(ends)
    names = {operator.name for operator in operators}
    kept: dict[str, Operator] = {}
    left: Weights = {}
    standing: dict[str, str] = {}  # the name of what is gone -> of what computes it now
    for operator in operators:
        name, read = operator.name, operator.inputs[0]
        source = standing.get(read, read)
        before = kept.get(source)
        alone = before is not None and readers[read] == 1 and before.activation == "none"
        if before and alone and _joins(operator, before) and f"{source}.{operator.kind}" not in names - {name}:
            kept[source] = replace(before, activation=_activation(operator))
            _scale(left, before, weights.get(name))
            standing[name] = source
            continue
        inputs = tuple(standing.get(one, one) for one in operator.inputs)
        weighted = operator.kind in WEIGHTED
        kept[name] = replace(operator, inputs=inputs, batch_norm=False, bias=weighted)
        if name in weights:
            left[name] = weights[name]
        _scale(left, operator, weights.get(f"{name}.norm"))
    outputs = tuple(standing.get(name, name) for name in ends)
    return Graph(graph.inputs, (PlacedPart(Part(tuple(kept.values()))),), outputs), left


def _joins(operator: Operator, before: Operator) -> bool:
    if operator.kind == "batch_norm":
        return before.kind in WEIGHTED
    return operator.kind in ("relu", "relu6") and before.kind in (*CARRIERS, "batch_norm")


def _activation(operator: Operator) -> Fused:
    return "none" if operator.kind == "batch_norm" else cast(Fused, operator.kind)


def _scale(left: Weights, operator: Operator, norm: list[np.ndarray] | None) -> None:
    """Folds factor and offset into the weights of an operator."""
    if norm is None:
        return
    (kernel, bias), (factor, offset) = left[operator.name], norm
    shape = np.ones(kernel.ndim, int)
    shape[channel_axis(operator)] = -1
    left[operator.name] = [kernel * factor.reshape(shape), bias * factor + offset]


def _is_norm(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _factor_and_offset(norm: keras.layers.BatchNormalization) -> list[np.ndarray]:
    gamma, beta, mean, variance = norm.get_weights()
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return [factor, beta - mean * factor]


def _as_statistics(norm: keras.layers.BatchNormalization, factor: np.ndarray, offset: np.ndarray) -> list[np.ndarray]:
    """The weights of a batch normalization that multiplies and adds as given."""
    return [factor, offset, np.zeros_like(factor), np.full_like(factor, 1 - norm.epsilon)]
