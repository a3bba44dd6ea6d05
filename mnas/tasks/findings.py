"""What a task finds in a network's predictions, in a few general forms that any page can show.

A task of words or boxes gives the same forms as one of labels: a page knows tables, matrices, curves and pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What one network said of one split.

    Attributes:
        value: The task's metric.
        outputs: What the network gave, `[count, ...]`; of a classification float32 `[count, classes]`.
        targets: What was right, `[count, ...]`, in the task's own form.
        indices: int64 `[count]`: the place of each example in the split.
    """

    value: float
    outputs: np.ndarray
    targets: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.outputs)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column of a table.

    Attributes:
        name: Its heading.
        values: One per row; NaN for what is not defined.
        low: Lower ends of the 95 % intervals of shares; None where there are none.
        high: Upper ends.
        share: Whether the values lie between 0 and 1 and are shown as bars; other values are counts.
    """

    name: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    share: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Figures per group of examples.

    Attributes:
        title: What it shows.
        note: How to read it, and what was left out; sentences.
        heading: What the rows are.
        labels: Their names.
        columns: Their figures.
    """

    title: str
    note: str
    heading: str
    labels: Sequence[str]
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class Picture:
    """An example worth a look.

    Attributes:
        index: Its place in the split.
        caption: What was right and what the network said.
        confidence: How sure the network was, between 0 and 1; None where it does not say.
    """

    index: int
    caption: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures, the most telling first.

    Attributes:
        title: What they show.
        note: How they were chosen; sentences.
        pictures: The examples.
    """

    title: str
    note: str
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a matrix that is not empty.

    Attributes:
        row: Its row.
        column: Its column.
        count: How many examples it counts.
        share: The same as a share of its row.
        kind: Whether they are right, wrong, or both.
        caption: What they have in common.
        pictures: Some of them, the most telling first.
    """

    row: int
    column: int
    count: int
    share: float
    kind: Literal["right", "wrong", "mixed"]
    caption: str
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of examples by what was right and what the network said.

    Attributes:
        title: What it shows.
        note: How to read it, and what was left out; sentences.
        rows: What the rows are, such as "true class".
        columns: What the columns are.
        labels: Names of the rows, which are those of the columns too.
        cells: Row and column -> the cell; the others are empty.
    """

    title: str
    note: str
    rows: str
    columns: str
    labels: Sequence[str]
    cells: Mapping[tuple[int, int], Cell]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve: `count` examples, and the 95 % interval of `y` where it is known."""

    x: float
    y: float
    count: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares against shares, both between 0 and 1; the diagonal is ideal.

    Attributes:
        title: What it shows.
        note: How to read it; sentences.
        x: What stands on the horizontal axis.
        y: What stands on the vertical axis.
        points: From left to right.
    """

    title: str
    note: str
    x: str
    y: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a task finds in the predictions of one network; every part may be missing.

    Attributes:
        facts: Figures of the whole split, in words: name -> value.
        matrix: What is taken for what.
        gallery: The worst examples.
        table: Figures per group.
        curve: Whether the network knows how sure it can be.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    matrix: Matrix | None = None
    gallery: Gallery | None = None
    table: Table | None = None
    curve: Curve | None = None


def no_findings(predictions: Predictions, labels: Sequence[str]) -> Findings:
    """Of a task that looks no further than its metric."""
    return Findings()


def no_difference(one: Predictions, other: Predictions) -> tuple[float, float]:
    """Of a task that does not know how sure a difference on the same examples is."""
    return np.nan, np.nan


def no_labels(data: object) -> tuple[str, ...]:
    """Of a task whose outputs have no names."""
    return ()
