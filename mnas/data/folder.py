"""A folder of images, one sub-folder per class."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mnas.data.kinds import HEIC, can_read_heic, first_bytes, is_heic
from mnas.data.layout import split_folders, warn_of_splits
from mnas.data.leftovers import passed_over, refuse_unusable
from mnas.data.names import shown
from mnas.data.pixels import square
from mnas.data.scale import Stored
from mnas.data.source import Loaded, Pool, Source
from mnas.data.tree import Folder, read_tree
from mnas.errors import SearchError

_THREADS = 2
_OF_ONE_PHOTO = frozenset({"MPO", "ICO", "ICNS"})
"""Formats whose further pictures are previews, depths and sizes of the same one."""


def folder(root: Path, image_size: int, channels: int) -> Source:
    """`root/CLASS/...`, or `root/train/CLASS/...` beside `validation` and `test`, any format that Pillow reads.

    Hidden files and folders, and files that were not meant as images (`notes.txt`), are passed over and counted in the
    notes of the source.

    Raises:
        SearchError: A layout that can be read in two ways, or files that were meant as images and cannot be used.
    """
    if not root.is_dir():
        raise SearchError(f"no folder {shown(root)}: give the path of a folder with one sub-folder per class")
    can_read_heic()
    try:
        tree = read_tree(root)
    except OSError as error:
        raise SearchError(f"cannot read {shown(root)}: {error.strerror or error}") from error
    except RecursionError:
        raise SearchError(
            f"{shown(root)} has folders nested too deeply: move the images of a class closer to it"
        ) from None
    splits = split_folders(tree)
    classes = splits["train"].classes
    refuse_unusable(tree, splits)
    left = passed_over(tree, splits)
    if not classes:
        raise SearchError(
            f"no images in the sub-folders of {shown(splits['train'].path)} ({left}): put the images of each"
            " class into a sub-folder of its own"
        )
    if len(classes) == 1 and len(classes[0].classes) > 1:
        inner = ", ".join(child.name for child in classes[0].classes[:3])
        raise SearchError(
            f"{shown(root)} has one class ({classes[0].name}): if the classes are the folders in it ({inner}), give"
            f" folder:{shown(classes[0].path)}"
        )
    labels = {one.path.name: label for label, one in enumerate(classes)}
    for child in (child for where in splits.values() for child in where.classes):
        if child.path.name not in labels:
            train = shown(splits["train"].path)
            raise SearchError(f"{shown(child.path)} is a class that {train} does not have: move or remove it")
    pools = {split: _pool(where, labels, image_size, channels) for split, where in splits.items()}
    return Source(tuple(one.name for one in classes), pools, (left, *warn_of_splits(classes)))


def _pool(where: Folder, labels: dict[str, int], image_size: int, channels: int) -> Pool:
    paths, codes = [], []
    for child in where.classes:
        own = {entry.identity: entry.path for entry in reversed([*child.everything()]) if entry.use == "image"}
        paths += sorted(own.values())
        codes += [labels[child.path.name]] * len(own)
    return Pool(np.array(codes, np.int64), _Loader(paths, image_size, channels), lambda index: str(paths[index]))


class _Loader:
    """Reads the chosen files, several at a time (decoding leaves the interpreter's lock)."""

    def __init__(self, paths: Sequence[Path], image_size: int, channels: int) -> None:
        self._paths = paths
        self._size = image_size
        self._channels = channels

    def __call__(self, indices: np.ndarray) -> Loaded:
        images = np.empty((len(indices), self._size, self._size, self._channels), np.float32)
        stored = []
        # Warnings are of odd metadata: the pixels are read all the same.
        with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(_THREADS) as threads:
            read = threads.map(self._read, (self._paths[index] for index in indices))
            for place, (image, about) in enumerate(read):
                images[place] = image
                stored.append(about)
        return Loaded(images, tuple(stored))

    def _read(self, path: Path) -> tuple[np.ndarray, Stored]:
        try:
            with Image.open(path) as image:
                image.draft(None, (2 * self._size, 2 * self._size))
                pixels, storage, high = square(image, self._size, self._channels)
                several = image.format not in _OF_ONE_PHOTO and getattr(image, "is_animated", False)
                return pixels, Stored(str(path), storage, high, several)
        except SearchError as error:
            raise SearchError(f"{shown(path)} {error}") from error
        except Exception as error:  # decoders raise whatever they come upon, beyond what Pillow promises
            raise SearchError(f"{shown(path)} {_trouble(path, error)}") from error


def _trouble(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = "its format is not known, or this variant of it" if path.stat().st_size else "it is empty"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning | MemoryError):
        return f"is too large to be decoded safely ({reason}): make it smaller or move it elsewhere"
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read ({error.strerror}): make it readable or move it elsewhere"
    if not can_read_heic() and is_heic(first_bytes(path)):
        return f"is {HEIC}"
    return f"is not an image that can be read ({reason}): repair it or move it elsewhere"
