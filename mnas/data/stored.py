"""A data set on disk, which several processes read: decoded where that is small, else as an index of its files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.whole_files import remove_leftovers
from mnas.data.array_images import ArrayImages
from mnas.data.encoded import EncodedImages, Facts
from mnas.data.examine import COPY_BYTES
from mnas.data.inputs import Inputs, batches
from mnas.data.places import Places
from mnas.data.rows import Rows, write_rows
from mnas.data.types import Dataset, Split
from mnas.errors import RunFailed, SearchError
from mnas.files import read_json, read_npz, write_array, write_json, write_npz

_SPLITS = ("train", "validation", "test")
_WHITE = 255
_PLACES = [one.name for one in fields(Places) if one.name != "root"]
_FACTS = [one.name for one in fields(Facts)]


def save_dataset(dataset: Dataset, where: Path) -> None:
    """Writes the splits; `dataset.json` comes last and makes them valid.

    A set that takes no more than `COPY_BYTES` decoded is copied, as 8-bit numbers if its images are such, else as
    floats. Of a larger one, arrays are copied as they came, and of encoded images an index is kept: where each lies,
    and how large and how old its file is.

    Raises:
        RunFailed: The folder cannot be written to, the disk is full, or a file of the source is missing or has changed.
    """
    splits: dict[str, Split] = {name: getattr(dataset, name) for name in _SPLITS}
    values = sum(int(np.prod(split.inputs.shape)) for split in splits.values())
    kept = {}
    for name, split in splits.items():
        kept[name] = _save(split.inputs, where, name, values)
        write_array(where / f"{name}-labels.npy", split.labels)
    about = {"name": dataset.name, "class_names": list(dataset.class_names), "summary": list(dataset.summary)}
    write_json(where / "dataset.json", {**about, "images": kept})


def open_dataset(where: Path) -> Dataset:
    """Opens what `save_dataset` wrote; images are read when they are asked for.

    Raises:
        RunFailed: The folder is incomplete or damaged.
    """
    try:
        about = read_json(where / "dataset.json")
        # Before there was an index, images were kept as they are read.
        kept = about.get("images", dict.fromkeys(_SPLITS))
        train, validation, test = (
            Split(_open(where, name, kept[name]), np.load(where / f"{name}-labels.npy", allow_pickle=False))
            for name in _SPLITS
        )
        for name, split in zip(_SPLITS, (train, validation, test), strict=True):
            if len(split.inputs) != len(split.labels):
                raise ValueError(f"{len(split.inputs)} images and {len(split.labels)} labels in {name}")
        summary = tuple(about.get("summary", ()))
        return Dataset(about["name"], tuple(about["class_names"]), train, validation, test, summary)
    except SearchError as error:
        raise RunFailed(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise RunFailed(f"the data set in {where} is damaged ({error}): delete the folder") from error


def _save(inputs: Inputs, where: Path, name: str, values: int) -> dict[str, Any] | None:
    """Keeps the images of a split; returns what has to be known to open them."""
    file = where / f"{name}-images.npy"
    remove_leftovers(file)  # of a process that was killed while it wrote as much
    size = {"image_size": inputs.shape[1], "channels": inputs.shape[3]}
    if values <= COPY_BYTES and _write_exact(file, inputs):
        return {"white": _WHITE, **size}
    if isinstance(inputs, EncodedImages) and values * np.dtype(np.float32).itemsize > COPY_BYTES:
        columns = {one: getattr(inputs.places, one) for one in _PLACES}
        write_npz(where / f"{name}-index.npz", columns | {one: getattr(inputs.facts, one) for one in _FACTS})
        return {"root": str(inputs.places.root.absolute()), **size}
    if isinstance(inputs, ArrayImages) and values * np.dtype(np.float32).itemsize > COPY_BYTES:
        raw = inputs.raw(slice(0, 1))
        step = max(1, COPY_BYTES // 64 // max(1, raw.nbytes))
        parts = (inputs.raw(slice(start, start + step)) for start in range(0, len(inputs), step))
        write_rows(file, (len(inputs), *raw.shape[1:]), raw.dtype, parts)
        return {"white": inputs.white, **size}
    write_rows(file, inputs.shape, np.dtype(np.float32), batches(inputs))
    return None


class _NotExactError(Exception):
    """Some images are not 8-bit numbers."""


def _write_exact(file: Path, inputs: Inputs) -> bool:
    """Keeps images as 8-bit numbers if nothing is lost by it."""

    def exact(batch: np.ndarray) -> np.ndarray:
        values = np.rint(batch * _WHITE).astype(np.uint8)
        if not np.array_equal(values.astype(np.float32) / np.float32(_WHITE), batch):
            raise _NotExactError
        return values

    try:
        write_rows(file, inputs.shape, np.dtype(np.uint8), map(exact, batches(inputs)))
    except _NotExactError:
        return False
    return True


def _open(where: Path, name: str, kept: dict[str, Any] | None) -> Inputs:
    if kept is not None and "root" in kept:
        columns = read_npz(where / f"{name}-index.npz")
        found = Places(Path(kept["root"]), **{one: columns[one] for one in _PLACES})
        facts = Facts(**{one: columns[one] for one in _FACTS})
        return EncodedImages(found, kept["image_size"], kept["channels"], facts)
    rows = Rows.open(where / f"{name}-images.npy")
    if kept is None:
        return ArrayImages(rows, 1, rows.shape[1], rows.shape[3])
    return ArrayImages(rows, kept["white"], kept["image_size"], kept["channels"])
