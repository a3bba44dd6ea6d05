"""What `train.weights` saves in a search: accuracy after each number of epochs, with a parent's pieces and without.

    python bench/transfer_search.py [--candidates 6] [--seeds 2]

The parent is MobileNetV2 with kernels of 5 at the space's width, trained for 16 epochs on the digits; the candidates
are drawn from the space and trained for 1, 2, 4 and 8 epochs with the same seeds. Takes about 15 minutes on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import click
import numpy as np
import tf_keras
from rich.console import Console
from rich.table import Table

from mnas.data import Dataset, load_data
from mnas.tasks import task
from mnas.training.pieces import fitting_pieces
from mnas.training.recipe import Recipe
from mnas.training.train import float_predict, train
from mnas.training.transfer import Parent
from mnas.training.weight_files import read_weights, save_weights
from search_spaces import Arch, SpaceChoice, build_model

EPOCHS = (1, 2, 4, 8)
CHOICE = SpaceChoice.of("mnasnet", {"width": 0.25, "depth": 0.5, "head_filters": 64})
CLASSIFICATION = task("classification")


def accuracy(arch: Arch, data: Dataset, epochs: int, seed: int, parent: Parent | None) -> float:
    """Of a candidate on the validation split, after so many epochs."""
    model = trained(arch, data, epochs, seed, parent)
    found = CLASSIFICATION.judge(float_predict(model), data.validation)
    tf_keras.backend.clear_session()
    return found


def trained(arch: Arch, data: Dataset, epochs: int, seed: int, parent: Parent | None) -> tf_keras.Model:
    """A network that starts at random, or from a parent's pieces."""
    recipe = Recipe(epochs=epochs, shift=1)
    momentum = recipe.batch_norm_momentum(len(data.train))
    model = build_model(arch, data.input_shape, 10, dropout=0.0, batch_norm_momentum=momentum, seed=seed)
    if parent:
        fitting_pieces(model, parent, data.class_names)
    train(model, CLASSIFICATION, data, recipe, seed=seed)
    return model


def parent_of(data: Dataset, folder: Path) -> Parent:
    """Wide enough for most candidates."""
    wide = CHOICE.reference("mobilenet-v2", data.input_shape)
    blocks = tuple(replace(one, kernel=5, expansion=6, layers=one.layers + 1) for one in wide.blocks)
    model = trained(replace(wide, blocks=blocks, activation="relu"), data, 16, 0, None)
    save_weights(model, folder / "weights.npz", data.class_names)
    return Parent("parent", "parent", read_weights(folder / "weights.npz"))


@click.command()
@click.option("--candidates", default=6, show_default=True, help="Networks drawn from the space.")
@click.option("--seeds", default=2, show_default=True, help="Trainings of each.")
def main(candidates: int, seeds: int) -> None:
    """Prints mean accuracies on the validation split."""
    data = load_data("digits", image_size=16, channels=1)
    space = CHOICE.space(data.input_shape)
    rng = np.random.default_rng(0)
    drawn = [space.decode(space.sample(rng)) for _ in range(candidates)]
    table = Table(
        "epochs", "random start", "pieces of a parent", title=f"{candidates} candidates, {seeds} seeds, accuracy in %"
    )
    with TemporaryDirectory() as folder:
        parent = parent_of(data, Path(folder))
        for epochs in EPOCHS:
            means = [
                mean(accuracy(arch, data, epochs, seed, start) for arch in drawn for seed in range(seeds))
                for start in (None, parent)
            ]
            table.add_row(str(epochs), *(f"{100 * one:.1f}" for one in means))
    Console().print(table)


if __name__ == "__main__":
    main()
