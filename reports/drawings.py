"""What is drawn of a network: the boxes that its family gives, for the figure and the page alike."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mnas.records import Network, TrialRecord
from mnas.tasks import Task
from reports.graph_layout import layout, ports
from reports.runs import RunData
from search_spaces import Box, Drawing, Shape, SpaceError, drawing, from_json
from search_spaces.drawing import reads_of

PackedCell = tuple[str, list[tuple[str, str, int, int]], list[list[int]]]
"""Name, boxes and lines of a cell as network.js draws it."""

_BY = "\N{MULTIPLICATION SIGN}"


def drawing_of(record: Network | TrialRecord, run: RunData) -> Drawing:
    """The boxes of a stored network from its input to its outputs; none where nothing is known of it.

    Args:
        record: Of its trial or reference: its architecture, or at least its published notation.
        run: Its run, which tells the shape of an input and the number of outputs.
    """
    shape = _shape(run.facts.input_shape)
    parts = _parts(json.dumps(record.arch, sort_keys=True), shape) if shape else ()
    # A family that is not installed here, or a run that does not tell its input: the notation is all there is.
    parts = parts or tuple(Box(text, "other") for text in record.blocks)
    return with_ends(parts, run.task, shape, run.facts.outputs)


def with_ends(parts: Drawing, task: Task[Any], shape: Shape | None, outputs: int | None) -> Drawing:
    """The parts of a network between its input and its outputs; nothing where there are none.

    Args:
        parts: As the network's family gives them.
        task: It names both ends.
        shape: Of an input.
        outputs: How many there are.
    """
    if not parts:
        return ()
    end = f"{task.ending} {outputs}" if outputs else task.ending
    moved = (replace(box, reads=box.reads and tuple(read + 1 for read in box.reads)) for box in parts)
    return (Box(task.example, "end", shape), *moved, Box(end, "end"))


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is drawn as a graph.

    Attributes:
        name: What the stack calls it.
        inside: Its boxes, which tell what they read.
    """

    name: str
    inside: Drawing


def cells_of(boxes: Iterable[Box]) -> list[Cell]:
    """Each different cell of a stack once, with all the names that it has there."""
    names: dict[Drawing, dict[str, None]] = {}
    for box in boxes:
        if box.inside:
            names.setdefault(box.inside, {})[box.name] = None
    return [Cell(" and ".join(called), inside) for inside, called in names.items()]


def packed(box: Box) -> tuple[str, str, str, int, str, str]:
    """Name, look, note, repeats, shape and notation of a box of a stack, as network.js draws it."""
    return (box.name, box.look, box.note, box.repeats, shape_text(box), box.text)


def packed_skips(boxes: Drawing) -> list[tuple[int, ...]]:
    """For each box of a stack that does not simply read the one before: its number, then what it reads."""
    return [(number, *reads) for number, reads in enumerate(reads_of(boxes)) if reads != (number - 1,)]


def packed_cells(boxes: Drawing) -> list[PackedCell]:
    """Name, boxes and lines of each different cell of a stack, as network.js draws them.

    Of a box its name, its look and its place, of a line the points it runs through; all in hundredths of the width of
    a box and of a row.
    """
    return [_packed_cell(cell) for cell in cells_of(boxes)]


@lru_cache(maxsize=65536)
def _packed_cell(cell: Cell) -> PackedCell:
    laid = layout(cell.inside)
    nodes: list[tuple[str, str, int, int]] = [
        (box.name, box.look, round(100 * x), round(100 * y))
        for box, (x, y) in zip(cell.inside, laid.places, strict=True)
    ]
    return cell.name, nodes, [[round(100 * value) for point in line for value in point] for line in ports(laid)]


def shape_text(box: Box) -> str:
    """The shape of what leaves a box, as it is written beside it."""
    return _BY.join(map(str, box.shape)) if box.shape else ""


@lru_cache(maxsize=65536)
def _parts(arch: str, shape: tuple[int, int, int]) -> Drawing:
    try:
        return drawing(from_json(arch), shape)
    except SpaceError:
        return ()


def _shape(stored: tuple[int, ...] | None) -> Shape | None:
    if stored is None or len(stored) != 3 or min(stored) < 1:
        return None
    height, width, channels = stored
    return height, width, channels
