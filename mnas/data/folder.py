"""A folder of images, one sub-folder per class."""

from pathlib import Path

import numpy as np

from mnas.data.encoded import EncodedImages
from mnas.data.kinds import can_read_heic
from mnas.data.layout import split_folders, warn_of_splits
from mnas.data.leftovers import passed_over, refuse_unusable
from mnas.data.names import shown
from mnas.data.places import Places
from mnas.data.source import Pool, Source
from mnas.data.tree import Folder, read_tree
from mnas.errors import SearchError


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
    pools = {split: _pool(root, where, labels, image_size, channels) for split, where in splits.items()}
    return Source(tuple(one.name for one in classes), pools, (left, *warn_of_splits(classes)))


def _pool(root: Path, where: Folder, labels: dict[str, int], image_size: int, channels: int) -> Pool:
    paths, codes = [], []
    for child in where.classes:
        own = {entry.identity: entry.path for entry in reversed([*child.everything()]) if entry.use == "image"}
        paths += sorted(own.values())
        codes += [labels[child.path.name]] * len(own)
    try:
        places = Places.of_files(root, paths)
    except OSError as error:
        raise SearchError(f"cannot read {shown(error.filename)}: {error.strerror or error}") from error
    return Pool(np.array(codes, np.int64), EncodedImages(places, image_size, channels), places.name)
