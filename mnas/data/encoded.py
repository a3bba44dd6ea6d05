"""Images that stay in their files until they are read: memory holds their places and their sizes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mnas.data.decode import Decoded, decoded
from mnas.data.inputs import cores
from mnas.data.inputs import places as chosen_places
from mnas.data.jpeg import jpeg_parts
from mnas.data.places import Places
from mnas.errors import RunFailed, SearchError


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What was found out about images when they were first decoded, as columns [count].

    Attributes:
        height: Of the whole image in pixels, upright.
        width: The same across.
        plain: Whether it is a JPEG that every decoder reads alike.
        white: The value that becomes 1.0.
    """

    height: np.ndarray
    width: np.ndarray
    plain: np.ndarray
    white: np.ndarray

    def subset(self, indices: np.ndarray) -> Facts:
        """Those of some images, int `[n]`."""
        return Facts(self.height[indices], self.width[indices], self.plain[indices], self.white[indices])


@contextlib.contextmanager
def _read_before() -> Iterator[None]:
    """Images that could be read once and now cannot fail the run, not the candidate that happens to read them."""
    try:
        yield
    except SearchError as error:
        raise RunFailed(str(error)) from error


class EncodedImages:
    """Encoded images as a network reads them.

    Attributes:
        places: Where they lie.
        shape: `[count, image_size, image_size, channels]`.
        facts: About each; None before `mnas.data.examine` has seen them.
    """

    def __init__(self, places: Places, image_size: int, channels: int, facts: Facts | None = None) -> None:
        """See the attributes."""
        self.places = places
        self.shape = (len(places), image_size, image_size, channels)
        self.facts = facts

    def __len__(self) -> int:
        """How many there are."""
        return self.shape[0]

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """Those that a slice or an integer array chooses: float32 in [0, 1], `[n, height, width, channels]`.

        Raises:
            RunFailed: A file is missing, has changed, or can no longer be read.
        """
        wanted = chosen_places(chosen, len(self))
        images = np.empty((len(wanted), *self.shape[1:]), np.float32)
        with _read_before():
            for place, one in enumerate(self.decoded(wanted)):
                images[place] = one.pixels
        return self._scaled(images, wanted)

    def subset(self, indices: np.ndarray) -> EncodedImages:
        """Some of them: int `[n]`."""
        facts = self.facts and self.facts.subset(indices)
        return EncodedImages(self.places.subset(indices), *self.shape[2:], facts=facts)

    def decoded(self, indices: np.ndarray) -> list[Decoded]:
        """Decodes some, several at a time (decoding leaves the interpreter's lock)."""
        # Warnings are of odd metadata: the pixels are read all the same.
        with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(cores()) as threads:
            return list(threads.map(lambda index: decoded(self.places, index, *self.shape[2:]), indices.tolist()))

    def parts(self, indices: np.ndarray, boxes: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        """Parts of some images, for training: float32 in [0, 1], `[n, image_size, image_size, channels]`.

        Args:
            indices: Which, int `[n]`.
            boxes: The part of each, as shares of height, width, height and width: top, left, height, width `[n, 4]`.
            mirrored: Which of the parts are turned left to right, bool `[n]`.

        Raises:
            RunFailed: A file is missing, has changed, or can no longer be read.
        """
        with _read_before():
            return self._parts(indices, boxes, mirrored)

    def _parts(self, indices: np.ndarray, boxes: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        plain = self._known.plain[indices]
        if plain.all():
            with contextlib.suppress(ValueError):  # Pillow is more patient with odd files, and has read all of them
                return self._jpeg_parts(indices, boxes, mirrored)
        images = np.empty((len(indices), *self.shape[1:]), np.float32)
        if plain.any() and not plain.all():
            images[plain] = self._parts(indices[plain], boxes[plain], mirrored[plain])
            rest = np.flatnonzero(~plain)
        else:
            rest = np.arange(len(indices))
        for place in rest.tolist():
            pixels = decoded(self.places, int(indices[place]), *self.shape[2:], box=boxes[place]).pixels
            images[place] = pixels[:, ::-1] if mirrored[place] else pixels
        images[rest] = self._scaled(images[rest], indices[rest])
        return images

    def _jpeg_parts(self, indices: np.ndarray, boxes: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        contents = [self.places.read(index) for index in indices.tolist()]
        return jpeg_parts(contents, boxes, mirrored, *self.sizes(indices), *self.shape[2:])

    def sizes(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heights and widths of some whole images in pixels."""
        return self._known.height[indices], self._known.width[indices]

    @property
    def _known(self) -> Facts:
        if self.facts is None:
            raise RuntimeError("images are examined before they are read")
        return self.facts

    def _scaled(self, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        images /= self._known.white[indices][:, None, None, None]
        return np.clip(images, 0, 1, out=images)
