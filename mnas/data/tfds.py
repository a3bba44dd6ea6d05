"""Data sets as the package tensorflow_datasets prepares them on disk, read without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnas.data.layout import split_of
from mnas.data.names import examples, shown
from mnas.data.records import Keys, records_source
from mnas.data.source import Source
from mnas.errors import SearchError
from mnas.files import read_json, read_text

_INFO = "dataset_info.json"


def tfds(root: Path, image_size: int, channels: int) -> Source:
    """A prepared data set: `dataset_info.json`, `features.json`, the names of the classes, and TFRecord files.

    Args:
        root: Its folder, or one above it that holds no other.
        image_size: Height and width of the images.
        channels: 1 or 3.

    Raises:
        SearchError: No prepared data set of labelled images, one in another file format, or files that are missing or
            damaged.
    """
    folder = _find(root)
    info, features = read_json(folder / _INFO), read_json(folder / "features.json")
    try:
        shards, others = _shards(folder, info)
        image, label = _key(features, "Image"), _key(features, "ClassLabel")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SearchError(f"{shown(folder / _INFO)} is not as tensorflow_datasets writes it ({error})") from None
    if image is None or label is None:
        missing = "an image" if image is None else "a class label"
        raise SearchError(f"{shown(folder / 'features.json')} names no feature that is {missing}")
    if "train" not in shards:
        raise SearchError(f"{shown(folder)} has no split train: it has {', '.join(others) or 'none'}")
    gone = [path for paths in shards.values() for path in paths if not path.is_file()]
    if gone:
        raise SearchError(f"{len(gone)} of the files of {shown(folder)} are missing: {examples(gone)}")
    names = folder / f"{label}.labels.txt"
    class_names = read_text(names).split("\n") if names.is_file() else []
    notes = (f"passed over: the splits {', '.join(others)}",) if others else ()
    size = (image_size, channels)
    return records_source(folder, shards, Keys(image, label), size, class_names=class_names, notes=notes)


def _find(root: Path) -> Path:
    if (root / _INFO).is_file():
        return root
    found = sorted(path.parent for depth in ("*", "*/*", "*/*/*") for path in root.glob(f"{depth}/{_INFO}"))
    if len(found) != 1:
        several = f"several data sets ({examples(found)}): name one of them" if found else f"no {_INFO} in it or below"
        raise SearchError(f"{shown(root)} is not the folder of a prepared data set: there is {several}")
    return found[0]


def _shards(folder: Path, info: Mapping[str, Any]) -> tuple[dict[str, list[Path]], list[str]]:
    """The files of train, validation and test, and the names of the other splits."""
    if info.get("fileFormat", "tfrecord") != "tfrecord":
        raise SearchError(f"{shown(folder)} is in the format {info['fileFormat']}: prepare it as tfrecord")
    shards: dict[str, list[Path]] = {}
    others = []
    for split in info["splits"]:
        name, count = str(split["name"]), len(split["shardLengths"])
        known = split_of(name)
        if known is None or known in shards:
            others.append(shown(name))
            continue
        stem = f"{info['name']}-{name}.tfrecord"
        shards[known] = [folder / f"{stem}-{number:05}-of-{count:05}" for number in range(count)]
    return shards, others


def _key(features: Mapping[str, Any], kind: str) -> str | None:
    """The name of the first feature of a kind."""
    named = features["featuresDict"]["features"]
    return next((str(name) for name, one in named.items() if str(one["pythonClassName"]).endswith(f".{kind}")), None)
