"""A network as boxes from its inputs to its outputs, as reports draw it: the family says what, the report says how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from search_spaces.graph import Shape

Look = Literal["end", "conv", "separable", "narrow", "wide", "pool", "cell", "other"]
"""What a box looks like: an end of the network, a convolution, a depthwise-separable one, an inverted residual of
small or large expansion, a pool, a cell, or anything else."""


@dataclass(frozen=True, slots=True)
class Box:
    """One part of a network.

    Attributes:
        name: What it is, in a few words.
        look: How it is drawn.
        shape: `(height, width, channels)` of what leaves it; None where that says nothing.
        repeats: How many equal parts stand here, one behind the other.
        note: More about it, in small print.
        text: Its published notation, for people who want to copy it.
        reads: The numbers of the earlier boxes of the same drawing that it reads, -1 for what stands in front of all;
            None for the box before it.
        inside: What is inside it, a drawing of its own whose boxes all tell what they read.
    """

    name: str
    look: Look
    shape: Shape | None = None
    repeats: int = 1
    note: str = ""
    text: str = ""
    reads: tuple[int, ...] | None = None
    inside: tuple[Box, ...] = ()


Drawing = tuple[Box, ...]


def reads_of(boxes: Drawing) -> list[tuple[int, ...]]:
    """What each box of a drawing reads: what it tells, or else the box before, which is -1 for the first."""
    return [(number - 1,) if box.reads is None else box.reads for number, box in enumerate(boxes)]
