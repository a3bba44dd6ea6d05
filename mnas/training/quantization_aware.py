"""Quantization-aware training: a network that computes as its int8 file will, for any operator of any family.

Batch normalizations are folded first, then kernels are rounded per output channel, and activations behind exactly the
operators whose results TFLite quantizes by themselves. `to_tflite(network, "int8")` keeps the learned limits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import tf_keras as keras

from mnas.errors import SearchError
from mnas.training.fake_quantized import (
    FixedRange,
    Joint,
    JointRange,
    Kept,
    Range,
    RoundedConv2D,
    RoundedDense,
    RoundedDepthwiseConv2D,
    RoundedHardSigmoid,
    RoundedNorm,
)
from search_spaces import Graph, Operator
from search_spaces.joins import KEEPING, joins_of
from search_spaces.keras_models.build import assemble
from search_spaces.keras_models.folded import fold
from search_spaces.keras_models.layers import layer_of, relu

_ROUNDED: dict[str, Any] = {"conv": RoundedConv2D, "depthwise": RoundedDepthwiseConv2D, "dense": RoundedDense}
_FIXED = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
_WITHOUT_RANGE = (*KEEPING, "concat", "softmax")
"""What has the limits of what it reads, or of its format."""
_SUMS = (*_ROUNDED, "batch_norm")
"""What ends with the sum with a constant, so that another sum becomes part of it."""
_HARDLY = 1e-6
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
        A network like `model`, without dropout. What does not train in `model` does not train here; limits of
        activations follow their batches all the same.

    Raises:
        SpaceError: `model` was built from another graph.
        SearchError: There are no inputs, they have another shape, or a value is not finite.
    """
    examples = _checked(inputs, graph)
    folded, weights = fold(graph, model)
    without = _without_range(folded)
    joins, joints = joins_of(folded.operators), defaultdict[str, Joint](Joint)
    changing = {concat for concat, _ in joins.converted}

    def applied(operator: Operator, tensors: Any) -> Any:
        name = operator.name
        tensor = _layer(operator)(tensors)
        if operator.activation != "none":
            tensor = relu(f"{name}.{operator.activation}", operator.activation)(tensor)
        if name in joins.members:
            # What is computed anew moves the limits; so do inputs of other steps, which a concatenation converts.
            kind = Kept if name in without and name not in changing else JointRange
            return kind(joints[joins.members[name]], name=f"{name}.range")(tensor)
        return tensor if name in without else _range(operator)(tensor)

    network = assemble(folded, applied, lambda name, image: FixedRange(*input_range, name=f"{name}.range")(image))
    for name, arrays in weights.items():
        layer = network.get_layer(name)
        layer.trainable = model.get_layer(name).trainable
        for variable, array in zip(layer.weights, arrays, strict=False):
            variable.assign(array)
        if arrays[0].ndim > 1:
            layer.bias.assign(_unlike(arrays[1]))
    for start in range(0, len(examples), _BATCH):
        network(examples[start : start + _BATCH], training=True)
    return network


def _unlike(bias: np.ndarray) -> np.ndarray:
    """A bias whose values are not all equal: TensorFlow 2.21 would give all of them the step of the first channel."""
    return bias if np.ptp(bias) else np.append(bias[:1] + np.float32(_HARDLY), bias[1:])


def _checked(inputs: np.ndarray, graph: Graph) -> np.ndarray:
    shapes = [shape for _, shape in graph.inputs]
    examples = np.asarray(inputs, np.float32)
    if not len(examples) or [examples.shape[1:]] != shapes:
        found = " ".join(map(str, examples.shape))
        raise SearchError(f"quantization needs some inputs of the network's shapes {shapes}; it was given [{found}]")
    if not np.isfinite(examples).all():
        raise SearchError("the inputs for quantization hold a value that is not finite")
    return examples


def _without_range(graph: Graph) -> set[str]:
    """The operators behind which nothing is rounded.

    The sum and the ReLU of a hard sigmoid become part of a convolution before it.
    """
    made = {operator.name: operator for operator in graph.operators}
    readers = Counter(name for operator in graph.operators for name in operator.inputs)
    readers.update(graph.outputs)
    without = {one.name for one in graph.operators if one.kind in _WITHOUT_RANGE}
    for operator in graph.operators:
        before = made.get(operator.inputs[0])
        if operator.kind == "hard_sigmoid" and before and readers[before.name] == 1:
            without |= {before.name} if before.kind in _SUMS and before.activation == "none" else set()
    return without


def _layer(operator: Operator) -> keras.layers.Layer:
    if operator.kind in _ROUNDED:
        plain = layer_of(operator, seed=0, batch_norm_momentum=0.99)
        return _ROUNDED[operator.kind].from_config(plain.get_config())
    if operator.kind == "batch_norm":
        return RoundedNorm(name=operator.name)
    if operator.kind == "hard_sigmoid":
        return RoundedHardSigmoid(name=operator.name)
    return layer_of(operator, seed=0, batch_norm_momentum=0.99)


def _range(operator: Operator) -> keras.layers.Layer:
    name = f"{operator.name}.range"
    return FixedRange(*_FIXED[operator.kind], name=name) if operator.kind in _FIXED else Range(name=name)
