"""Tabular benchmarks: every architecture of a small space with its accuracy and its cost, from a CSV file.

Columns: the decisions first (or one column ``arch`` with a digit a decision, as NAS-Bench-Macro has), then accuracies
of single seeds (``accuracy_0``, ``accuracy_1``, ... or ``acc0``, ``acc1``, ...), then the mean accuracy and the cost.
The tables of cells hold every network once, and their spaces say which spellings are one network.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnas.controllers.steps import Steps, steps_of
from search_spaces.decision import Tokens

from .cells import CELL_TABLES, spellings

OWN = Path(__file__).with_name("digits3.csv.gz")
MACRO = Path(__file__).parents[3] / "shared" / "data" / "nasbench_macro" / "nas_bench_macro_cifar10.csv.gz"
_MEANS, _COSTS = ("mean_acc", "accuracy"), ("flops", "latency_ms", "macs")
_SEED = re.compile(r"(accuracy_|acc)\d+")


@dataclass(frozen=True, slots=True)
class Table:
    """A space, enumerated.

    Attributes:
        name: The file's.
        steps: The decisions.
        rows: Tokens -> row; where the space grows, tokens of every length.
        accuracy: Mean over seeds, in [0, 1], ``[rows]``.
        seeds: Accuracy of single trainings, ``[rows, seeds]``.
        cost: Whatever the reward calls latency, ``[rows]``.
    """

    name: str
    steps: Steps
    rows: dict[Tokens, int]
    accuracy: np.ndarray
    seeds: np.ndarray
    cost: np.ndarray


def load(path: Path, canonical: bool = False) -> Table:
    """Reads a table.

    Args:
        path: CSV, gzipped or not.
        canonical: Give NAS-Bench-Macro's steps the form in which equal nets are one.
    """
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    records = list(csv.DictReader(text.decode().splitlines()))
    columns = list(records[0])
    mean = next(name for name in _MEANS if name in columns)
    cost = next(name for name in _COSTS if name in columns)
    seeds = [name for name in columns if _SEED.fullmatch(name)]
    names = columns[: min(columns.index(name) for name in (mean, cost, *seeds))]
    name = path.name.split(".")[0]
    steps, rows = _cells(name, records) if name in CELL_TABLES else _grid(names, records, canonical)
    accuracy = np.array([[float(record[name]) for name in (mean, *(seeds or [mean]))] for record in records])
    if accuracy.max() > 1:
        accuracy /= 100
    return Table(name, steps, rows, accuracy[:, 0], accuracy[:, 1:], np.array([float(one[cost]) for one in records]))


def _grid(names: list[str], records: list[dict[str, str]], canonical: bool) -> tuple[Steps, dict[Tokens, int]]:
    """The steps and rows of a table that lists all combinations."""
    choices: list[tuple[str, ...]] = [tuple(record[name] for name in names) for record in records]
    if names == ["arch"]:
        choices = [tuple(choice[0]) for choice in choices]
        names = [f"layer{index + 1}" for index in range(len(choices[0]))]
    menus = [sorted(set(column)) for column in zip(*choices, strict=True)]
    tokens = [tuple(menu.index(value) for menu, value in zip(menus, row, strict=True)) for row in choices]
    form = macro_canonical if canonical and names[0] == "layer1" else None
    tags = tuple(name.rsplit(".", 1)[-1] for name in names)
    rows = {row: index for index, row in enumerate(tokens)}
    return Steps(tuple(names), tuple(map(len, menus)), tags, form), rows


def _cells(name: str, records: list[dict[str, str]]) -> tuple[Steps, dict[Tokens, int]]:
    """The steps and rows of a table of cells, in which every spelling leads to its network."""
    space = CELL_TABLES[name].space()
    known: dict[Tokens, int] = {}
    for row, record in enumerate(records):
        taken = [decision for decision in space.decisions if record[decision.name]]
        known[tuple([*map(str, one.choices)].index(record[one.name]) for one in taken)] = row
    return steps_of(space), {tokens: known[key] for tokens, key in spellings(space).items()}


def macro_canonical(tokens: Sequence[int]) -> Tokens:
    """NAS-Bench-Macro's nets of stages 2, 3, 3: an identity behind the stage's first layer may stand anywhere."""
    result: list[int] = []
    for first, last in ((0, 2), (2, 5), (5, 8)):
        stage = list(tokens[first:last])
        moved = [token for token in stage[1:] if token] + [token for token in stage[1:] if not token]
        result += [stage[0], *moved]
    return tuple(result)


def reward_of(table: Table, kind: str, target: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A reward over arrays of accuracy and cost; the target is a cost, or a quantile of the table's when below 1."""
    from mnas.reward import Reward

    wanted = target if target >= 1 else float(np.quantile(table.cost, target))
    reward = Reward(kind, wanted)  # type: ignore[arg-type]
    return np.vectorize(reward, otypes=[float])
