"""Simple augmentation of a batch, in NumPy."""

import numpy as np


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
    chosen = rng.random(len(images)) < 0.5
    return np.where(chosen[:, None, None, None], images[:, :, ::-1], images)
