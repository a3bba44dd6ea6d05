"""A front of three channels for networks that take grey images: the readers of apps give colour only."""

from typing import TYPE_CHECKING

import numpy as np

from device_bench.errors import BadRequest

if TYPE_CHECKING:
    import tf_keras

_LUMA = np.array([65, 127, 24], np.float32) / np.float32(216)
"""Shares of red, green and blue in a grey value.

Rec. 601 has 0.299, 0.587 and 0.114, and nothing differs from it by as much as a step of 1/255. These are whole 127ths
of the largest, so that int8 holds them exactly: a grey pixel goes through a quantized front unchanged.
"""


def colour_front(model: "tf_keras.Model") -> "tf_keras.Model":
    """Puts a 1x1 convolution from colour to grey before a network.

    Args:
        model: A network of one input, grey images `[batch, height, width, 1]`.

    Returns:
        The same network, weights shared, for `[batch, height, width, 3]`; of pixels with three equal channels it gives
        what the given one gives of that grey.

    Raises:
        BadRequest: The network does not take grey images.
    """
    import tf_keras

    shapes = [tuple(one.shape[1:]) for one in model.inputs]
    if len(shapes) != 1 or shapes[0][2:] != (1,):
        raise BadRequest(f"a colour front is for a network of grey images, not of inputs of the shapes {shapes}")
    image = tf_keras.Input((*shapes[0][:2], 3), name="image")
    luma = tf_keras.layers.Conv2D(1, 1, use_bias=False, trainable=False, name="luma")
    grey = luma(image)
    luma.set_weights([_LUMA.reshape(1, 1, 3, 1)])
    return tf_keras.Model(image, model(grey), name=model.name)


def in_colour(images: np.ndarray) -> np.ndarray:
    """Grey images `[..., 1]` as a front takes them, `[..., 3]`: for calibration and for judging a file."""
    return np.repeat(images, 3, axis=-1)
