"""The one pass over all images before a search: each is decoded once, and a few bytes of it stay in memory."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mnas.data.array_images import ArrayImages
from mnas.data.encoded import EncodedImages, Facts
from mnas.data.inputs import batches
from mnas.data.rows import Rows
from mnas.data.scale import Storage, Stored, describe_scale, whites
from mnas.data.source import Images, Pool
from mnas.data.summary import describe_further

COPY_BYTES = 2**30
"""A data set that takes no more than this decoded is kept decoded."""

_AT_ONCE = 64
_DIGEST_BYTES = 16
_WHITE = 255


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What the pass found.

    Attributes:
        pools: The images of each split, ready to be read.
        digests: Of the pixels of each image, by split: 16 bytes each, `[count]`.
        notes: What the user is told of how the images are stored; a line each.
    """

    pools: dict[str, Pool]
    digests: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()


def examine(pools: Mapping[str, Pool]) -> Examined:
    """Decodes every image of every split once, and finds the scale that all of them have in common.

    Raises:
        SearchError: An image that cannot be decoded, or images without a common scale.
    """
    small = sum(int(np.prod(pool.images.shape)) for pool in pools.values()) <= COPY_BYTES
    seen = {
        name: _see_encoded(pool.images, small) if isinstance(pool.images, EncodedImages) else _see(pool.images)
        for name, pool in pools.items()
    }
    stored = [one for part in seen.values() for one in part.stored]
    scale = whites(stored)
    ready = {name: pool.with_images(_ready(pool.images, seen[name], scale)) for name, pool in pools.items()}
    notes = describe_scale(stored, scale) + describe_further(stored) if stored else ()
    return Examined(ready, {name: part.digests for name, part in seen.items()}, notes)


@dataclass(slots=True, eq=False)
class _Seen:
    """What is kept of the images of a split; columns of encoded ones beside."""

    digests: np.ndarray
    stored: list[Stored] = field(default_factory=list)
    sizes: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int32))
    plain: np.ndarray = field(default_factory=lambda: np.empty(0, np.bool_))
    rows: Rows | None = None


def _see(images: Images) -> _Seen:
    return _Seen(np.concatenate([_digests(batch) for batch in batches(images)]))


def _see_encoded(images: EncodedImages, small: bool) -> _Seen:
    count = len(images)
    seen = _Seen(np.empty(count, f"V{_DIGEST_BYTES}"), [], np.empty((count, 2), np.int32), np.empty(count, np.bool_))
    with tempfile.TemporaryFile(buffering=0) as aside:
        for start in range(0, count, _AT_ONCE):
            indices = np.arange(start, min(start + _AT_ONCE, count))
            found = images.decoded(indices)
            pixels = np.stack([one.pixels for one in found])
            small = small and _put_aside(pixels, aside)
            seen.digests[indices] = _digests(pixels)
            seen.stored += [one.stored for one in found]
            seen.sizes[indices] = [(one.height, one.width) for one in found]
            seen.plain[indices] = [one.plain for one in found]
        seen.rows = Rows(aside, 0, images.shape, np.dtype(np.uint8), "the temporary copy") if small else None
    return seen


def _put_aside(pixels: np.ndarray, file: io.FileIO) -> bool:
    """Whether decoded images could be put aside, which spares decoding them again: 8-bit values, and room for them."""
    exact = pixels.clip(0, _WHITE).astype(np.uint8)
    try:
        return np.array_equal(exact, pixels) and file.write(exact.tobytes()) == exact.nbytes
    except OSError:
        return False


def _ready(images: Images, seen: _Seen, scale: Mapping[Storage, int]) -> Images:
    """The images as they are read from now on."""
    if not isinstance(images, EncodedImages):
        return images
    white = np.array([scale[one.storage] for one in seen.stored], np.float32)
    if seen.rows is not None and (white == _WHITE).all():
        return ArrayImages(seen.rows, _WHITE, *images.shape[2:])
    facts = Facts(seen.sizes[:, 0].copy(), seen.sizes[:, 1].copy(), seen.plain, white)
    return EncodedImages(images.places, *images.shape[2:], facts=facts)


def _digests(images: np.ndarray) -> np.ndarray:
    """Equal for images of equal pixels: 16 bytes each, `[n]`."""
    found = [hashlib.blake2b(image.tobytes(), digest_size=_DIGEST_BYTES).digest() for image in images]
    return np.array(found, f"V{_DIGEST_BYTES}")
