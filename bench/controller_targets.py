"""One controller for several targets against one search a target, at the same total number of evaluations.

    python bench/controller_targets.py [--table FILE] [--seeds 20] [--evaluations 150]

Every evaluation is scored for every target in both cases, so that separate searches also profit from each other's
finds, afterwards. Regret is that of each target's incumbent, averaged over the targets, x 1e-5.
"""

from pathlib import Path

import click
import numpy as np
from quality.searches import control
from quality.tables import MACRO, OWN, load, reward_of
from quality.tables import Table as TabularBenchmark
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mnas.controllers.blas import one_thread
from mnas.controllers.settings import settings_for

_MARKS = (30, 60, 90, 120, 150, 210, 300)


def together(table: TabularBenchmark, rewards: np.ndarray, seed: int, budget: int) -> list[int]:
    """Rows that one controller evaluates for all targets; ``rewards`` is ``[rows, targets]``."""
    rows: list[int] = []

    def evaluate(tokens: tuple[int, ...]) -> tuple[float, ...]:
        rows.append(table.rows[tokens])
        return tuple(rewards[rows[-1]].tolist())

    control(settings_for("ppo"), table.steps, evaluate, seed, budget, goals=rewards.shape[1])
    return rows


def apart(table: TabularBenchmark, rewards: np.ndarray, seed: int, budget: int) -> list[int]:
    """Rows that separate searches evaluate, taking turns: one of each, then the next of each."""
    count = rewards.shape[1]
    each = [together(table, rewards[:, [goal]], seed * count + goal, budget // count) for goal in range(count)]
    return [row for turn in zip(*each, strict=True) for row in turn]


@click.command()
@click.option("--table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--targets", default="0.15,0.4,0.8", show_default=True, help="Quantiles of the table's cost, or costs.")
@click.option("--reward", type=click.Choice(["soft", "hard"]), default="hard", show_default=True)
@click.option("--seeds", default=20, show_default=True)
@click.option("--evaluations", default=150, show_default=True)
def main(table: Path | None, targets: str, reward: str, seeds: int, evaluations: int) -> None:
    """Compare one controller for several targets with separate searches."""
    path = table or (MACRO if MACRO.exists() else OWN)
    loaded = load(path)
    wanted = [float(word) for word in targets.split(",")]
    rewards = np.stack([reward_of(loaded, reward, goal)(loaded.accuracy, loaded.cost) for goal in wanted], axis=1)
    evaluations -= evaluations % len(wanted)
    marks = [mark for mark in _MARKS if mark < evaluations] + [evaluations]
    shown = Table(title=f"mean regret x 1e-5 over targets {targets}, {path.name}, {seeds} seeds", box=None)
    for heading in ("", *map(str, marks)):
        shown.add_column(heading, justify="right")
    with one_thread():
        for name, search in (("one controller", together), ("separate searches", apart)):
            regrets = []
            for seed in track(range(seeds), name):
                rows = search(loaded, rewards, seed, evaluations)
                regrets.append([(rewards.max(axis=0) - rewards[rows[:mark]].max(axis=0)).mean() for mark in marks])
            mean = 1e5 * np.mean(regrets, axis=0)
            error = 1e5 * np.std(regrets, axis=0, ddof=1) / np.sqrt(seeds)
            shown.add_row(name, *(f"{centre:.1f} ± {spread:.1f}" for centre, spread in zip(mean, error, strict=True)))
    Console(width=140).print(shown)


if __name__ == "__main__":
    main()
