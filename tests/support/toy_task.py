"""A task of another package, as the entry point beside it announces: how large is the disc in the picture?

It is not classification: one number per picture, and a metric that is better when it is smaller.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from mnas.errors import SearchError
from mnas.files import read_npz, write_npz
from mnas.tasks import Metric, Task

SPLITS, HALVES = ("train", "validation", "test"), ("inputs", "targets")


@dataclass(frozen=True, eq=False)
class Discs:
    """Pictures `[count, height, width, channels]` and radii `[count, 1]`, as shares of the height."""

    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self):
        return len(self.targets)


@dataclass(frozen=True, eq=False)
class DiscData:
    name: str
    train: Discs
    validation: Discs
    test: Discs
    outputs: int = 1

    @property
    def summary(self):
        return (f"{self.name}: {sum(len(getattr(self, split)) for split in SPLITS)} discs",)

    @property
    def input_shape(self):
        return self.train.inputs.shape[1:]


def load(source, *, image_size, channels, validation_share, test_share, seed, limit):
    kind, _, count = source.partition(":")
    if kind != "discs" or not count.isdecimal() or int(count) < 8:
        raise SearchError(f"no data source {source!r}: discs:COUNT draws COUNT discs, at least 8")
    total = min(int(count), limit or int(count))
    rng = np.random.default_rng(seed)
    sizes = {"validation": max(1, round(total * validation_share)), "test": max(1, round(total * test_share))}
    sizes["train"] = total - sum(sizes.values())
    return DiscData(source, **{split: draw(sizes[split], image_size, channels, rng) for split in SPLITS})


def draw(count, size, channels, rng):
    radii = rng.uniform(0.1, 0.5, (count, 1)).astype(np.float32)
    ahead = (np.arange(size) + 0.5) / size - 0.5
    far = np.hypot(ahead[:, None], ahead[None, :])
    bright = (far < radii[:, :, None]) * 0.8 + rng.uniform(0, 0.2, (count, size, size))
    return Discs(np.repeat(bright[..., None], channels, axis=3).astype(np.float32), radii)


def save(data, where):
    arrays = {f"{split}_{half}": getattr(getattr(data, split), half) for split in SPLITS for half in HALVES}
    write_npz(where / "discs.npz", {**arrays, "name": np.array(data.name)})


def open_discs(where):
    arrays = read_npz(where / "discs.npz")
    try:
        splits = {split: Discs(*(arrays[f"{split}_{half}"] for half in HALVES)) for split in SPLITS}
        return DiscData(str(arrays["name"]), **splits)
    except KeyError as error:
        raise SearchError(f"{where}/discs.npz lacks {error}: delete the folder") from None


@dataclass(frozen=True)
class Regressor:
    """The mean of each channel and a fully connected layer: numbers without bounds."""

    units: int

    def append(self, graph, features):
        return (graph.dense("numbers", graph.global_pool("pool", features), self.units),)


def vary(pictures, radii, recipe, rng):
    lighter = rng.uniform(-0.05, 0.05, (len(pictures), 1, 1, 1))
    return np.clip(pictures + lighter, 0, 1).astype(np.float32), radii


def loss(data, recipe):
    import tensorflow as tf

    return lambda radii, guesses: tf.reduce_mean(tf.square(radii - guesses))


def radius_error(predict, examples):
    off = (predict(examples.inputs) - examples.targets) * examples.inputs.shape[1]
    return float(np.sqrt(np.mean(np.square(off))))


def spread(error, count):
    """Of the root of a mean of `count` squared normal errors."""
    low, high = chi2.ppf((0.975, 0.025), count)
    return error * float(np.sqrt(count / low)), error * float(np.sqrt(count / high))


DISCS = Task(
    name="discs",
    load=load,
    save=save,
    open=open_discs,
    head=Regressor,
    loss=loss,
    vary=vary,
    judge=radius_error,
    metric=Metric(
        key="radius_error",
        name="radius error",
        maximize=False,
        merit=lambda error: 1 / (1 + error),
        from_merit=lambda merit: 1 / merit - 1,
        interval=spread,
        unit=" px",
        decimals=2,
    ),
    outputs="numbers",
    examples="discs",
)
