"""What is drawn of a network: the boxes that its family gives, for the figure and the page alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from reports.runs import number
from search_spaces import Box, Drawing, SpaceError, drawing, from_json

_BY = "\N{MULTIPLICATION SIGN}"


def drawing_of(attributes: Mapping[str, Any], facts: Mapping[str, Any]) -> Drawing:
    """The boxes of a stored network from its image to its classes; none where nothing is known of it.

    Args:
        attributes: Of its trial or record: `arch`, or at least `blocks`, its published notation.
        facts: Of its run: `input_shape` and `classes`.
    """
    shape = _shape(facts.get("input_shape"))
    parts = _parts(json.dumps(attributes.get("arch"), sort_keys=True), shape) if shape else ()
    if not parts:
        blocks = attributes.get("blocks")
        # A family that is not installed here, or a run that does not tell its input: the notation is all there is.
        parts = tuple(Box(str(text), "other") for text in blocks) if isinstance(blocks, Sequence) else ()
    if not parts:
        return ()
    classes = number(facts.get("classes"))
    end = f"pooling, FC {int(classes)}" if classes else "pooling, FC"
    return (Box("image", "end", shape), *parts, Box(end, "end"))


def shape_text(box: Box) -> str:
    """The shape of what leaves a box, as it is written beside it."""
    return _BY.join(map(str, box.shape)) if box.shape else ""


@lru_cache(maxsize=65536)
def _parts(arch: str, shape: tuple[int, int, int]) -> Drawing:
    try:
        return drawing(from_json(arch), shape)
    except SpaceError:
        return ()


def _shape(stored: Any) -> tuple[int, int, int] | None:
    sides = [number(side) for side in stored] if isinstance(stored, list | tuple) else []
    if len(sides) != 3 or not all(side and side >= 1 for side in sides):
        return None
    height, width, channels = (int(side) for side in sides if side)
    return height, width, channels
