"""JPEG files as TensorFlow decodes them: the part that is used and no more, twice as fast as whole files by Pillow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from mnas.data.parts import turned_and_resized, windows

_REDUCTIONS = np.array([8, 4, 2])
"""By these libjpeg makes an image smaller while it decodes it."""


def jpeg_parts(
    contents: Sequence[bytes],
    boxes: np.ndarray,
    mirrored: np.ndarray,
    heights: np.ndarray,
    widths: np.ndarray,
    size: int,
    channels: int,
) -> np.ndarray:
    """Parts of JPEG files, resized.

    Args:
        contents: The files.
        boxes: The part of each, as shares of height, width, height and width: top, left, height, width [n, 4].
        mirrored: Which parts are turned left to right, bool [n].
        heights: Of the images in pixels, [n].
        widths: The same across.
        size: Height and width of the result.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        float32 in [0, 1], [n, size, size, channels].

    Raises:
        ValueError: TensorFlow refuses one of them.
    """
    import tensorflow as tf

    whole = np.stack([heights, widths, heights, widths], axis=1)
    smallest = (boxes * whole)[:, 2:].min(axis=1)
    enough = smallest[:, None] >= _REDUCTIONS * size
    reductions = np.where(enough.any(axis=1), _REDUCTIONS[enough.argmax(axis=1)], 1)
    groups = [np.flatnonzero(reductions == reduction) for reduction in np.unique(reductions)]
    parts = []
    for here in groups:
        reduction = int(reductions[here[0]])
        places = windows(boxes[here], whole[here, :2], reduction)
        try:
            chosen = [contents[index] for index in here.tolist()]
            decoded = _decoder(size, channels, reduction)(chosen, places, mirrored[here])
        except tf.errors.OpError as error:
            raise ValueError(" ".join(error.message.split())) from error
        parts.append(np.asarray(memoryview(decoded)))  # `numpy()` would copy
    return parts[0] if len(parts) == 1 else np.concatenate(parts)[np.argsort(np.concatenate(groups))]


@cache
def _decoder(size: int, channels: int, reduction: int) -> Callable[[Any, Any, Any], Any]:
    """A graph from files, windows and whether to mirror to images: one call for all keeps Python's lock free."""
    import tensorflow as tf

    def part(one: tuple[Any, Any, Any]) -> Any:
        content, window, mirrored = one
        image = tf.io.decode_and_crop_jpeg(content, window, channels=channels, ratio=reduction)
        return turned_and_resized(image, mirrored, (size, size))

    def parts(contents: Any, places: Any, mirrored: Any) -> Any:
        shape = tf.TensorSpec((size, size, channels), tf.float32)
        found = tf.map_fn(part, (contents, places, mirrored), fn_output_signature=shape, parallel_iterations=1)
        return found / 255  # all at once, in place

    signature = [tf.TensorSpec((None,), tf.string), tf.TensorSpec((None, 4), tf.int32), tf.TensorSpec((None,), tf.bool)]
    return tf.function(parts, input_signature=signature)
