"""A data set laid out as arrays that several processes map into memory and share."""

from pathlib import Path

import numpy as np

from mnas.data.types import Dataset, Split
from mnas.errors import SearchError
from mnas.files import read_json, write_array, write_json

_SPLITS = ("train", "validation", "test")


def save_dataset(dataset: Dataset, where: Path) -> None:
    """Writes the splits as `.npy` files; `dataset.json` comes last and makes them valid."""
    for name in _SPLITS:
        split: Split = getattr(dataset, name)
        write_array(where / f"{name}-images.npy", split.images)
        write_array(where / f"{name}-labels.npy", split.labels)
    about = {"name": dataset.name, "class_names": list(dataset.class_names), "summary": list(dataset.summary)}
    write_json(where / "dataset.json", about)


def open_dataset(where: Path) -> Dataset:
    """Maps what `save_dataset` wrote; pages are read when they are touched, and shared between processes.

    Raises:
        SearchError: The folder is incomplete or damaged.
    """
    about = read_json(where / "dataset.json")
    try:
        train, validation, test = (
            Split(
                np.load(where / f"{name}-images.npy", mmap_mode="r", allow_pickle=False),
                np.load(where / f"{name}-labels.npy", allow_pickle=False),
            )
            for name in _SPLITS
        )
        summary = tuple(about.get("summary", ()))
        return Dataset(about["name"], tuple(about["class_names"]), train, validation, test, summary)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(f"the data set in {where} is damaged ({error}): delete the folder") from error
