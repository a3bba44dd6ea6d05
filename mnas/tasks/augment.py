"""Augmentation of a batch of images."""

import numpy as np

from mnas.data.array_images import ArrayImages
from mnas.data.encoded import EncodedImages
from mnas.data.inputs import Inputs
from mnas.data.parts import array_parts

_ASPECTS = (3 / 4, 4 / 3)
_ATTEMPTS = 10
_GREY = 0.5


def cropped(inputs: Inputs, chosen: np.ndarray, share: float, flip: bool, rng: np.random.Generator) -> np.ndarray:
    """Reads images, of each a random part (Szegedy et al. 2015, section 6), resized.

    Args:
        inputs: Images `[count, height, width, channels]`; of encoded ones the part alone is decoded.
        chosen: Which of them, int `[n]`.
        share: Smallest share of an image's area in its part; with 1 it is the central square.
        flip: Whether half of them, chosen at random, are mirrored left to right.
        rng: Draws the parts.

    Returns:
        float32 `[n, height, width, channels]`.
    """
    mirrored = rng.random(len(chosen)) < 0.5 if flip else np.zeros(len(chosen), np.bool_)
    if isinstance(inputs, EncodedImages):
        return inputs.parts(chosen, random_boxes(*inputs.sizes(chosen), share, rng), mirrored)
    if share == 1:
        return _mirrored(np.asarray(inputs[chosen], np.float32), mirrored)
    heights, widths = (np.full(len(chosen), size) for size in inputs.shape[1:3])
    boxes = random_boxes(heights, widths, share, rng)
    if isinstance(inputs, ArrayImages):
        return inputs.parts(chosen, boxes, mirrored)
    return array_parts(np.asarray(inputs[chosen], np.float32), boxes, mirrored, 1)


def random_boxes(heights: np.ndarray, widths: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Random parts of images, with sides in a ratio between 3 : 4 and 4 : 3.

    Args:
        heights: In pixels, [n].
        widths: In pixels, [n].
        share: Smallest share of the area; the largest is the whole. Where no part fits, it is the central square.
        rng: Draws.

    Returns:
        As shares of height, width, height and width: top, left, height, width [n, 4].
    """
    heights, widths = heights.astype(np.float64), widths.astype(np.float64)
    side = np.minimum(heights, widths)
    extent = np.stack([side / heights, side / widths], axis=1)
    if share == 1:
        return np.concatenate([(1 - extent) / 2, extent], axis=1)
    draws = rng.random((len(heights), _ATTEMPTS, 4))
    area = (share + draws[..., 0] * (1 - share)) * (heights * widths)[:, None]
    low, high = np.log(_ASPECTS)
    aspect = np.exp(low + draws[..., 1] * (high - low))
    tried = np.stack([np.sqrt(area / aspect) / heights[:, None], np.sqrt(area * aspect) / widths[:, None]], axis=2)
    fits = np.all(tried <= 1, axis=2, keepdims=False)
    first = np.arange(len(heights)), fits.argmax(axis=1)
    some = np.any(fits, axis=1, keepdims=True)
    found = np.where(some, tried[first], extent)
    corner = np.where(some, draws[first][:, 2:], 0.5) * (1 - found)
    return np.concatenate([corner, found], axis=1)


def shifted(images: np.ndarray, pixels: int, rng: np.random.Generator) -> np.ndarray:
    """Moves each image by up to `pixels` in both directions; what comes in repeats the edge.

    Args:
        images: [count, height, width, channels].
        pixels: Largest move.
        rng: Draws the moves.
    """
    if pixels == 0:
        return images
    count, height, width, _ = images.shape
    moves = rng.integers(-pixels, pixels + 1, (count, 2))
    rows = np.clip(np.arange(height) + moves[:, :1], 0, height - 1)
    columns = np.clip(np.arange(width) + moves[:, 1:], 0, width - 1)
    return images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def flipped(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrors half of the images, chosen at random, left to right."""
    return _mirrored(images, rng.random(len(images)) < 0.5)


def _mirrored(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    if not chosen.any():
        return images
    found = np.empty_like(images)
    for index, turned in enumerate(chosen.tolist()):
        found[index] = images[index, :, ::-1] if turned else images[index]
    return found


def cut_out(images: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Greys out a square in each image (DeVries and Taylor 2017, section 3.2); it may reach over the edge.

    Args:
        images: [count, height, width, channels].
        side: Of the square in pixels.
        rng: Draws its centers.
    """
    if side == 0:
        return images
    count, height, width, _ = images.shape
    first = rng.integers(0, (height, width), (count, 2)) - side // 2
    rows, columns = (np.arange(size) - first[:, axis : axis + 1] for axis, size in ((0, height), (1, width)))
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    return np.where(inside[..., None], np.float32(_GREY), images)


def mixed(
    images: np.ndarray, labels: np.ndarray, classes: int, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mixes each image and its label with another's of the batch (Zhang et al. 2018, section 2).

    Args:
        images: float32 [n, height, width, channels].
        labels: int64 [n].
        classes: How many there are.
        alpha: Weights come from Beta(alpha, alpha).
        rng: Draws weights and partners.

    Returns:
        Images and labels, float32 [n, height, width, channels] and [n, classes].
    """
    own = rng.beta(alpha, alpha, (len(images), 1)).astype(np.float32)
    other = rng.permutation(len(images))
    one_hot = np.eye(classes, dtype=np.float32)[labels]
    weight = own[:, :, None, None]
    return images * weight + images[other] * (1 - weight), one_hot * own + one_hot[other] * (1 - own)
