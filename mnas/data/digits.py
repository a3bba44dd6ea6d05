"""Real handwritten digits: 1,797 images of 8x8 that scikit-learn carries (UCI Optical Recognition, 1998)."""

import numpy as np

from mnas.data.array_images import ArrayImages
from mnas.data.source import Pool, Source


def digits(image_size: int, channels: int) -> Source:
    """The digits, resized; they come with no split of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pool = Pool(
        bunch.target.astype(np.int64),
        ArrayImages(bunch.images[..., None].astype(np.uint8), 16, image_size, channels),
        lambda index: f"digit {index}",
    )
    return Source(
        tuple(str(name) for name in bunch.target_names),
        {"train": pool},
        ("scale: grey values of 0 to 16 become 0 to 1",),
    )
