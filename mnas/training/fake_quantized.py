"""Keras layers that compute as an int8 file will, and let gradients through (Jacob et al., CVPR 2018, section 3)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

_WEIGHT_STEPS = 127.0
_WINDOW = 100.0

_LEAST = 0.1
"""Between the limits of an activation: XNNPACK refuses the step of one that is as good as constant."""


class Range(keras.layers.Layer):  # type: ignore[misc]
    """Rounds an activation to 256 steps between two limits that follow the batches.

    The limits are the mean over the first batches, then a moving average of decay 0.99; they keep a distance.
    """

    def build(self, input_shape: Any) -> None:
        """Makes the limits; 0 lies between them."""
        self.low = self.add_weight("low", (), trainable=False, initializer="zeros")
        self.high = self.add_weight("high", (), trainable=False, initializer="zeros")
        self.batches = self.add_weight("batches", (), trainable=False, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """Any shape -> the same, rounded."""
        if training:
            self.follow(inputs)
        return self.rounded(inputs)

    def follow(self, batch: tf.Tensor) -> None:
        """Moves the limits towards those of a batch."""
        share = 1.0 / tf.minimum(self.batches + 1.0, _WINDOW)
        self.low.assign_add(share * (tf.minimum(tf.reduce_min(batch), 0.0) - self.low))
        self.high.assign_add(share * (tf.maximum(tf.reduce_max(batch), 0.0) - self.high))
        self.high.assign(tf.maximum(self.high, self.low + _LEAST))
        self.batches.assign_add(1.0)

    def rounded(self, values: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same, rounded."""
        return tf.quantization.fake_quant_with_min_max_vars(values, self.low, self.high)


class Joint:
    """What a file holds in one step: activations that are rounded between the outermost of their limits.

    Attributes:
        ranges: Of the activations that are computed anew, such as by convolutions; the first keeps the outer limits.
    """

    def __init__(self) -> None:
        self.ranges: list[JointRange] = []

    def rounded(self, values: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same, rounded."""
        first = self.ranges[0]
        return tf.quantization.fake_quant_with_min_max_vars(values, first.outer_low, first.outer_high)

    def follow(self) -> None:
        """Moves the outer limits to those of the ranges."""
        first = self.ranges[0]
        first.outer_low.assign(tf.reduce_min([one.low for one in self.ranges]))
        first.outer_high.assign(tf.reduce_max([one.high for one in self.ranges]))


class JointRange(Range):
    """Rounds an activation to 256 steps between the outermost limits of all that are held in one step with it."""

    def __init__(self, joint: Joint, **options: Any) -> None:
        super().__init__(**options)
        self._joint = joint

    def build(self, input_shape: Any) -> None:
        """Makes limits of its own, and the outer ones if it is the first."""
        super().build(input_shape)
        if not self._joint.ranges:
            self.outer_low = self.add_weight("outer_low", (), trainable=False, initializer="zeros")
            self.outer_high = self.add_weight("outer_high", (), trainable=False, initializer="zeros")
        self._joint.ranges.append(self)

    def follow(self, batch: tf.Tensor) -> None:
        """Moves its limits towards those of a batch, and the outer ones with them."""
        super().follow(batch)
        self._joint.follow()

    def rounded(self, values: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same, rounded."""
        return self._joint.rounded(values)


class Kept(keras.layers.Layer):  # type: ignore[misc]
    """Rounds what a pool, a padding, a slice or a concatenation makes to the steps of what it reads."""

    def __init__(self, joint: Joint, **options: Any) -> None:
        super().__init__(**options)
        self._joint = joint

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same, rounded."""
        return self._joint.rounded(inputs)


class FixedRange(keras.layers.Layer):  # type: ignore[misc]
    """Rounds an activation to 256 steps between two limits."""

    def __init__(self, low: float, high: float, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high = low, high

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same, rounded."""
        return tf.quantization.fake_quant_with_min_max_args(inputs, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        """What `__init__` takes."""
        return {**super().get_config(), "low": self.low, "high": self.high}


class RoundedHardSigmoid(keras.layers.Layer):  # type: ignore[misc]
    """relu6(x + 3) / 6; a file holds the ReLU and the product as operators of their own."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Any shape -> the same."""
        return tf.quantization.fake_quant_with_min_max_args(tf.nn.relu6(inputs + 3.0), 0.0, 6.0) * (1.0 / 6.0)


class RoundedNorm(keras.layers.Layer):  # type: ignore[misc]
    """A batch normalization that follows no convolution: a file holds a product and a sum with constants."""

    def build(self, input_shape: Any) -> None:
        """Makes one factor and one offset per channel."""
        channels = input_shape[-1:]
        self.factor = self.add_weight("factor", channels, initializer="ones")
        self.offset = self.add_weight("offset", channels, initializer="zeros")
        self.product = Range(name="product")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """`[..., channels]` -> the same."""
        return self.product(inputs * self.factor, training=training) + self.offset


def _rounded(axis: int) -> Any:
    """A kernel that is read as 255 steps per output channel; its gradient passes the rounding by."""

    def read(layer: Any) -> tf.Tensor:
        kernel = layer.exact_kernel
        others = [other for other in range(len(kernel.shape)) if other != axis]
        step = tf.reduce_max(tf.abs(kernel), others, keepdims=True) / _WEIGHT_STEPS
        return kernel + tf.stop_gradient(tf.round(tf.math.divide_no_nan(kernel, step)) * step - kernel)

    def store(layer: Any, kernel: Any) -> None:
        layer.exact_kernel = kernel

    return property(read, store)


class RoundedConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution whose kernel is rounded per output channel."""

    kernel = _rounded(3)


class RoundedDepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution whose kernel is rounded per channel."""

    depthwise_kernel = _rounded(2)


class RoundedDense(keras.layers.Dense):  # type: ignore[misc]
    """A dense layer whose kernel is rounded per unit."""

    kernel = _rounded(1)
