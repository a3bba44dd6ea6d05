"""Accuracy against training images per class, with weights to start from and without, on two pairs of sets.

    python bench/transfer.py [--set stamps] [--set fashion] [--figure docs/images/transfer.png]

stamps: EfficientNet-Lite0 with its ImageNet weights (fetched by pip once) learns six classes of pictures of Debian's
package tuxpaint-stamps-default at 160 pixels. A new head is fitted to the features of the frozen network, then the
blocks from the sixth on are tuned. fashion: a small MnasNet that has learned five classes of Fashion-MNIST (Debian's
dataset-fashion-mnist) learns the other five. Every cell is stored in bench/results/transfer and not computed again. All
cells take about 15 minutes on two cores; one with ImageNet weights takes less than one.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gzip
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import click
import numpy as np
import tf_keras
from public_packages import LITE0, package_file
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from mnas.data import Dataset, Split, load_data
from mnas.files import read_json, write_json
from mnas.search.parents import open_parent
from mnas.tasks import task
from mnas.training.recipe import Recipe
from mnas.training.train import float_predict, train
from mnas.training.transfer import freeze_up_to, initial_weights
from mnas.training.weight_files import save_weights
from search_spaces import Graph, SpaceChoice, build_graph, lower, published

RESULTS = Path(__file__).parent / "results" / "transfer"
SEEDS = range(3)
STAMPS = Path("/usr/share/tuxpaint/stamps")
STAMP_CLASSES = ("animals", "food", "household", "plants", "symbols", "vehicles")
FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
SCRATCH = Recipe(epochs=20, batch_size=16, learning_rate=0.002, dropout=0.2, flip=True)
TUNED = replace(SCRATCH, epochs=10, learning_rate=0.0005)
CLASSIFICATION = task("classification")


@dataclass(frozen=True)
class Experiment:
    """A set, and how it is learned with weights and without.

    Attributes:
        title: Of its figure.
        images: float32 in [0, 1].
        labels: Of each image.
        classes: Their names.
        tested: Images per class that are held out.
        sizes: Training images per class, at most.
        learn: Data, seed and one of `STARTS` -> the trained network.
    """

    title: str
    images: np.ndarray
    labels: np.ndarray
    classes: Sequence[str]
    tested: int
    sizes: Sequence[int]
    learn: Callable[[Dataset, int, str], tf_keras.Model]

    def data(self, size: int, seed: int) -> Dataset:
        """Images drawn for a cell; the held-out ones are the same for all sizes of a seed."""
        rng = np.random.default_rng(seed)
        order = [rng.permutation(np.flatnonzero(self.labels == label)) for label in range(len(self.classes))]
        test = self._split([one[: self.tested] for one in order])
        return Dataset(
            self.title,
            tuple(self.classes),
            self._split([one[self.tested : self.tested + size] for one in order]),
            test,
            test,
        )

    def _split(self, chosen: Sequence[np.ndarray]) -> Split:
        indices = np.concatenate(chosen)
        return Split(self.images[indices], self.labels[indices])


def stamps() -> Experiment:
    """Six kinds of stamps, each with all pictures below its folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name in STAMP_CLASSES:
            (Path(folder) / name).mkdir()
            for number, picture in enumerate(sorted((STAMPS / name).rglob("*.png"))):
                (Path(folder) / name / f"{number}.png").symlink_to(picture)
        data = load_data(f"folder:{folder}", image_size=160)
        splits = (data.train, data.validation, data.test)
        images = np.concatenate([one.inputs[:] for one in splits])
    weights = package_file(*LITE0)

    def learn(data: Dataset, seed: int, start: str) -> tf_keras.Model:
        graph = lower(published("efficientnet-lite0"), data.input_shape, len(data.class_names))
        if start == "scratch":
            return trained(graph, data, SCRATCH, seed)
        parent = open_parent(f"imagenet:{weights}", graph)
        model = build_graph(parent.fronted(graph), dropout=TUNED.dropout, seed=seed)
        initial_weights(model, parent, data.class_names)
        fit_head(model, data)
        freeze_up_to(model, "block5")
        train(model, CLASSIFICATION, data, TUNED, seed=seed)
        return model

    labels = np.concatenate([one.targets for one in splits])
    title = "ImageNet to six kinds of stamps"
    return Experiment(title, images, labels, data.class_names, 10, (2, 6, 24, 60), learn)


def fit_head(model: tf_keras.Model, data: Dataset) -> None:
    """Fits the classifier to the features of the rest, which are computed once."""
    trunk = tf_keras.Model(model.input, model.get_layer("pool").output)
    features = trunk.predict(data.train.inputs[:], verbose=0).reshape(len(data.train), -1)
    fitted = LogisticRegression(C=0.1, max_iter=300, class_weight="balanced").fit(features, data.train.targets)
    model.get_layer("classifier").set_weights([fitted.coef_.T, fitted.intercept_])


def trained(graph: Graph, data: Dataset, recipe: Recipe, seed: int) -> tf_keras.Model:
    """A network that starts from random weights."""
    momentum = recipe.batch_norm_momentum(len(data.train))
    model = build_graph(graph, dropout=recipe.dropout, batch_norm_momentum=momentum, seed=seed)
    train(model, CLASSIFICATION, data, recipe, seed=seed)
    return model


def fashion() -> Experiment:
    """Sandal to boot, for a network that knows T-shirt to coat."""
    images, labels = (
        np.frombuffer(gzip.decompress((FASHION / f"train-{kind}-ubyte.gz").read_bytes()), np.uint8)[skipped:]
        for kind, skipped in (("images-idx3", 16), ("labels-idx1", 8))
    )
    images = images.reshape(-1, 28, 28, 1)[:20_000].astype(np.float32) / 255
    labels = labels[:20_000].astype(np.int64)
    first = labels < 5
    arch = SpaceChoice.of("mnasnet", {"width": 0.5, "head_filters": 256}).reference("mnasnet-small", (28, 28, 1))
    graph = lower(arch, (28, 28, 1), 5)
    recipe = replace(SCRATCH, flip=False)

    def parent() -> Path:
        place = RESULTS / "parent.npz"
        if not place.exists():
            known = Experiment("parent", images[first], labels[first], FASHION_CLASSES[:5], 10, (), learn).data(1000, 0)
            long = replace(recipe, epochs=6, batch_size=32, learning_rate=0.004)
            save_weights(trained(graph, known, long, 0), place, FASHION_CLASSES[:5])
        return place

    def learn(data: Dataset, seed: int, start: str) -> tf_keras.Model:
        if start == "scratch":
            return trained(graph, data, recipe, seed)
        found = open_parent(str(parent()), graph)
        momentum = recipe.batch_norm_momentum(len(data.train))
        model = build_graph(graph, dropout=recipe.dropout, batch_norm_momentum=momentum, seed=seed)
        initial_weights(model, found, data.class_names)
        train(model, CLASSIFICATION, data, recipe, seed=seed)
        return model

    title = "Five classes of Fashion-MNIST to the other five"
    return Experiment(title, images[~first], labels[~first] - 5, FASHION_CLASSES[5:], 400, (2, 8, 32, 128), learn)


EXPERIMENTS = {"stamps": stamps, "fashion": fashion}
STARTS = ("weights", "scratch")


def cell(name: str, experiment: Experiment, size: int, start: str, seed: int) -> dict[str, float]:
    """The accuracy of one cell and its seconds, computed or found."""
    place = RESULTS / f"{name}-{size}-{start}-{seed}.json"
    if not place.exists():
        began = time.monotonic()
        data = experiment.data(size, seed)
        model = experiment.learn(data, seed, start)
        accuracy = CLASSIFICATION.judge(float_predict(model), data.test)
        write_json(place, {"accuracy": accuracy, "seconds": round(time.monotonic() - began, 1)})
        tf_keras.backend.clear_session()
    return dict(read_json(place))


Cells = dict[tuple[str, int], list[dict[str, float]]]


def draw(found: dict[str, tuple[Experiment, Cells]], place: Path) -> None:
    """One panel per experiment: means, and every seed as a dot."""
    from reports.figures import style

    with style.style():
        figure, panels = style.new_figure(3.8 * len(found), 3.0, columns=len(found))
        for axes, (experiment, cells) in zip(panels, found.values(), strict=True):
            for index, start in enumerate(STARTS):
                values = [[100 * one["accuracy"] for one in cells[start, size]] for size in experiment.sizes]
                color, marker = style.COLORS[index], style.MARKERS[index]
                axes.plot(experiment.sizes, [mean(one) for one in values], color=color, marker=marker, label=start)
                for size, one in zip(experiment.sizes, values, strict=True):
                    axes.plot([size] * len(one), one, ".", color=color, markersize=3)
            axes.set(xscale="log", ylim=(0, 100), title=experiment.title)
            axes.set_xticks(experiment.sizes, [str(size) for size in experiment.sizes], minor=False)
            axes.minorticks_off()
            axes.set(xlabel="training images per class, at most", ylabel="accuracy on held-out images (%)")
            axes.legend()
        style.save(figure, place)


@click.command()
@click.option("--set", "names", multiple=True, type=click.Choice([*EXPERIMENTS]), help="Which; all by default.")
@click.option("--figure", type=click.Path(path_type=Path), help="Where the figure goes, a .png.")
def main(names: tuple[str, ...], figure: Path | None) -> None:
    """Computes what is missing and prints all of it."""
    found: dict[str, tuple[Experiment, Cells]] = {}
    for name in names or EXPERIMENTS:
        experiment = EXPERIMENTS[name]()
        cells: Cells = {
            (start, size): [cell(name, experiment, size, start, seed) for seed in SEEDS]
            for start in STARTS
            for size in experiment.sizes
        }
        found[name] = experiment, cells
        table = Table("images per class", *STARTS, "seconds", title=experiment.title)
        for size in experiment.sizes:
            shown = [" ".join(f"{100 * one['accuracy']:.1f}" for one in cells[start, size]) for start in STARTS]
            spent = ", ".join(f"{mean(one['seconds'] for one in cells[start, size]):.0f}" for start in STARTS)
            table.add_row(str(size), *shown, spent)
        Console().print(table)
    if figure:
        draw(found, figure)


if __name__ == "__main__":
    main()
