"""Makes the tables of cells: every network of a small space, trained.

    python bench/quality/make_cells.py cells-digits           756 networks, some 35 minutes per seed on one core
    python bench/quality/make_cells.py cells-fashion          441 networks, some 45 minutes per seed on one core
    python bench/quality/make_cells.py cells-fashion-pnas     756 networks, some 55 minutes per seed on one core

Networks that are the same by another spelling are trained once. Trainings are kept under bench/results as they end, so
the same command resumes; the table is written whenever a seed is complete. The cost is the MACs of the network, which
stand for a latency: no device was timed.
"""

import csv
import gzip
import io
import os
import statistics
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import click

from mnas.data import Dataset, load_data
from quality.cells import CELL_TABLES, CellTable, spellings
from quality.stored import finish
from search_spaces.catalog import cost
from search_spaces.decision import Tokens

RESULTS = Path(__file__).parents[1] / "results"
_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Task:
    """One training; picklable, for a worker process."""

    table: str
    tokens: Tokens
    seed: int


@cache
def _data(table: str) -> Dataset:
    """The images in their splits."""
    about = CELL_TABLES[table]
    return load_data(
        about.source,
        image_size=about.image_size,
        channels=1,
        limit=about.limit,
        validation_share=about.validation_share,
        test_share=0.03,
    )


def run(task: Task) -> float:
    """Accuracy of one training on the validation split."""
    import tf_keras

    from mnas.tasks import task as task_named
    from mnas.training.train import float_predict, train
    from search_spaces import build_model

    about, data, judged = CELL_TABLES[task.table], _data(task.table), task_named("classification")
    tf_keras.backend.clear_session()
    momentum = about.recipe.batch_norm_momentum(len(data.train))
    arch = about.space().decode(task.tokens)
    model = build_model(arch, data.input_shape, _CLASSES, dropout=0.0, batch_norm_momentum=momentum, seed=task.seed)
    train(model, judged, data, about.recipe, seed=task.seed)
    return judged.judge(float_predict(model), data.validation)


def write(about: CellTable, accuracies: dict[Tokens, list[float]], path: Path) -> None:
    """The table: decisions, empty where a smaller cell has none, accuracies, their mean, MACs."""
    space, shape = about.space(), (about.image_size, about.image_size, 1)
    names = [decision.name for decision in space.decisions]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    seeds = min(map(len, accuracies.values()))
    writer.writerow([*names, *(f"accuracy_{seed}" for seed in range(seeds)), "accuracy", "macs"])
    for tokens, found in accuracies.items():
        choices = space.choices(tokens)
        blank = [""] * (len(names) - len(choices))
        shown = [f"{value:.4f}" for value in (*found[:seeds], statistics.fmean(found[:seeds]))]
        writer.writerow([*choices, *blank, *shown, cost(space.decode(tokens), shape, _CLASSES).macs])
    path.write_bytes(gzip.compress(file.getvalue().encode(), mtime=0))
    click.echo(f"{path.name}: {len(accuracies)} networks, {seeds} seeds, {path.stat().st_size} bytes")


@click.command()
@click.argument("name", type=click.Choice(list(CELL_TABLES)))
@click.option("--seeds", type=int, help="Trainings of each network.  [1]")
@click.option("--workers", default=1, show_default=True, help="Trainings at a time, each on one core.")
def main(name: str, seeds: int | None, workers: int) -> None:
    """Train what is missing, one seed after the other, and write the table."""
    for kind in ("INTRA", "INTER"):  # of the worker, when it loads TensorFlow
        os.environ[f"TF_NUM_{kind}OP_THREADS"] = "1"
    about = CELL_TABLES[name]
    networks = sorted(set(spellings(about.space()).values()), key=lambda tokens: (len(tokens), tokens))
    accuracies: dict[Tokens, list[float]] = {tokens: [] for tokens in networks}
    for seed in range(seeds or about.seeds):
        done = finish(
            [Task(name, tokens, seed) for tokens in networks],
            run,
            RESULTS / f"{name}.jsonl",
            workers=workers,
            title=f"{name}, seed {seed}",
            to_record=lambda accuracy: {"accuracy": accuracy},
            from_record=lambda record: float(record["accuracy"]),
        )
        for task, accuracy in done.items():
            accuracies[task.tokens].append(accuracy)
        write(about, accuracies, about.path)


if __name__ == "__main__":
    main()
