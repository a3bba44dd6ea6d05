"""The file format of MNIST (LeCun 1998), in which Fashion-MNIST and others came too."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from mnas.data.arrays import from_arrays
from mnas.data.names import shown
from mnas.data.source import Source
from mnas.errors import SearchError

_PREFIXES = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTES = 8


def idx(root: Path, image_size: int, channels: int) -> Source:
    """The pairs `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and `t10k-...`, the test split, gzipped or not.

    Raises:
        SearchError: A file is missing, damaged, or does not fit the other of its pair.
    """
    if not root.is_dir():
        raise SearchError(f"no folder {shown(root)}: give the path of a folder with train-images-idx3-ubyte in it")
    arrays: dict[str, np.ndarray] = {}
    for split, prefix in _PREFIXES.items():
        images, labels = (_find(root, f"{prefix}-{kind}") for kind in ("images-idx3", "labels-idx1"))
        if images is None and labels is None and split != "train":
            continue
        if images is None or labels is None:
            name = f"{prefix}-{'images-idx3' if images is None else 'labels-idx1'}-ubyte"
            raise SearchError(f"{shown(root)} has neither {name} nor {name}.gz: put it there")
        pixels, classes = _read(images, 3), _read(labels, 1)
        if len(pixels) != len(classes):
            raise SearchError(f"{shown(images)} holds {len(pixels)} images, and {labels.name} {len(classes)} labels")
        arrays |= {f"x_{split}": pixels, f"y_{split}": classes}
    return from_arrays(arrays, f"idx:{shown(root)}", image_size, channels)


def _find(root: Path, name: str) -> Path | None:
    stem, _, kind = name.rpartition("-")
    spellings = (f"{stem}-{kind}-ubyte", f"{stem}.{kind}-ubyte")
    files = (root / f"{spelling}{ending}" for ending in ("", ".gz") for spelling in spellings)
    return next((file for file in files if file.is_file()), None)


def _read(path: Path, dimensions: int) -> np.ndarray:
    """The array of one file: uint8, of so many dimensions."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0":
                raise SearchError(f"{shown(path)} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}")
            if magic[2:] != bytes((_UNSIGNED_BYTES, dimensions)):
                raise SearchError(
                    f"{shown(path)} begins with {magic.hex(' ')}: 00 00 08 {dimensions:02x} is needed (unsigned bytes,"
                    f" {dimensions} {'dimension' if dimensions == 1 else 'dimensions'})"
                )
            header = file.read(4 * dimensions)
            shape = tuple(np.frombuffer(header[: len(header) // 4 * 4], ">u4").tolist())
            expected = int(np.prod(shape, dtype=object)) if len(shape) == dimensions else 1
            content = file.read()
            if len(shape) < dimensions or len(content) < expected:
                raise SearchError(f"{shown(path)} is cut short: copy or download it again")
            if len(content) > expected:
                raise SearchError(f"{shown(path)} goes on after the {expected} bytes that its header tells of")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SearchError(f"{shown(path)} is not a whole gzip file ({error}): copy or download it again") from error
    except OSError as error:
        raise SearchError(f"cannot read {shown(path)}: {error.strerror or error}") from error
    return np.frombuffer(content, np.uint8).reshape(shape)
