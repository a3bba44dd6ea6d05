"""How shared weights rank networks of the demo's space on Fashion-MNIST, against trainings of their own.

    python bench/sharing.py [--epochs 40] [--seed 0]

The trainings alone take some 20 minutes on two cores, the shared weights some 15 on one. The images are those of
Debian's package dataset-fashion-mnist, 6,600 to train on and 5,400 to judge by, at 28 pixels.
Everything is kept under bench/results/sharing, and the same command resumes.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from mnas.data import load_data, save_dataset
from mnas.records import Ranked
from mnas.search.shared import drawn
from mnas.sharing.jobs import JudgeShared, Supernet, TrainShared
from mnas.sharing.sampling import Sampling
from mnas.sharing.trust import trust
from mnas.tasks import task
from mnas.training.jobs import CandidateJobs
from mnas.training.recipe import Recipe
from mnas.training.workers import open_workers
from search_spaces import SpaceChoice, arch_hash, to_json

RESULTS = Path(__file__).parent / "results" / "sharing"
FASHION = "idx:/usr/share/datasets/fashion-mnist"
SHAPE, CLASSES, NETWORKS = (28, 28, 1), 10, 30
CHOICE = SpaceChoice.of("mnasnet", {"width": 0.25, "depth": 0.5, "head_filters": 64})
RECIPE = Recipe(epochs=4)
CALIBRATION, JUDGED = 512, 2000


@click.command()
@click.option("--epochs", default=40, show_default=True, help="Epochs of the shared weights.")
@click.option("--seed", default=0, show_default=True, help="Seed of the networks and the shared weights.")
@click.option("--sampling", type=click.Choice(["uniform", "sandwich"]), default="uniform", show_default=True)
@click.option("--rate", type=float, default=0.1, show_default=True, help="Learning rate of the shared weights.")
@click.option("--workers", type=int, default=2, show_default=True, help="Processes.")
def main(epochs: int, seed: int, sampling: Sampling, rate: float, workers: int) -> None:
    """Train networks alone and shared weights, and compare the two rankings."""
    data = RESULTS / "data"
    if not data.exists():
        images = load_data(
            FASHION, image_size=28, channels=1, validation_share=0.45, test_share=0.05, limit=14_000, seed=0
        )
        save_dataset(images, data)
    jobs = CandidateJobs(data, RECIPE, 0, "float32")
    networks = {arch_hash(one): one for one in drawn(CHOICE.space(SHAPE), NETWORKS, seed)}
    recipe = replace(RECIPE, epochs=epochs, optimizer="sgd", learning_rate=rate)
    supernet = Supernet(CHOICE, data, recipe, sampling, 0.25, seed, RESULTS / f"{sampling}-{epochs}-{rate:g}-{seed}")
    with open_workers(workers, RESULTS / "logs") as executor:
        trained = None if supernet.trained else executor.submit(TrainShared(supernet), "shared weights")
        alone = {
            name: executor.submit(jobs.evaluation(one, RESULTS / "alone" / name), name)
            for name, one in networks.items()
        }
        values = {name: future.result() for name, future in alone.items()}
        if trained is not None:
            trained.result()
        judge = JudgeShared(supernet, tuple(map(to_json, networks.values())), CALIBRATION, JUDGED)
        shared = executor.submit(judge, "judge").result()
    ranked = [
        Ranked(hash=name, shared=one, value=values[name].value, macs=values[name].macs)
        for name, one in zip(networks, shared, strict=True)
    ]
    found = trust(ranked, task("classification").metric, seed)
    print(f"seed {seed}, {sampling}, {epochs} epochs, mean of the shared values {np.mean(shared):.3f}: {found.words()}")


if __name__ == "__main__":
    main()
