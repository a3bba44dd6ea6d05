"""A folder of images, one sub-folder a class."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from mnas.data.pixels import square
from mnas.data.pool import Pool, Source
from mnas.errors import SearchError

_SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
_THREADS = 2


def folder(root: Path, image_size: int, channels: int) -> Source:
    """`root/CLASS/...`, or `root/train/CLASS/...` beside `validation` and `test`, any format that Pillow reads.

    Hidden files, and files of no image format at all (`notes.txt`), are passed over; a file with the name or the
    content of an image that cannot be read is an error.
    """
    if not root.is_dir():
        raise SearchError(f"no folder {root}: give the path of a folder with one sub-folder a class")
    layout = _split_folders(root)
    class_names = tuple(child.name for child in _sub_folders(layout["train"]) if _image_files(child))
    if not class_names:
        raise SearchError(
            f"no images in the sub-folders of {layout['train']}: put the images of each class into a sub-folder"
            " of its own"
        )
    pools = {}
    for split, where in layout.items():
        for child in _sub_folders(where):
            if child.name not in class_names and _image_files(child):
                raise SearchError(f"{child} is a class that {layout['train']} does not have: move or remove it")
        files = [(path, label) for label, name in enumerate(class_names) for path in _image_files(where / name)]
        if not files:
            raise SearchError(f"no images in {where}: fill it or remove it")
        paths = [path for path, _ in files]
        pools[split] = Pool(np.array([label for _, label in files], np.int64), _Loader(paths, image_size, channels))
    return Source(class_names, pools)


class _Loader:
    """Reads the chosen files, several at a time (decoding leaves the interpreter's lock)."""

    def __init__(self, paths: Sequence[Path], image_size: int, channels: int) -> None:
        self._paths = paths
        self._size = image_size
        self._channels = channels

    def __call__(self, indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), self._size, self._size, self._channels), np.float32)
        with ThreadPoolExecutor(_THREADS) as threads:
            for place, image in enumerate(threads.map(self._read, (self._paths[index] for index in indices))):
                images[place] = image
        return images

    def _read(self, path: Path) -> np.ndarray:
        try:
            with Image.open(path) as image:
                image.draft("RGB" if self._channels == 3 else "L", (2 * self._size, 2 * self._size))
                return square(image, self._size, self._channels)
        except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SearchError(f"{path} is no image that can be read ({reason}): repair or remove it") from error


def _split_folders(root: Path) -> dict[str, Path]:
    """The folder of each split; only `train`, the root itself, where there is no such layout."""
    children = {child.name.lower(): child for child in _sub_folders(root)}
    known = {name for names in _SPLIT_NAMES.values() for name in names}
    found = {split: children[name] for split, names in _SPLIT_NAMES.items() for name in names if name in children}
    if "train" in found and set(children) <= known and _sub_folders(found["train"]):
        return found
    return {"train": root}


def _sub_folders(where: Path) -> list[Path]:
    return sorted(child for child in where.iterdir() if child.is_dir() and not child.name.startswith("."))


@cache
def _extensions() -> frozenset[str]:
    return frozenset(end for end, kind in Image.registered_extensions().items() if kind in Image.OPEN)


def _image_files(where: Path) -> list[Path]:
    if not where.is_dir():
        return []
    hidden = (path for path in where.rglob("*") if path.is_file())
    return sorted(path for path in hidden if not path.name.startswith(".") and _is_image(path))


def _is_image(path: Path) -> bool:
    """By its name, or else by its first bytes."""
    if path.suffix.lower() in _extensions():
        return True
    try:
        with Image.open(path):
            return True
    except UnidentifiedImageError:
        return False
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
