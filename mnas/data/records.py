"""Labelled images in TFRecord files: where the bytes of each lie, so that they can be read again one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.conversion.quiet import quiet_tensorflow
from mnas.data.encoded import EncodedImages
from mnas.data.names import shown
from mnas.data.places import Places
from mnas.data.source import Pool, Source
from mnas.errors import SearchError

_BEFORE_DATA = 12
_AROUND_DATA = 16
"""Bytes of a record: its length (8) and a checksum of that (4) before the data, a checksum of the data (4) behind."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the features of an example are called.

    Attributes:
        image: An encoded image.
        label: The number of its class.
        text: The name of its class, where examples have it.
    """

    image: str
    label: str
    text: str = ""


@dataclass(slots=True, eq=False)
class _Found:
    """The images of a split, as lists of equal length, and the names of their classes by label."""

    within: list[int] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)


def records_source(
    root: Path,
    shards: Mapping[str, Sequence[Path]],
    keys: Keys,
    size: tuple[int, int],
    *,
    class_names: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Source:
    """Images in files of `tf.train.Example` records.

    Args:
        root: A folder above all files.
        shards: The files of each split, `train` among them.
        keys: What the features are called.
        size: Height and width of the images, and 1 or 3 channels.
        class_names: By label; without them names come from the examples, else they are the labels.
        notes: What the user is told.

    Raises:
        SearchError: A file that cannot be read or is damaged, an example without image or label, or a label that the
            train split does not have.
    """
    with quiet_tensorflow():
        found = {split: _scan(files, keys) for split, files in shards.items()}
    classes = np.unique(found["train"].label)
    pools = {}
    for split, part in found.items():
        labels = np.array(part.label, np.int64)
        unknown = np.setdiff1d(labels, classes)
        if len(unknown):
            raise SearchError(
                f"{shown(shards[split][0])}: the {split} split has the label {unknown[0]}, which the train split does"
                " not have"
            )
        places = _places(root, shards[split], part)
        pools[split] = Pool(np.searchsorted(classes, labels), EncodedImages(places, *size), places.name)
    names = dict(enumerate(class_names)) or found["train"].names
    return Source(tuple(shown(names.get(label, str(label))) for label in classes.tolist()), pools, tuple(notes))


def _places(root: Path, files: Sequence[Path], part: _Found) -> Places:
    whole = Places.of_files(root, files)
    return Places(
        root,
        whole.files,
        whole.sizes,
        whole.changed_ns,
        np.array(part.within, np.int64),
        np.array(part.offset, np.int64),
        np.array(part.length, np.int64),
    )


def _scan(files: Sequence[Path], keys: Keys) -> _Found:
    found = _Found()
    for number, path in enumerate(files):
        for place, (start, record) in enumerate(_records(path)):
            where = f"{shown(path)}, record {place}"
            image, label, text = _example(record, keys, where)
            found.within.append(number)
            # The same bytes, wherever in the record they are first.
            found.offset.append(start + record.index(image))
            found.length.append(len(image))
            found.label.append(label)
            known = found.names.setdefault(label, text) if text else text
            if known != text:
                raise SearchError(f"{where} calls the label {label} {text!r}, an earlier one {known!r}")
    if not found.label:
        raise SearchError(f"{shown(files[0])} holds no records")
    return found


def _records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where the data of each record begin, and the data; checksums are checked."""
    import tensorflow as tf

    start = 0
    try:
        with path.open("rb"):
            pass  # TensorFlow would say less of a file that cannot be opened
        for record in tf.data.TFRecordDataset(os.fspath(path)).as_numpy_iterator():
            yield start + _BEFORE_DATA, record
            start += len(record) + _AROUND_DATA
    except OSError as error:
        raise SearchError(f"cannot read {shown(path)}: {error.strerror or error}") from error
    except tf.errors.OpError:
        raise SearchError(
            f"{shown(path)} is damaged, cut short or compressed at byte {start}: restore it, or write it uncompressed"
        ) from None


def _example(record: bytes, keys: Keys, where: str) -> tuple[bytes, int, str]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features: Mapping[str, Any] = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        raise SearchError(f"{where} is not a tf.train.Example") from None
    for key in (keys.image, keys.label):
        if key not in features:
            there = ", ".join(sorted(features)) or "nothing"
            raise SearchError(f"{where} has no feature {key}: it has {shown(there)}")
    image, label = features[keys.image].bytes_list.value, features[keys.label].int64_list.value
    if len(image) != 1 or len(label) != 1:
        raise SearchError(f"{where} needs one image in {keys.image} and one integer in {keys.label}")
    text = features[keys.text].bytes_list.value if keys.text in features else ()
    return image[0], label[0], text[0].decode(errors="replace") if text else ""
