"""Any algorithm on any tabular benchmark: regret and hypervolume against evaluations, over many seeds.

    python bench/controller_quality.py                                    every algorithm, 10 seeds
    python bench/controller_quality.py --seeds 100 --evaluations 500      the figures of docs/controllers.md
    python bench/controller_quality.py --table FILE.csv.gz --reward hard --target 0.3
    python bench/controller_quality.py --noise                            one training's noise, and a confirmation
    python bench/controller_quality.py --table bench/quality/cells-digits.csv.gz --seeds 50

NAS-Bench-Macro is read where it lies beside the repository, else the project's own table. Regret is the best reward
of the table less that of the incumbent, x 1e-5. Writes a CSV and a figure under bench/results,
and resumes where it was stopped.
"""

import csv
import os
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
from quality.experiment import Curves, Task, run
from quality.searches import ALGORITHMS
from quality.stored import finish
from quality.tables import MACRO, OWN, load
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results")
_MARKS = (10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 125, 150, 175, 200, 250, 300, 350, 400, 450, 500, 1000, 2000)
_SHOWN = (25, 50, 100, 200, 500)
_FIELDS = tuple(field.name for field in fields(Curves))
_OURS = {"ppo": "#c1121f", "ppo-gp": "#003049"}
_OTHERS = ("#8d99ae", "#e09f3e", "#f3c98b", "#588157", "#a3b18a", "#9d4edd", "#6c757d")


@click.command()
@click.option("--table", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV of the benchmark.")
@click.option("--algorithms", default=",".join(ALGORITHMS), show_default=True)
@click.option("--reward", type=click.Choice(["soft", "hard", "absolute"]), default="soft", show_default=True)
@click.option("--target", type=float, help="Cost aimed at, or below 1 a quantile of the table's.  [60e6 FLOPs; 0.3]")
@click.option("--seeds", default=10, show_default=True)
@click.option("--first-seed", default=0, show_default=True)
@click.option("--evaluations", default=200, show_default=True)
@click.option("--noise", is_flag=True, help="Tell the search a single training's accuracy; regret stays on the mean.")
@click.option("--canonical", is_flag=True, help="NAS-Bench-Macro: equal nets by another spelling are one.")
@click.option("--workers", default=os.cpu_count() or 1, show_default="cores")
@click.option("--name", help="Of the files written.")
def main(
    table: Path | None,
    algorithms: str,
    reward: str,
    target: float | None,
    seeds: int,
    first_seed: int,
    evaluations: int,
    noise: bool,
    canonical: bool,
    workers: int,
    name: str | None,
) -> None:
    """Compare algorithms on a tabular benchmark."""
    path = table or (MACRO if MACRO.exists() else OWN)
    if target is None:
        target = 60e6 if path == MACRO else 0.3
    names = tuple(algorithms.split(","))
    unknown = [word for word in names if word not in ALGORITHMS]
    if unknown:
        raise click.UsageError(f"algorithm {unknown[0]!r} is unknown: use {', '.join(ALGORITHMS)}")
    size = len(load(path).accuracy)
    if evaluations > size:
        raise click.UsageError(f"{path.name} has {size} architectures: ask for at most so many evaluations")
    marks = tuple(sorted({*(mark for mark in _MARKS if mark < evaluations), evaluations}))
    chosen = range(first_seed, first_seed + seeds)
    tasks = [Task(path, word, reward, target, seed, marks, noise, canonical) for seed in chosen for word in names]
    stem = name or f"{load(path).name}-{reward}{'-noise' if noise else ''}{'-canonical' if canonical else ''}"
    done = finish(
        tasks,
        run,
        RESULTS / f"{stem}.jsonl",
        workers=workers,
        title=f"{path.name}, {reward}",
        to_record=Curves.to_record,
        from_record=Curves.from_record,
    )
    results = {word: [done[task] for task in tasks if task.algorithm == word] for word in names}
    write_csv(RESULTS / f"{stem}.csv", results, marks)
    draw(RESULTS / f"{stem}.svg", results, marks, f"{path.name.split('.')[0]}, {reward} reward, {seeds} seeds")
    show(results, marks, noise, f"regret x 1e-5 on {path.name}, {reward} reward, {seeds} seeds")


def summary(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over seeds, each ``[checkpoints]``, of ``[seeds, checkpoints]``."""
    return values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1)) / np.sqrt(len(values))


def stacked(curves: list[Curves], field: str) -> np.ndarray:
    return np.array([getattr(curve, field) for curve in curves])


def show(results: dict[str, list[Curves]], marks: tuple[int, ...], noise: bool, title: str) -> None:
    shown = [place for place, mark in enumerate(marks) if mark in _SHOWN or place == len(marks) - 1]
    table = Table(title=title, header_style="bold", box=None)
    table.add_column("algorithm")
    for place in shown:
        table.add_column(str(marks[place]), justify="right")
    table.add_column(f"hypervolume at {marks[-1]}", justify="right")
    for word, curves in results.items():
        for field in ("regret", "confirmed") if noise else ("regret",):
            mean, error = summary(1e5 * stacked(curves, field))
            volume, spread = summary(stacked(curves, "hypervolume"))
            cells = [f"{mean[place]:.1f} ± {error[place]:.1f}" for place in shown]
            label = f"{word}, confirmed" if field == "confirmed" else word
            table.add_row(label, *cells, f"{volume[-1]:.4f} ± {spread[-1]:.4f}")
    Console(width=140).print(table)


def write_csv(path: Path, results: dict[str, list[Curves]], marks: tuple[int, ...]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["algorithm", "evaluations", "measure", "mean", "standard_error", "seeds"])
        for word, curves in results.items():
            for field in _FIELDS:
                mean, error = summary(stacked(curves, field))
                for mark, centre, spread in zip(marks, mean, error, strict=True):
                    writer.writerow([word, mark, field, f"{centre:.7g}", f"{spread:.3g}", len(curves)])


def draw(path: Path, results: dict[str, list[Curves]], marks: tuple[int, ...], title: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    rest = iter(_OTHERS)
    for word, curves in results.items():
        colour = _OURS.get(word) or next(rest)
        for axis, field in zip(axes, ("regret", "hypervolume"), strict=True):
            mean, error = summary(stacked(curves, field))
            axis.plot(marks, mean, label=word, color=colour, linewidth=2.6 if word in _OURS else 1.3)
            axis.fill_between(marks, mean - error, mean + error, color=colour, alpha=0.18, linewidth=0)
    # Below the threshold the axis is linear, so that a regret of exactly 0 can be drawn.
    axes[0].set_yscale("symlog", linthresh=1e-5)
    axes[0].set_ylim(bottom=0)
    axes[0].set(xlabel="evaluations", ylabel="mean regret of the incumbent", xscale="log")
    axes[1].set(xlabel="evaluations", ylabel="hypervolume, share of the table's", xscale="log")
    for axis in axes:
        axis.set_xticks([mark for mark in (10, 25, 50, 100, 200, 500, 1000, 2000) if mark <= marks[-1]])
        axis.xaxis.set_major_formatter(mpl.ticker.ScalarFormatter())
        axis.minorticks_off()
        axis.grid(alpha=0.25)
    axes[1].legend(fontsize=8, frameon=False)
    figure.suptitle(title)
    figure.savefig(path)


if __name__ == "__main__":
    main()
