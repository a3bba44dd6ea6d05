"""One seed of one algorithm on one table, and what many of them amount to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import moocore
import numpy as np

from mnas.controllers.blas import one_thread
from mnas.search.ranking import Contender, Plan, contenders, next_runs, verdict
from search_spaces.decision import Tokens

from .searches import ALGORITHMS
from .tables import Table, load, reward_of

CONFIRMATION = Plan(top=8, rounds=2, keep=4)


@dataclass(frozen=True, slots=True)
class Task:
    """What to run; picklable, for a worker process."""

    table: Path
    algorithm: str
    reward: str
    target: float
    seed: int
    checkpoints: tuple[int, ...]
    noise: bool = False
    canonical: bool = False


@dataclass(frozen=True, slots=True)
class Curves:
    """One search, at its checkpoints.

    Attributes:
        regret: Best mean reward of the table's networks of full length less that of the incumbent, at least 0,
            ``[checkpoints]``. The incumbent is the best by what the search was told.
        confirmed: The same when the last evaluations before the checkpoint go to training the top few again.
        hypervolume: Of the front of what was evaluated (mean accuracy, cost), as a share of the whole table's.
    """

    regret: np.ndarray
    confirmed: np.ndarray
    hypervolume: np.ndarray

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Curves:
        """The curves in a JSON object, which may hold more."""
        return cls(*(np.array(record[field.name]) for field in fields(cls)))

    def to_record(self) -> dict[str, Any]:
        """As a JSON object."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}


@cache
def _problem(path: Path, canonical: bool, kind: str, target: float) -> tuple[Table, np.ndarray, np.ndarray]:
    """A table, the reward of every mean accuracy ``[rows]`` and of every single one ``[rows, seeds]``."""
    table = load(path, canonical)
    reward = reward_of(table, kind, target)
    return table, reward(table.accuracy, table.cost), reward(table.seeds, table.cost[:, None])


def run(task: Task) -> Curves:
    """Searches once."""
    table, truth, again = _problem(task.table, task.canonical, task.reward, task.target)
    best = max(truth[row] for tokens, row in table.rows.items() if len(tokens) == len(table.steps.sizes))
    rng = np.random.default_rng([task.seed, 7])
    rows: list[int] = []
    told: list[float] = []
    drawn: list[int] = []

    def evaluate(tokens: Tokens) -> float:
        row = table.rows[tokens]
        which = int(rng.integers(table.seeds.shape[1]))
        rows.append(row)
        drawn.append(which)
        told.append(float(again[row, which] if task.noise else truth[row]))
        return told[-1]

    with one_thread():
        ALGORITHMS[task.algorithm](table.steps, evaluate, task.seed, max(task.checkpoints))
    volumes = _hypervolumes(table.accuracy, table.cost, rows, task.checkpoints)
    regret = [max(0.0, best - truth[rows[int(np.argmax(told[:count]))]]) for count in task.checkpoints]
    confirmed = list(regret)
    if task.noise:
        for place, count in enumerate(task.checkpoints):
            spent = count - CONFIRMATION.trainings
            if spent >= CONFIRMATION.top:
                named = _confirm(rows[:spent], told[:spent], drawn[:spent], again, rng)
                confirmed[place] = max(0.0, best - truth[named])
    return Curves(np.array(regret), np.array(confirmed), volumes)


def _confirm(
    rows: Sequence[int], told: Sequence[float], drawn: Sequence[int], again: np.ndarray, rng: np.random.Generator
) -> int:
    """The row that is named after training the top few again, each time with a seed of the table not used yet."""
    found: dict[str, float] = {}
    used: dict[str, list[int]] = {}
    for row, value, which in zip(rows, told, drawn, strict=True):
        if str(row) not in found:
            found[str(row)], used[str(row)] = value, [which]
    field = contenders(found, CONFIRMATION)
    while names := next_runs(field, CONFIRMATION):
        after = []
        for one in field:
            if one.name in names:
                left = [seed for seed in range(again.shape[1]) if seed not in used[one.name]]
                which = int(rng.choice(left or list(range(again.shape[1]))))
                used[one.name].append(which)
                one = Contender(one.name, one.found, (*one.again, float(again[int(one.name), which])))
            after.append(one)
        field = after
    return int(verdict(field).standings[0].name)


def _hypervolumes(
    accuracy: np.ndarray, cost: np.ndarray, rows: Sequence[int], checkpoints: Sequence[int]
) -> np.ndarray:
    points = np.column_stack([-accuracy, cost / cost.max()])
    reference = points.max(axis=0)
    whole = moocore.hypervolume(points, ref=reference)
    return np.array([moocore.hypervolume(points[list(rows[:count])], ref=reference) / whole for count in checkpoints])
