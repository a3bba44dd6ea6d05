"""Stratified, seeded splits: each class is divided in the same proportions."""

from collections.abc import Mapping, Sequence

import numpy as np

from mnas.errors import SearchError


def subset(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of `count` images, the classes in the proportions of `labels` and none of them lost.

    Args:
        labels: int64 [n].
        count: How many to keep; all when there are no more.
        rng: Chooses.
    """
    if count >= len(labels):
        return np.arange(len(labels))
    shares = np.bincount(labels) * count / len(labels)
    keep = np.maximum(np.floor(shares).astype(int), (shares > 0).astype(int))
    for label in np.argsort(keep - shares, kind="stable")[: max(0, count - int(keep.sum()))]:
        keep[label] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == label))[:kept] for label, kept in enumerate(keep)]
    return np.sort(np.concatenate(chosen))


def divide(
    labels: np.ndarray, shares: Mapping[str, float], class_names: Sequence[str], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Cuts one pool into parts.

    Args:
        labels: int64 [n].
        shares: Share of each class that goes into each named part, at least one image; the rest is `train`.
        class_names: For the error.
        rng: Shuffles.

    Returns:
        Sorted indices of `train` and of every part in `shares`; they are disjoint and cover the pool.

    Raises:
        SearchError: A share is out of range, or a class has too few images to be in every part.
    """
    for name, share in shares.items():
        if not 0 < share < 1:
            raise SearchError(f"the {name} share is {share:g}: it must lie between 0 and 1")
    if sum(shares.values()) >= 1:
        raise SearchError(f"the {' and '.join(shares)} shares leave no image to train on: lower them")
    parts: dict[str, list[np.ndarray]] = {"train": [], **{name: [] for name in shares}}
    for label, class_name in enumerate(class_names):
        rest = rng.permutation(np.flatnonzero(labels == label))
        needed = len(shares) + 1
        if len(rest) < needed:
            raise SearchError(
                f"class {class_name!r} has {len(rest)} image(s): {needed} are needed, one for each of"
                f" {', '.join(parts)}; add images or leave the class out"
            )
        sizes = {name: max(1, round(share * len(rest))) for name, share in shares.items()}
        while sum(sizes.values()) >= len(rest):
            largest = max(sizes, key=lambda name: sizes[name])
            sizes[largest] -= 1
        for name, size in sizes.items():
            parts[name].append(rest[:size])
            rest = rest[size:]
        parts["train"].append(rest)
    return {name: np.sort(np.concatenate(indices)) for name, indices in parts.items()}
