"""A fixed front: what puts images on the scale that a network was trained on, as its first operator.

Networks here read images in [0, 1]. One that was trained on another scale computes the same only if the change of scale
is an operator of its own: folded into a padded convolution it would be wrong along the borders, where the padding's
zeros would stand for another colour.
"""

from __future__ import annotations

from dataclasses import replace

from search_spaces.errors import SpaceError
from search_spaces.graph import ENTRY, Graph, Operator, Part, PlacedPart

FRONT = "normalize"
"""The name of the front: a depthwise 1x1 convolution, whose kernel is the scale and whose bias is the shift."""


def normalized(graph: Graph) -> Graph:
    """The network behind a scale and a shift per channel of its input.

    Raises:
        SpaceError: It has several inputs.
    """
    if len(graph.inputs) != 1:
        raise SpaceError(f"a front stands before a network of one input, not of {len(graph.inputs)}")
    [(name, shape)] = graph.inputs
    front = Operator(FRONT, "depthwise", (name,), (shape,), shape, bias=True)
    placed = (PlacedPart(Part((front,))), *(_behind(one, name) for one in graph.placed))
    outputs = tuple(FRONT if one == name else one for one in graph.outputs)
    return Graph(graph.inputs, placed, outputs)


def _behind(placed: PlacedPart, name: str) -> PlacedPart:
    """A part that reads the front where it read the input."""
    if placed.source == name:
        return replace(placed, source=FRONT)
    if placed.prefix or placed.source != ENTRY or not any(name in one.inputs for one in placed.operators):
        return placed
    renamed = (
        replace(one, inputs=tuple(FRONT if read == name else read for read in one.inputs)) for one in placed.operators
    )
    return replace(placed, part=Part(tuple(renamed)))
