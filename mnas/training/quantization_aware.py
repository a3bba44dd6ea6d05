"""Quantization-aware training: a network that computes as its int8 file will, for any operator of any family.

Batch normalizations are folded first, then kernels are rounded per output channel, and activations behind exactly the
operators whose results TFLite quantizes by themselves. `to_tflite(network, "int8")` keeps the learned limits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tf_keras as keras

from mnas.training.fake_quantized import (
    FixedRange,
    Range,
    RoundedConv2D,
    RoundedDense,
    RoundedDepthwiseConv2D,
    RoundedHardSigmoid,
    RoundedNorm,
)
from search_spaces import Graph, Operator
from search_spaces.keras_models.build import assemble
from search_spaces.keras_models.folded import fold
from search_spaces.keras_models.layers import layer_of, relu

_ROUNDED: dict[str, Any] = {"conv": RoundedConv2D, "depthwise": RoundedDepthwiseConv2D, "dense": RoundedDense}
_FIXED = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
_AS_THEIR_INPUTS = ("average_pool", "max_pool", "pad", "slice", "softmax")
_BATCH = 32


def quantization_aware(
    graph: Graph,
    model: keras.Model,
    inputs: np.ndarray,
    *,
    input_range: tuple[float, float] = (0.0, 1.0),
) -> keras.Model:
    """A trained network as one to train on with quantization.

    Args:
        graph: What `model` was built from.
        model: The trained network; it is left as it is.
        inputs: Typical inputs, float32 `[count, height, width, channels]`: the first limits of activations.
        input_range: Of what the network reads; the step of the file's input follows from it alone.

    Returns:
        A network like `model`, without dropout; its variables that are not trainable are limits of activations.
    """
    folded, weights = fold(graph, model)

    def applied(operator: Operator, tensors: Any) -> Any:
        tensor = _layer(operator)(tensors)
        if operator.activation != "none":
            tensor = relu(f"{operator.name}.{operator.activation}", operator.activation)(tensor)
        quantized = _range(operator)
        return tensor if quantized is None else quantized(tensor)

    network = assemble(folded, applied, lambda name, image: FixedRange(*input_range, name=f"{name}.range")(image))
    for name, arrays in weights.items():
        for variable, array in zip(network.get_layer(name).weights, arrays, strict=False):
            variable.assign(array)
    for start in range(0, len(inputs), _BATCH):
        network(np.asarray(inputs[start : start + _BATCH], np.float32), training=True)
    return network


def _layer(operator: Operator) -> keras.layers.Layer:
    if operator.kind in _ROUNDED:
        plain = layer_of(operator, seed=0, batch_norm_momentum=0.99)
        return _ROUNDED[operator.kind].from_config(plain.get_config())
    if operator.kind == "batch_norm":
        return RoundedNorm(name=operator.name)
    if operator.kind == "hard_sigmoid":
        return RoundedHardSigmoid(name=operator.name)
    return layer_of(operator, seed=0, batch_norm_momentum=0.99)


def _range(operator: Operator) -> keras.layers.Layer | None:
    name = f"{operator.name}.range"
    if operator.kind in _FIXED:
        return FixedRange(*_FIXED[operator.kind], name=name)
    if operator.kind in _AS_THEIR_INPUTS:
        return None
    return Range(name=name)
