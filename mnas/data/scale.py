"""The brightness of a data set: one scale for all of its images, decided from all of them.

Files say how many bits a pixel takes, not which value is white: 12-bit cameras write 16-bit files, masks hold 0 and 1,
and floats end at 1 or at 255. A scale taken from each file by itself would make equal greys different, so it is taken
from the highest value of the whole set, and refused where two readings are equally likely.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnas.data.names import examples, shown
from mnas.errors import SearchError

Storage = Literal["1-bit", "8-bit", "16-bit", "16-bit colour (read as 8-bit)", "integer", "float"]

_WHITE: dict[Storage, int] = {
    "1-bit": 1,
    "8-bit": 255,
    "16-bit": 65535,
    "16-bit colour (read as 8-bit)": 255,
    "float": 1,
}
"""What white is where a format's own definition is followed."""

_DEPTHS = (1, 2, 3, 4, 5, 8, 10, 12, 14, 16)
"""Bits of masks, of small grey levels, of common pictures, and of cameras and scanners."""

_FLOAT_WHITES = (1, *(2**bits - 1 for bits in _DEPTHS if bits >= 8))

_NEARLY_BLACK = 1 / 64

_ROUNDING = 0.001
"""Share of a scale by which floats may leave it: what a conversion or a resampling before ours may have left."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How an image, or an array of images, was stored.

    Attributes:
        name: Of the file or array, for messages.
        storage: The kind of its numbers; of 16-bit colour Pillow reads the upper 8 bits.
        high: The highest value of a pixel.
        several: The file holds further pictures, of which none was read.
    """

    name: str
    storage: Storage
    high: float
    several: bool = False


def highest(values: np.ndarray) -> float:
    """The highest of numbers that may be brightness.

    Raises:
        SearchError: They are negative or not finite; the message goes on after the name of what holds them.
    """
    low, high = float(values.min()), float(values.max())
    if np.isnan(low):
        raise SearchError("has values that are not numbers (NaN): [0, 1] or [0, 255] is needed")
    if not (np.isfinite(low) and np.isfinite(high)) or low < -_ROUNDING * high:
        raise SearchError(f"has values from {low:g} to {high:g}: [0, 1] or [0, 255] is needed")
    return high


def whites(stored: Sequence[Stored]) -> dict[Storage, int]:
    """The value that becomes 1.0, for each kind of storage in a data set.

    Raises:
        SearchError: The highest values fit no scale, or several kinds of storage do not agree on one.
    """
    brightest: dict[Storage, Stored] = {}
    for one in stored:
        if one.storage not in brightest or one.high > brightest[one.storage].high:
            brightest[one.storage] = one
    found = {storage: _white(one) for storage, one in brightest.items()}
    if found.get("float", 1) > 1:
        _refuse_two_float_scales(stored, brightest["float"])
    if len(set(found.values())) > 1 and any(_WHITE.get(storage) != white for storage, white in found.items()):
        kinds = " beside ".join(
            f"{storage} (up to {one.high:g} in {shown(one.name)})" for storage, one in brightest.items()
        )
        raise SearchError(f"the images have no scale in common: {kinds}; convert all of them to 8 bits")
    return found


def describe_scale(stored: Sequence[Stored], found: dict[Storage, int]) -> tuple[str, ...]:
    """What the user is told about the scale, and about images that are all but black on it."""
    counts = Counter(one.storage for one in stored)
    highs = {storage: max(one.high for one in stored if one.storage == storage) for storage in counts}
    scales = "; ".join(
        f"0 to {found[storage]} of {storage} images becomes 0 to 1 (the highest found is {highs[storage]:g})"
        for storage in counts
    )
    lines = [f"scale: {scales}"]
    dark = [one.name for one in stored if one.high < found[one.storage] * _NEARLY_BLACK]
    if dark:
        lines.append(f"warning: {len(dark)} of {len(stored)} are black or nearly so on this scale: {examples(dark)}")
    return tuple(lines)


def _white(brightest: Stored) -> int:
    high, storage = brightest.high, brightest.storage
    if storage == "float":
        # A float has no depth: its highest value must come near a white that is in use.
        near = next((white for white in _FLOAT_WHITES if high <= white * (1 + _ROUNDING)), 0)
        if near and (near == 1 or near / 2 < high):
            return near
    elif storage == "16-bit colour (read as 8-bit)":
        if high > _WHITE[storage] / 4:
            return _WHITE[storage]
        raise SearchError(
            f"the 16-bit colour images use no more than {(high + 1) / 256:.1%} of their range (brightest:"
            f" {shown(brightest.name)}), of which Pillow reads the upper 8 bits: convert them to 8 bits"
        )
    elif high == 0:
        return _WHITE.get(storage, 255)
    elif high < 2 ** _DEPTHS[-1]:
        return next(2**bits - 1 for bits in _DEPTHS if high < 2**bits)
    raise SearchError(
        f"the highest value of the {storage} images is {high:g} (in {shown(brightest.name)}), which fits no scale:"
        " [0, 1] or [0, 255] is needed"
    )


def _refuse_two_float_scales(stored: Sequence[Stored], brightest: Stored) -> None:
    unit = [one for one in stored if one.storage == "float" and 0 < one.high <= 1]
    if unit:
        raise SearchError(
            f"floats up to {unit[0].high:g} in {shown(unit[0].name)} and up to {brightest.high:g} in"
            f" {shown(brightest.name)}: bring all of them to one scale"
        )
