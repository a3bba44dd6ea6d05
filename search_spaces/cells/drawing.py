"""Networks of cells as their papers draw them: the stack of cells, and inside each cell its blocks."""

from __future__ import annotations

from dataclasses import replace

from search_spaces.cells.architecture import CellArch
from search_spaces.cells.genotype import INPUTS, Cell
from search_spaces.cells.lowering import features
from search_spaces.cells.operators import MENU
from search_spaces.cells.skeleton import Place, canonical, places
from search_spaces.drawing import Box, Drawing
from search_spaces.graph import Shape

_BY = "\N{MULTIPLICATION SIGN}"
_NEWER = "h\N{LATIN SUBSCRIPT SMALL LETTER I}"
_INPUTS = (_NEWER, f"{_NEWER}\N{SUBSCRIPT MINUS}\N{SUBSCRIPT ONE}")


def drawing(arch: CellArch, input_shape: Shape) -> Drawing:
    """The stem and the cells of `arch`, equal cells that follow one another as one box."""
    arch = canonical(arch)
    made = features(arch, input_shape)
    first, *shapes = (made.graph.shape(output) for output in made.outputs)
    boxes = [Box(f"Conv k3{_BY}3", "conv", first, note="stride 2" if arch.strided_stem else "")]
    before: Place | None = None
    for place, shape in zip(places(arch), shapes, strict=True):
        if before and (before.stride, before.filters) == (place.stride, place.filters):
            boxes[-1] = replace(boxes[-1], repeats=boxes[-1].repeats + 1)
        else:
            boxes.append(_box(arch, place, shape))
        before = place
    return tuple(boxes)


def _box(arch: CellArch, place: Place, shape: Shape) -> Box:
    strided = f"stride {place.stride}" if place.stride > 1 else ""
    name = "Cell"
    if arch.reduction is not None:
        name = "Reduction cell" if place.stride > 1 else "Normal cell"
    note = " \N{MIDDLE DOT} ".join(filter(None, (f"{place.filters} filters", strided)))
    return Box(name, "cell", shape, note=note, inside=_inside(place.cell))


def _inside(cell: Cell) -> Drawing:
    """The inputs that something reads, the operators and sums of each block, and what joins the states at the end."""
    states = {edge.state for block in cell.blocks for edge in block[:2]} | {*cell.output}
    inputs = [state for state in range(INPUTS) if state in states]
    boxes = [Box(_INPUTS[state], "end", reads=()) for state in inputs]
    place_of = {state: place for place, state in enumerate(inputs)}
    for number, block in enumerate(cell.blocks):
        for edge in block[:2]:
            operator = MENU[edge.op]
            boxes.append(Box(operator.label, operator.look, reads=(place_of[edge.state],)))
        boxes.append(Box(block.combine, "other", reads=(len(boxes) - 2, len(boxes) - 1)))
        place_of[INPUTS + number] = len(boxes) - 1
    return (*boxes, Box("concat", "other", reads=tuple(place_of[state] for state in cell.output)))
