"""How a folder of images is laid out: one sub-folder per class, or that once more for each split."""

import re
from collections.abc import Sequence

from mnas.data.names import examples, shown
from mnas.data.tree import Folder
from mnas.errors import SearchError

_SPLIT_NAMES = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "validate", "val", "valid", "dev", "development", "eval", "evaluation"),
    "test": ("test", "testing", "tst"),
}
_FILLERS = frozenset({"data", "dataset", "image", "images", "imgs", "set", "split"})


def split_of(name: str) -> str | None:
    """The split that a folder's name stands for: `Train`, `valid`, `test_set`, `val2017`; None for any other name."""
    words = _words(name)
    return _split_of_word(words[0]) if len(words) == 1 else None


def split_in(name: str) -> str | None:
    """The split that a word of a file's name stands for (`flowers_train.tfrecord`); None for none and for several."""
    found = {split for word in _words(name) if (split := _split_of_word(word))}
    return found.pop() if len(found) == 1 else None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W\d_]+", name.lower()) if word and word not in _FILLERS]


def _split_of_word(word: str) -> str | None:
    return next((split for split, names in _SPLIT_NAMES.items() if word.removesuffix("set") in names), None)


def split_folders(root: Folder) -> dict[str, Folder]:
    """The folder of each split; only `train`, the root itself, where there is no such layout.

    Raises:
        SearchError: Folders are called like splits but cannot all be meant as such, or as classes.
    """
    named: dict[str, list[Folder]] = {}
    for folder in root.folders:
        split = split_of(folder.path.name)
        if split:
            named.setdefault(split, []).append(folder)
    filled = {split: found for split, folders in named.items() if (found := [f for f in folders if f.meant_as_images])}
    others = [folder for folder in root.classes if split_of(folder.path.name) is None]
    lone_train = list(filled) == ["train"] and not filled["train"][0].loose and bool(filled["train"][0].classes)
    if len(filled) < 2 and not lone_train:
        _refuse_splits_in_classes(root.classes)
        _refuse_misspelt_splits(root.classes)
        return {"train": root}
    if lone_train and others:
        raise SearchError(
            f"{_paths(filled['train'])} is called like a split and holds folders of its own, but stands beside"
            f" {_paths(others)}: rename it if it is a class, or move the others elsewhere"
        )
    _refuse_unclear(root, named)
    return {split: named[split][0] for split in _SPLIT_NAMES if split in named}


def _refuse_unclear(root: Folder, named: dict[str, list[Folder]]) -> None:
    """Each split has one folder, with the classes as sub-folders, and `train` is among them."""
    for split, folders in named.items():
        if len(folders) > 1:
            raise SearchError(f"{_paths(folders)} could each be the {split} split: keep one and rename the others")
        if not folders[0].classes:
            trouble = "has images, but not in class folders" if folders[0].meant_as_images else "has no images"
            raise SearchError(
                f"{_paths(folders)} is called like a split and {trouble}: give it one sub-folder per class, or move it"
                " elsewhere"
            )
    if "train" not in named:
        there = [folder for folders in named.values() for folder in folders]
        raise SearchError(f"{shown(root.path)} has {_paths(there)}, but no folder train beside them: add it")


def _refuse_splits_in_classes(classes: Sequence[Folder]) -> None:
    for folder in classes:
        inner = {split_of(child.path.name): child for child in folder.classes}
        if "train" in inner and len(inner.keys() - {None}) > 1:
            raise SearchError(
                f"{shown(folder.path)} holds splits ({', '.join(child.name for child in folder.classes)}): put the"
                " folders of the splits outermost, and the class folders into them"
            )


def _refuse_misspelt_splits(classes: Sequence[Folder]) -> None:
    """`seg_train` beside `seg_test`, or `trainval` beside `test`, with the classes in them, are not classes."""
    outer = _without_images(classes)
    alike = _hold_the_same_folders(outer)
    meant = {split for folder in outer for word in _words(folder.path.name) if (split := _split_of_word(word))}
    if len(meant) > 1 or (meant and alike):
        raise SearchError(
            f"{_paths(outer)} seem to be splits, for they hold folders and no images of their own: call them train,"
            " validation and test, with the class folders in them, or rename them if they are classes"
        )


def warn_of_splits(classes: Sequence[Folder]) -> tuple[str, ...]:
    """A line where the classes could be splits in words of another language, for they hold the same folders."""
    outer = _without_images(classes)
    if not _hold_the_same_folders(outer):
        return ()
    names, inner = examples([one.path.name for one in outer]), examples([one.name for one in outer[0].classes])
    return (
        f"warning: the classes {names} hold the same folders ({inner}): if they are splits, call them train,"
        " validation and test",
    )


def _without_images(classes: Sequence[Folder]) -> list[Folder]:
    return [folder for folder in classes if not folder.loose and folder.classes]


def _hold_the_same_folders(outer: Sequence[Folder]) -> bool:
    inner = [frozenset(child.path.name for child in folder.classes) for folder in outer]
    return len(outer) > 1 and len(set(inner)) == 1 and len(inner[0]) > 1


def _paths(folders: Sequence[Folder]) -> str:
    return " and ".join(shown(folder.path) for folder in folders)
