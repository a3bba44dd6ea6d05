"""The Keras 2 layer of each kind of operator (tensorflow-model-optimization reads Keras 2 only)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from search_spaces.graph import Operator

EPSILON = 1e-3
"""Added to the variance by batch normalizations."""

_LIMITS = {"relu": None, "relu6": 6.0}


def layer_of(operator: Operator, seed: int, batch_norm_momentum: float) -> keras.layers.Layer:
    """The layer of one operator, without what is joined to it.

    Args:
        operator: Any kind.
        seed: Of its weights; as in the reference models normal, of variance 2 / fan-out.
        batch_norm_momentum: Of the running statistics.
    """
    layers, name = keras.layers, operator.name
    match operator.kind:
        case "conv" | "depthwise" | "dense":
            return _weighted(operator, seed)
        case "average_pool":
            return layers.AveragePooling2D(operator.kernel, operator.strides, operator.padding, name=name)
        case "max_pool":
            return layers.MaxPooling2D(operator.kernel, operator.strides, operator.padding, name=name)
        case "global_pool":
            return layers.GlobalAveragePooling2D(keepdims=True, name=name)
        case "add":
            return layers.Add(name=name)
        case "multiply":
            return layers.Multiply(name=name)
        case "concat":
            return layers.Concatenate(name=name)
        case "pad":
            top, bottom, left, right = operator.margins
            return layers.ZeroPadding2D(((top, bottom), (left, right)), name=name)
        case "slice":
            return StridedSlice(operator.margins, operator.strides, name=name)
        case "batch_norm":
            return batch_norm(name, batch_norm_momentum)
        case "relu" | "relu6":
            return relu(name, operator.kind)
        case "hard_sigmoid":
            return HardSigmoid(name=name)
        case "hard_swish":
            return HardSwish(name=name)
        case "sigmoid" | "tanh" | "softmax":
            return layers.Activation(operator.kind, name=name)


def batch_norm(name: str, momentum: float) -> keras.layers.Layer:
    """A batch normalization."""
    return keras.layers.BatchNormalization(momentum=momentum, epsilon=EPSILON, name=name)


def relu(name: str, kind: str) -> keras.layers.Layer:
    """A `relu` or `relu6`."""
    return keras.layers.ReLU(_LIMITS[kind], name=name)


def _weighted(operator: Operator, seed: int) -> keras.layers.Layer:
    layers, name, filters = keras.layers, operator.name, operator.output_shape[2]
    weights = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=seed)
    if operator.initializer == "positive":
        weights = keras.initializers.RandomUniform(0.0, 2.0 / operator.input_shape[2], seed=seed)
    if operator.kind == "dense":
        uniform = keras.initializers.VarianceScaling(1.0 / 3.0, "fan_out", "uniform", seed=seed)
        return layers.Dense(filters, use_bias=operator.bias, kernel_initializer=uniform, name=name)
    window = (operator.kernel, operator.strides, operator.padding)
    if operator.kind == "depthwise":
        return layers.DepthwiseConv2D(
            *window,
            dilation_rate=operator.dilation,
            use_bias=operator.bias,
            depthwise_initializer=weights,
            name=name,
        )
    return layers.Conv2D(
        filters,
        *window,
        dilation_rate=operator.dilation,
        use_bias=operator.bias,
        kernel_initializer=weights,
        name=name,
    )


class StridedSlice(keras.layers.Layer):  # type: ignore[misc]
    """Cuts `margins` (top, bottom, left, right) off a map, then takes every `strides`-th row and column."""

    def __init__(self, margins: tuple[int, int, int, int], strides: tuple[int, int], **options: Any) -> None:
        super().__init__(**options)
        self.margins, self.strides = tuple(margins), tuple(strides)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """`[batch, height, width, channels]` -> the same with fewer rows and columns."""
        top, bottom, left, right = self.margins
        rows = slice(top or None, -bottom or None, self.strides[0])
        columns = slice(left or None, -right or None, self.strides[1])
        return inputs[:, rows, columns, :]

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "margins": self.margins, "strides": self.strides}


class HardSigmoid(keras.layers.Layer):  # type: ignore[misc]
    """relu6(x + 3) / 6 (Howard et al., MobileNetV3, ICCV 2019, section 5.2); Keras' own has another slope."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same."""
        return tf.nn.relu6(inputs + 3.0) * (1.0 / 6.0)


class HardSwish(keras.layers.Layer):  # type: ignore[misc]
    """x * relu6(x + 3) / 6 (Howard et al., MobileNetV3, ICCV 2019, section 5.2)."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same."""
        return inputs * tf.nn.relu6(inputs + 3.0) * (1.0 / 6.0)


class SeededDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout without a state: what it drops is a function of the seed and of what it is given.

    Keras' own draws from a generator inside the operation, which no checkpoint can keep: a training that resumes would
    drop something else.
    """

    def __init__(self, rate: float, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.seed = rate, seed

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """float32 of any shape -> the same, in training with a share of zeros and the rest scaled up."""
        if not training:
            return inputs
        key = tf.stack([self.seed, tf.reduce_sum(tf.bitcast(inputs, tf.int32))])  # integers: no order of summing shows
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed=key)

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
