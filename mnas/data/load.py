"""From the name of a source to its three splits."""

import os
from collections.abc import Mapping

import numpy as np

from mnas.data.examine import examine
from mnas.data.source import Pool, Source
from mnas.data.splits import divide, subset
from mnas.data.summary import summarize
from mnas.data.types import Dataset, Split
from mnas.errors import SearchError, quoted
from mnas.home import path_at_home

SOURCES = "digits, folder:DIR, npz:FILE, idx:DIR, tfrecord:DIR, tfds:DIR, keras:NAME"

_BATCH = 32
"""Images that memory holds at the least."""


def load_data(
    source: str,
    *,
    image_size: int,
    channels: int = 3,
    validation_share: float = 0.15,
    test_share: float = 0.15,
    seed: int = 0,
    limit: int | None = None,
) -> Dataset:
    """Loads images and splits them; the same arguments and files give the same splits.

    All images get one scale, and `Dataset.summary` tells what was read, what was passed over and what may mislead.
    A source that brings its own validation or test split keeps it; what it lacks is cut, class by class, from its
    train split.

    Args:
        source: `digits`, `folder:DIR`, `npz:FILE`, `idx:DIR`, `tfrecord:DIR` (or a pattern of files), `tfds:DIR`,
            `keras:cifar10`, `keras:cifar100`, `keras:mnist` or `keras:fashion_mnist`.
        image_size: Height and width of the images.
        channels: 1 (grey) or 3 (RGB).
        validation_share: Share of the images for the reward.
        test_share: Share of the images for the end.
        seed: Of the splits and of the choice under `limit`.
        limit: At most about so many images in all, every class and split in proportion; no other is decoded.

    Raises:
        SearchError: A source that is unknown, missing, broken, of one class, too small for its splits, laid out so
            that it can be read in two ways, or without a scale that fits all of its images.
    """
    if image_size < 1 or channels not in (1, 3):
        raise SearchError(f"images of {image_size} pixels and {channels} channels: channels are 1 or 3")
    if limit is not None and limit < 1:
        raise SearchError(f"a limit of {limit} images leaves none")
    try:
        opened = _open(source, image_size, channels)
    except OSError as error:  # a path that is too long, or lies where nobody may look
        raise SearchError(f"cannot read {quoted(source)}: {error.strerror or error}") from error
    if len(opened.class_names) < 2:
        raise SearchError(f"{source} has one class ({opened.class_names[0]}): a classifier needs images of two or more")
    rng = np.random.default_rng(seed)
    pools = _limited(opened.pools, limit, rng)
    shares = {"validation": validation_share, "test": test_share}
    cut = divide(
        pools["train"].labels,
        {name: share for name, share in shares.items() if name not in pools},
        opened.class_names,
        rng,
    )
    chosen = {
        name: pools["train"].subset(cut[name]) if name in cut else pools[name]
        for name in ("train", "validation", "test")
    }
    _check_memory(image_size, channels)
    return _dataset(source, opened, chosen)


def _check_memory(image_size: int, channels: int) -> None:
    needed = _BATCH * image_size**2 * channels * np.dtype(np.float32).itemsize
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise SearchError(
            f"{_BATCH} images of {image_size}x{image_size} pixels take {needed / 2**30:,.0f} GiB, and this machine"
            f" has {memory / 2**30:,.0f} GiB of memory: lower data.image_size"
        )


def _dataset(source: str, opened: Source, pools: Mapping[str, Pool]) -> Dataset:
    """Looks at the chosen images of all splits, which puts them on the one scale that all of them tell."""
    found = examine(pools)
    splits = {name: Split(pool.images, pool.labels) for name, pool in found.pools.items()}
    names = {name: pool.name for name, pool in pools.items()}
    notes = (*found.notes, *opened.notes)
    summary = summarize(source, opened.class_names, splits, names, found.digests, notes)
    return Dataset(source, opened.class_names, **splits, summary=summary)


def _open(source: str, image_size: int, channels: int) -> Source:
    kind, colon, rest = source.partition(":")
    match kind:
        case "digits" if not colon:
            from mnas.data.digits import digits

            return digits(image_size, channels)
        case "folder" if rest:
            from mnas.data.folder import folder

            return folder(path_at_home(rest), image_size, channels)
        case "npz" if rest:
            from mnas.data.arrays import npz

            return npz(path_at_home(rest), image_size, channels)
        case "keras" if rest:
            from mnas.data.keras_sets import keras_set

            return keras_set(rest, image_size, channels)
        case "idx" if rest:
            from mnas.data.idx import idx

            return idx(path_at_home(rest), image_size, channels)
        case "tfrecord" if rest:
            from mnas.data.tfrecord import tfrecord

            return tfrecord(path_at_home(rest), image_size, channels)
        case "tfds" if rest:
            from mnas.data.tfds import tfds

            return tfds(path_at_home(rest), image_size, channels)
    raise SearchError(f"no data source {quoted(source)}: one of {SOURCES}")


def _limited(pools: Mapping[str, Pool], limit: int | None, rng: np.random.Generator) -> dict[str, Pool]:
    if limit is None:
        return dict(pools)
    total = sum(len(pool.labels) for pool in pools.values())
    return {
        name: pool.subset(subset(pool.labels, max(1, round(limit * len(pool.labels) / total)), rng))
        for name, pool in pools.items()
    }
