"""Images that are arrays: `.npz` files and the sets of tf_keras."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from mnas.data.array_images import ArrayImages
from mnas.data.names import shown
from mnas.data.scale import Storage, Stored, describe_scale, highest, whites
from mnas.data.source import Pool, Source
from mnas.errors import SearchError
from mnas.files import read_npz

_KEYS = {
    "train": (("x_train", "y_train"), ("images", "labels")),
    "validation": (("x_validation", "y_validation"), ("x_val", "y_val")),
    "test": (("x_test", "y_test"),),
}


def npz(path: Path, image_size: int, channels: int) -> Source:
    """An `.npz` with x_train/y_train (and x_val/y_val, x_test/y_test), or images/labels; nothing is unpickled."""
    if not path.exists():
        raise SearchError(f"no file {shown(path)}: give the path of an .npz file")
    return from_arrays(read_npz(path), shown(path), image_size, channels)


def from_arrays(arrays: Mapping[str, np.ndarray], where: str, image_size: int, channels: int) -> Source:
    """Named arrays as a source.

    Args:
        arrays: Images [count, height, width(, channels)], of one scale that their types and highest values tell (see
            `mnas.data.scale`); labels [count] or [count, 1], integers or strings. The classes are the sorted distinct
            labels of the train split.
        where: For the errors.
        image_size: Height and width to resize to.
        channels: 1 or 3.
    """
    pairs = {}
    for split, spellings in _KEYS.items():
        found = [pair for pair in spellings if any(name in arrays for name in pair)]
        if found:
            pairs[split] = found[0]
    if "train" not in pairs:
        names = ", ".join(sorted(arrays)) or "nothing"
        raise SearchError(f"{where} holds {names}: x_train and y_train, or images and labels, are needed")
    read = {}
    for split, (x, y) in pairs.items():
        missing = [name for name in (x, y) if name not in arrays]
        if missing:
            raise SearchError(f"{where} lacks {missing[0]}, the other half of {x} and {y}")
        read[split] = (_images(arrays[x], f"{x} of {where}"), _labels(arrays[y], f"{y} of {where}"))
        if len(arrays[x]) != len(read[split][1]):
            raise SearchError(f"{where}: {len(arrays[x])} images in {x}, {len(read[split][1])} labels in {y}")
    classes = np.unique(read["train"][1])
    stored = {split: _stored(images, f"{pairs[split][0]} of {where}") for split, (images, _) in read.items()}
    scales = whites([*stored.values()])
    pools = {
        split: Pool(
            _codes(labels, classes, f"{split} labels of {where}"),
            ArrayImages(images, scales[stored[split].storage], image_size, channels),
            partial("{}[{}]".format, pairs[split][0]),
        )
        for split, (images, labels) in read.items()
    }
    return Source(tuple(shown(str(name)) for name in classes), pools, describe_scale([*stored.values()], scales))


def _images(array: np.ndarray, where: str) -> np.ndarray:
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3, 4) or 0 in array.shape:
        raise SearchError(
            f"{where} has the shape {array.shape}: [count, height, width] or [count, height, width, 1, 3 or 4]"
            " is needed"
        )
    if array.dtype.kind not in "buif":
        raise SearchError(f"{where} is of type {array.dtype}: numbers are needed")
    return array


def _stored(images: np.ndarray, where: str) -> Stored:
    try:
        high = highest(images)
    except SearchError as error:
        raise SearchError(f"{where} {error}") from None
    sized: dict[str, Storage] = {"bool": "1-bit", "uint8": "8-bit", "uint16": "16-bit"}
    return Stored(where, sized.get(images.dtype.name, "float" if images.dtype.kind == "f" else "integer"), high)


def _labels(array: np.ndarray, where: str) -> np.ndarray:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "uiU":
        raise SearchError(
            f"{where} has the shape {array.shape} and type {array.dtype}: one integer or string an image is needed"
        )
    return array


def _codes(labels: np.ndarray, classes: np.ndarray, where: str) -> np.ndarray:
    codes = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    unknown = labels[classes[codes] != labels]
    if len(unknown):
        raise SearchError(f"{where} hold {str(unknown[0])!r}, a class that the train split does not have")
    return codes.astype(np.int64)
