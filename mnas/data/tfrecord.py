"""TFRecord files as TensorFlow's own examples write them: `image/encoded` and `image/class/label`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mnas.data.layout import split_in
from mnas.data.names import examples, shown
from mnas.data.records import Keys, records_source
from mnas.data.source import Source
from mnas.errors import SearchError

_KEYS = Keys("image/encoded", "image/class/label", "image/class/text")
_SHARD = re.compile(r"(.*)-(\d{5,})-of-(\d{5,})(.*)")


def tfrecord(pattern: Path, image_size: int, channels: int) -> Source:
    """A folder of TFRecord files, or those that a pattern finds.

    The split of a file is told by its name (`train-00000-of-00004`, `flowers_validation.tfrecord`); where no name tells
    any, all of them are for training.

    Raises:
        SearchError: No such files, files whose split is unclear, missing shards, or damage.
    """
    root = pattern if pattern.is_dir() else pattern.parent
    files = sorted(file for file in root.glob("*" if root == pattern else pattern.name) if file.is_file())
    if root == pattern:
        files = [file for file in files if "tfrec" in file.name.lower() or _SHARD.fullmatch(file.name)]
    if not files:
        raise SearchError(f"no TFRecord files at {shown(pattern)}: give a folder of them, or a pattern such as DIR/t*")
    _check_shards(files)
    return records_source(root, _by_split(files), _KEYS, (image_size, channels))


def _by_split(files: Sequence[Path]) -> dict[str, list[Path]]:
    shards: dict[str | None, list[Path]] = {}
    for file in files:
        shards.setdefault(split_in(file.name), []).append(file)
    unclear = shards.pop(None, [])
    if not shards:
        return {"train": unclear}
    if unclear:
        raise SearchError(f"which split is {examples(unclear)}? Put train, validation or test into the name")
    found = {str(split): named for split, named in shards.items()}
    if "train" not in found:
        raise SearchError(f"none of {examples(files)} is called train")
    return found


def _check_shards(files: Sequence[Path]) -> None:
    """Files called 00000-of-00004 must be four: a data set that shrinks silently is worse than none."""
    names = {file.name for file in files}
    for file in files:
        if found := _SHARD.fullmatch(file.name):
            before, _, count, behind = found.groups()
            every = [f"{before}-{number:0{len(count)}}-of-{count}{behind}" for number in range(int(count))]
            missing = [name for name in every if name not in names]
            if missing:
                raise SearchError(f"{shown(file)} is one of {int(count)} files, and {examples(missing)} is missing")
