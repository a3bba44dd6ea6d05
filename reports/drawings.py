"""What is drawn of a network: the boxes that its family gives, for the figure and the page alike."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from mnas.records import Network, TrialRecord
from mnas.tasks import Task
from reports.runs import RunData
from search_spaces import Box, Drawing, Shape, SpaceError, drawing, from_json

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
    return (Box(task.example, "end", shape), *parts, Box(end, "end"))


def packed(box: Box) -> tuple[str, str, str, int, str, str]:
    """Name, look, note, repeats, shape and notation of a box, as network.js draws it."""
    return (box.name, box.look, box.note, box.repeats, shape_text(box), box.text)


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
