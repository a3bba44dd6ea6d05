"""Images that are numbers already, in memory or in a file, and become floats as they are read."""

from __future__ import annotations

import numpy as np

from mnas.data.inputs import places
from mnas.data.parts import array_parts
from mnas.data.pixels import resize
from mnas.data.rows import Rows


class ArrayImages:
    """Images `[count, height, width, channels]` of one scale, as a network reads them.

    Attributes:
        rows: The images as they are kept, of any type: [all, height, width, 1, 3 or 4].
        white: The value that becomes 1.0.
        shape: `[count, image_size, image_size, channels]`.
    """

    def __init__(
        self, rows: np.ndarray | Rows, white: float, image_size: int, channels: int, chosen: np.ndarray | None = None
    ) -> None:
        """Takes the `chosen` rows (int64 `[count]`; all by default)."""
        self.rows = rows
        self.white = white
        self._chosen = np.arange(len(rows)) if chosen is None else chosen
        self.shape = (len(self._chosen), image_size, image_size, channels)

    def __len__(self) -> int:
        """How many there are."""
        return self.shape[0]

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """Those that a slice or an integer array chooses: float32 in [0, 1], `[n, height, width, channels]`."""
        values = self.raw(chosen).astype(np.float32, copy=False) / np.float32(self.white)
        return resize(values, *self.shape[2:])

    def parts(self, indices: np.ndarray, boxes: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        """Parts of some images, for training; as `mnas.data.encoded.EncodedImages.parts`."""
        if self.rows.shape[1:] == self.shape[1:] and self.rows.dtype == np.uint8:
            return array_parts(self.raw(indices), boxes, mirrored, self.white)
        return array_parts(self[indices], boxes, mirrored, 1)

    def raw(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The same as they are kept: neither scaled nor resized."""
        return self.rows[self._chosen[places(chosen, len(self))]]

    def subset(self, indices: np.ndarray) -> ArrayImages:
        """Some of them: int `[n]`."""
        return ArrayImages(self.rows, self.white, *self.shape[2:], chosen=self._chosen[indices])
