"""One encoded image to pixels, and what is said of one that cannot be decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from mnas.data.kinds import HEIC, can_read_heic, is_heic
from mnas.data.names import shown
from mnas.data.pixels import FEW_LEVELS, SIDEWAYS, square, turn_of
from mnas.data.places import Places
from mnas.data.scale import Stored
from mnas.errors import SearchError

_OF_ONE_PHOTO = frozenset({"MPO", "ICO", "ICNS"})
"""Formats whose further pictures are previews, depths and sizes of the same one."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """An image that was decoded.

    Attributes:
        pixels: float32 [size, size, channels] in the values of the file.
        stored: How it was stored.
        height: Of the whole image in pixels, upright.
        width: The same across.
        plain: A JPEG of 8 bits that needs no turn: any decoder of JPEG reads it alike.
    """

    pixels: np.ndarray
    stored: Stored
    height: int
    width: int
    plain: bool


def decoded(places: Places, index: int, size: int, channels: int, box: np.ndarray | None = None) -> Decoded:
    """Reads one image.

    Args:
        places: Where it lies.
        index: Its place there.
        size: Height and width of the result.
        channels: 1 (grey) or 3 (RGB).
        box: The part of it, as `pixels.square` takes it; its central square by default.

    Raises:
        SearchError: It cannot be read or decoded; the line names it.
    """
    name = places.name(index)
    try:
        with places.opened(index) as file, Image.open(file) as image:
            width, height = image.size
            jpeg = image.format == "JPEG" and image.mode in ("L", "RGB")
            enough = 2 * size if box is None else math.ceil(2 * size / box[2:].min())
            image.draft(None, (enough, enough))
            pixels, storage, high = square(image, size, channels, box)
            turn = turn_of(image)
            several = image.format not in _OF_ONE_PHOTO and getattr(image, "is_animated", False)
    except SearchError as error:
        raise SearchError(str(error) if name in str(error) else f"{shown(name)} {error}") from error
    except Exception as error:  # decoders raise whatever they come upon, beyond what Pillow promises
        raise SearchError(f"{shown(name)} {_trouble(places, index, error)}") from error
    stored = Stored(name, storage, high, several)
    if turn in SIDEWAYS:
        height, width = width, height
    return Decoded(pixels, stored, height, width, jpeg and turn is None and high > FEW_LEVELS)


def _trouble(places: Places, index: int, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = "its format is not known, or this variant of it" if places.length[index] else "it is empty"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning | MemoryError):
        return f"is too large to be decoded safely ({reason}): make it smaller or move it elsewhere"
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read ({error.strerror}): make it readable or move it elsewhere"
    if not can_read_heic() and is_heic(places.read(index)[:64]):
        return f"is {HEIC}"
    return f"is not an image that can be read ({reason}): repair it or move it elsewhere"
