"""Any architecture's operator list as a Keras 2 model (tensorflow-model-optimization reads Keras 2 only)."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from search_spaces.architecture import MnasNetArch, Shape
from search_spaces.operators import IMAGE, Operator, operators


def build_model(
    arch: MnasNetArch,
    input_shape: Shape,
    classes: int,
    *,
    dropout: float = 0.2,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """A classifier with freshly drawn weights.

    Args:
        arch: What to build.
        input_shape: `(height, width, channels)` of one image.
        classes: Width of the softmax.
        dropout: Rate in front of the classifier (MnasNet: 0.2).
        batch_norm_momentum: Of the running statistics (MnasNet: 0.99); short trainings need less.
        seed: Of the weights: same seed, same weights, whatever was built before.

    Returns:
        Images `[batch, height, width, channels]` -> probabilities `[batch, classes]`.
    """
    listed = operators(arch, input_shape, classes)
    seeds = iter(np.random.SeedSequence(seed).generate_state(len(listed)).tolist())
    image = keras.Input(input_shape, name=IMAGE)
    tensors = {IMAGE: image}
    for operator in listed:
        inputs = [tensors[name] for name in operator.inputs]
        if operator.kind == "dense":
            inputs = [keras.layers.Reshape((operator.input_shape[2],), name=f"{operator.name}.flatten")(inputs[0])]
            if dropout:
                inputs = [keras.layers.Dropout(dropout, seed=seed, name=f"{operator.name}.dropout")(inputs[0])]
        tensor = _layer(operator, next(seeds))(inputs if len(inputs) > 1 else inputs[0])
        if operator.batch_norm:
            name = f"{operator.name}.norm"
            tensor = keras.layers.BatchNormalization(momentum=batch_norm_momentum, epsilon=1e-3, name=name)(tensor)
        if operator.activation != "none":
            limit = 6.0 if operator.activation == "relu6" else None
            tensor = keras.layers.ReLU(limit, name=f"{operator.name}.{operator.activation}")(tensor)
        tensors[operator.name] = tensor
    return keras.Model(image, tensor, name="network")


def _layer(operator: Operator, seed: int) -> keras.layers.Layer:
    """The Keras layer of one operator; weights as in the reference models: normal, variance 2 / fan-out."""
    layers, name, filters = keras.layers, operator.name, operator.output_shape[2]
    he = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=seed)
    if operator.name.endswith(".se.reduce"):
        # Its inputs are averages of ReLUs: weights of both signs leave its few units dead for every image, and a
        # tensor of zeros gets an int8 scale that XNNPACK refuses.
        he = keras.initializers.RandomUniform(0.0, 2.0 / operator.input_shape[2], seed=seed)
    match operator.kind:
        case "conv":
            return layers.Conv2D(
                filters,
                operator.kernel,
                operator.stride,
                "same",
                use_bias=operator.bias,
                kernel_initializer=he,
                name=name,
            )
        case "depthwise":
            return layers.DepthwiseConv2D(
                operator.kernel,
                operator.stride,
                "same",
                use_bias=operator.bias,
                depthwise_initializer=he,
                name=name,
            )
        case "dense":
            uniform = keras.initializers.VarianceScaling(1.0 / 3.0, "fan_out", "uniform", seed=seed)
            return layers.Dense(filters, use_bias=operator.bias, kernel_initializer=uniform, name=name)
        case "average_pool":
            return layers.AveragePooling2D(operator.kernel, operator.stride, "same", name=name)
        case "global_pool":
            return layers.GlobalAveragePooling2D(keepdims=True, name=name)
        case "add":
            return layers.Add(name=name)
        case "multiply":
            return layers.Multiply(name=name)
        case "sigmoid" | "softmax":
            return layers.Activation(operator.kind, name=name)
