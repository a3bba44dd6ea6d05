"""Random parts of images, as graphs: one call for a batch keeps Python's lock free."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


def array_parts(images: np.ndarray, boxes: np.ndarray, mirrored: np.ndarray, white: float) -> np.ndarray:
    """Parts of images, enlarged to their whole size.

    Args:
        images: uint8 or float32 [n, height, width, channels].
        boxes: The part of each, as shares of height, width, height and width: top, left, height, width [n, 4]; whole
            pixels are cut.
        mirrored: Which parts are turned left to right, bool [n].
        white: The value that becomes 1.0.

    Returns:
        float32 of the same shape.
    """
    found = _cutter(images.dtype.name, images.shape[1:], white)(
        images, windows(boxes, np.array(images.shape[1:3]), 1), mirrored
    )
    return np.asarray(memoryview(found))  # `numpy()` would copy


def windows(boxes: np.ndarray, sizes: np.ndarray, reduction: int) -> np.ndarray:
    """Parts in pixels.

    Args:
        boxes: As shares of height, width, height and width: top, left, height, width [n, 4].
        sizes: Height and width of the images in pixels, [n, 2] or [2].
        reduction: By which images are made smaller before they are cut.

    Returns:
        int32 [n, 4]: top, left, height, width.
    """
    reduced = -(-sizes // reduction)
    first = np.minimum(np.rint(boxes[:, :2] * reduced), reduced - 1)
    extent = np.clip(np.rint(boxes[:, 2:] * reduced), 1, reduced - first)
    return np.concatenate([first, extent], axis=1).astype(np.int32)


def turned_and_resized(image: Any, mirrored: Any, size: tuple[int, int]) -> Any:
    """A graph's part of an image `[any, any, channels]`, mirrored if asked for, in another size, as floats."""
    import tensorflow as tf

    turned = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)  # fewer bytes than afterwards
    return tf.image.resize(turned, size)


@cache
def _cutter(dtype: str, shape: tuple[int, int, int], white: float) -> Callable[[Any, Any, Any], Any]:
    import tensorflow as tf

    def part(one: tuple[Any, Any, Any]) -> Any:
        image, (top, left, height, width), mirrored = one[0], tf.unstack(one[1]), one[2]
        return turned_and_resized(image[top : top + height, left : left + width], mirrored, shape[:2])

    def parts(images: Any, places: Any, mirrored: Any) -> Any:
        cut = tf.TensorSpec(shape, tf.float32)
        found = tf.map_fn(part, (images, places, mirrored), fn_output_signature=cut, parallel_iterations=1)
        return found / white  # all at once, in place

    signature = [
        tf.TensorSpec((None, *shape), tf.as_dtype(dtype)),
        tf.TensorSpec((None, 4), tf.int32),
        tf.TensorSpec((None,), tf.bool),
    ]
    return tf.function(parts, input_signature=signature)
