"""What a user is told about the images that were read, before hours are spent on them."""

import hashlib
import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mnas.data.names import counted, examples, shown
from mnas.data.scale import Stored
from mnas.data.types import Split

_FEW_IMAGES = 10
_WIDTH = 110


def summarize(
    source: str,
    class_names: Sequence[str],
    splits: Mapping[str, Split],
    names: Mapping[str, Callable[[int], str]],
    notes: Sequence[str],
) -> tuple[str, ...]:
    """Counts per class and split, the notes, then what is likely to mislead.

    Args:
        source: As it was asked for.
        class_names: One name per class.
        splits: By name, `train` first.
        names: From the index of an image in each split to its name.
        notes: What is known of the source and its scale; lines that begin with `warning:` are moved to the end.
    """
    counts = {name: np.bincount(split.labels, minlength=len(class_names)) for name, split in splits.items()}
    total = sum(len(split) for split in splits.values())
    sizes = ", ".join(f"{len(split)} {name}" for name, split in splits.items())
    lines = [f"{shown(source)}: {total} images of {counted(len(class_names), 'class', 'classes')}: {sizes}"]
    per_class = ", ".join(
        f"{class_name}: {' + '.join(str(count[label]) for count in counts.values())}"
        for label, class_name in enumerate(class_names)
    )
    lines += textwrap.wrap(f"per class ({' + '.join(splits)}): {per_class}", _WIDTH, subsequent_indent="  ")
    warnings = [note for note in notes if note.startswith("warning:")]
    lines += [note for note in notes if note not in warnings]
    return (*lines, *warnings, *_tiny(class_names, counts), *_repeated(class_names, splits, names))


def describe_further(stored: Sequence[Stored]) -> tuple[str, ...]:
    """Which files hold more pictures than the one that is used."""
    several = [one.name for one in stored if one.several]
    return (
        (f"several pictures, of which the first is used: {len(several)}, such as {examples(several)}",)
        if several
        else ()
    )


def _tiny(class_names: Sequence[str], counts: Mapping[str, np.ndarray]) -> list[str]:
    lines = []
    for split, count in counts.items():
        few = _FEW_IMAGES if split == "train" else 1
        tiny = [f"{name} ({count[label]})" for label, name in enumerate(class_names) if count[label] < few]
        if tiny:
            how = f"fewer than {few} images" if few > 1 else "no images"
            lines.append(
                f"warning: {counted(len(tiny), 'class has', 'classes have')} {how} in {split}: {examples(tiny)}"
            )
    return lines


def _repeated(
    class_names: Sequence[str], splits: Mapping[str, Split], names: Mapping[str, Callable[[int], str]]
) -> list[str]:
    """Images with the same pixels in two splits, where they flatter the accuracy, and in two classes."""
    first: dict[bytes, tuple[str, int]] = {}
    across_splits, across_classes = [], []
    for name, split in splits.items():
        for index, image in enumerate(split.images):
            digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
            other, place = first.setdefault(digest, (name, index))
            if (other, place) == (name, index):
                continue
            here, there = names[name](index), names[other](place)
            if other != name:
                across_splits.append(f"{here} ({name}) = {there} ({other})")
            if splits[other].labels[place] != split.labels[index]:
                label, another = class_names[split.labels[index]], class_names[splits[other].labels[place]]
                across_classes.append(f"{here} ({label}) = {there} ({another})")
    found = {"two splits": across_splits, "two classes": across_classes}
    return [
        f"warning: same pixels in {where}, {counted(len(pairs), 'time', 'times')}: {examples(pairs)}"
        for where, pairs in found.items()
        if pairs
    ]
