"""Real handwritten digits: 1,797 images of 8x8 that scikit-learn carries (UCI Optical Recognition, 1998)."""

import numpy as np

from mnas.data.pixels import resize
from mnas.data.source import Loaded, Pool, Source


def digits(image_size: int, channels: int) -> Source:
    """The digits, resized; they come with no split of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images[..., None] / 16).astype(np.float32)
    pool = Pool(
        bunch.target.astype(np.int64),
        lambda indices: Loaded(resize(images[indices], image_size, channels)),
        lambda index: f"digit {index}",
    )
    return Source(
        tuple(str(name) for name in bunch.target_names),
        {"train": pool},
        ("scale: grey values of 0 to 16 become 0 to 1",),
    )
