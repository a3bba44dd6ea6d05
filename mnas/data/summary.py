"""What a user is told about the images that were read, before hours are spent on them."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from device_bench.terminal import counted
from mnas.data.names import examples, shown
from mnas.data.scale import Stored
from mnas.data.types import Split

_FEW_IMAGES = 10
_WIDTH = 110


def summarize(
    source: str,
    class_names: Sequence[str],
    splits: Mapping[str, Split],
    names: Mapping[str, Callable[[int], str]],
    digests: Mapping[str, np.ndarray],
    notes: Sequence[str],
) -> tuple[str, ...]:
    """Counts per class and split, the notes, then what is likely to mislead.

    Args:
        source: As it was asked for.
        class_names: One name per class.
        splits: By name, `train` first.
        names: From the index of an image in each split to its name.
        digests: Of the pixels of each image in each split: bytes, `[count]`.
        notes: What is known of the source and its scale; lines that begin with `warning:` are moved to the end.
    """
    counts = {name: np.bincount(split.labels, minlength=len(class_names)) for name, split in splits.items()}
    total = sum(len(split) for split in splits.values())
    sizes = ", ".join(f"{len(split)} {name}" for name, split in splits.items())
    lines = [f"{shown(source)}: {counted(total, 'image')} of {counted(len(class_names), 'class', 'classes')}: {sizes}"]
    per_class = ", ".join(
        f"{class_name}: {' + '.join(str(count[label]) for count in counts.values())}"
        for label, class_name in enumerate(class_names)
    )
    lines += textwrap.wrap(f"per class ({' + '.join(splits)}): {per_class}", _WIDTH, subsequent_indent="  ")
    warnings = [note for note in notes if note.startswith("warning:")]
    lines += [note for note in notes if note not in warnings]
    return (*lines, *warnings, *_tiny(class_names, counts), *_repeated(class_names, splits, names, digests))


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
    class_names: Sequence[str],
    splits: Mapping[str, Split],
    names: Mapping[str, Callable[[int], str]],
    digests: Mapping[str, np.ndarray],
) -> list[str]:
    """Images with the same pixels in two splits, where they flatter the accuracy, and in two classes."""
    places = [(name, index) for name, split in splits.items() for index in range(len(split))]
    labels = np.concatenate([split.labels for split in splits.values()])
    pixels = np.concatenate([digests[name] for name in splits])
    _, first, same = np.unique(pixels, return_index=True, return_inverse=True)
    across_splits, across_classes = [], []
    for again in np.flatnonzero(first[same] != np.arange(len(labels))).tolist():
        before = int(first[same[again]])
        (name, index), (other, place) = places[again], places[before]
        here, there = names[name](index), names[other](place)
        if other != name:
            across_splits.append(f"{here} ({name}) = {there} ({other})")
        if labels[before] != labels[again]:
            across_classes.append(f"{here} ({class_names[labels[again]]}) = {there} ({class_names[labels[before]]})")
    found = {"two splits": across_splits, "two classes": across_classes}
    return [
        f"warning: same pixels in {where}, {counted(len(pairs), 'time', 'times')}: {examples(pairs)}"
        for where, pairs in found.items()
        if pairs
    ]
