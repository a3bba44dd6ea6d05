"""Augmentation moves images and changes nothing else."""

import numpy as np

from mnas.tasks.augment import flipped, shifted

IMAGES = np.random.default_rng(1).random((40, 6, 5, 2), np.float32)


def test_no_shift_is_no_copy():
    assert shifted(IMAGES, 0, np.random.default_rng(0)) is IMAGES


def test_every_shifted_image_is_a_move_of_its_own():
    moved = shifted(IMAGES, 1, np.random.default_rng(0))
    seen = set()
    for before, after in zip(IMAGES, moved, strict=True):
        padded = np.pad(before, ((1, 1), (1, 1), (0, 0)), "edge")
        found = [(y, x) for y in range(3) for x in range(3) if np.array_equal(padded[y : y + 6, x : x + 5], after)]
        assert len(found) == 1
        seen |= set(found)
    assert len(seen) == 9


def test_about_half_are_mirrored():
    mirrored = flipped(IMAGES, np.random.default_rng(0))
    turned = [np.array_equal(after, before[:, ::-1]) for before, after in zip(IMAGES, mirrored, strict=True)]
    kept = [np.array_equal(after, before) for before, after in zip(IMAGES, mirrored, strict=True)]
    assert all(a != b for a, b in zip(turned, kept, strict=True))
    assert 10 < sum(turned) < 30


def test_the_generator_decides():
    first, again = (shifted(IMAGES, 2, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)
