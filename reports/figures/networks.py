"""Networks drawn as in their papers: a stack of boxes with its skips as arcs, and beside it the graph of each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from reports.drawings import Cell, cells_of, shape_text
from reports.errors import ReportError
from reports.figures import style as look
from reports.graph_layout import Layout, layout, ports
from search_spaces import Box, Drawing
from search_spaces.drawing import reads_of

_FILL = {
    "conv": "#f6d9c2",
    "separable": "#e3e8ee",
    "narrow": "#cfe3f5",
    "wide": "#9cc6ea",
    "pool": "#dcebd9",
    "cell": "#cfe3f5",
    "other": "#f2f2f2",
    "end": "white",
}
_BY = "\N{MULTIPLICATION SIGN}"
_EDGE, _SKIP = "#666666", "#3f74a8"

# Inches.
_MARGIN, _TITLE = 0.1, 0.32
_WIDE, _TALL, _STEP, _SHAPES, _REPEATS = 1.0, 0.25, 0.37, 0.85, 0.35
_NODE, _LETTER, _NODE_TALL, _ROW = 0.62, 0.055, 0.22, 0.46


@dataclass(frozen=True, slots=True)
class _Panel:
    """A network on paper.

    Attributes:
        name: Its title.
        boxes: Of its stack.
        cells: Each different one, and its layout.
    """

    name: str
    boxes: Drawing
    cells: tuple[tuple[Cell, Layout], ...]

    @property
    def stack_width(self) -> float:
        """In inches, with the arcs."""
        arcs = max((_reach(number - read) for number, read in _skips(self.boxes)), default=0.0)
        return _SHAPES + _WIDE + max(_REPEATS, 0.75 * arcs + 0.1)

    @property
    def width(self) -> float:
        """In inches."""
        graphs = max((_node(cell) * (laid.right - laid.left) for cell, laid in self.cells), default=0.0)
        return self.stack_width + (graphs + 3 * _MARGIN if graphs else 0.0)

    @property
    def height(self) -> float:
        """In inches."""
        graphs = sum(_TITLE + _ROW * laid.rows for _, laid in self.cells)
        return _TITLE + max(_STEP * len(self.boxes), graphs) + _MARGIN


def networks(drawings: Mapping[str, Drawing]) -> Figure:
    """Draws one or several networks from the image at the top to the classes.

    A box is a part of a network, such as a block; beside it stand how often it repeats and the shape of what leaves it.
    An arc leads from a box to a later one that reads it too. Networks of cells stand one below the other, each with
    the graph of every different cell, others side by side.

    Args:
        drawings: name -> boxes, as `reports.drawings.drawing_of` gives them.

    Raises:
        ReportError: there is no network, or nothing is known of one.
    """
    if not drawings or not all(drawings.values()):
        raise ReportError("nothing to draw: a network has no parts")
    panels = [
        _Panel(name, boxes, tuple((cell, layout(cell.inside)) for cell in cells_of(boxes)))
        for name, boxes in drawings.items()
    ]
    below = any(panel.cells for panel in panels)
    widths, heights = [panel.width for panel in panels], [panel.height for panel in panels]
    width, height = (max(widths), sum(heights)) if below else (sum(widths), max(heights))
    with look.style():
        figure = Figure(figsize=(width + 2 * _MARGIN, height + 2 * _MARGIN))
        axis = figure.add_axes((0, 0, 1, 1))
        axis.set_axis_off()
        axis.set_xlim(-_MARGIN, width + _MARGIN)
        axis.set_ylim(height + _MARGIN, -_MARGIN)
        for number, panel in enumerate(panels):
            x, y = (0.0, sum(heights[:number])) if below else (sum(widths[:number]), 0.0)
            _draw(axis, x, y, panel)
    return figure


def _draw(axis: Axes, x: float, y: float, panel: _Panel) -> None:
    middle = x + _SHAPES + _WIDE / 2
    axis.text(middle, y + _TITLE / 2, panel.name, ha="center", va="center", fontsize=8.5, fontweight="bold")
    top = y + _TITLE + _STEP / 2
    for index, box in enumerate(panel.boxes):
        _draw_part(axis, middle, top + index * _STEP, box)
    for number, reads in enumerate(reads_of(panel.boxes)):
        if number and number - 1 in reads:
            end = top + number * _STEP - _TALL / 2
            _arrow(axis, [(middle, end - _STEP + _TALL), (middle, end)])
    for number, read in _skips(panel.boxes):
        _arc(axis, middle + _WIDE / 2, top + read * _STEP, top + number * _STEP, _reach(number - read))
    left, top = x + panel.stack_width + 2 * _MARGIN, y + _TITLE
    for cell, laid in panel.cells:
        _draw_cell(axis, left, top, cell, laid)
        top += _TITLE + _ROW * laid.rows


def _skips(boxes: Drawing) -> list[tuple[int, int]]:
    """The boxes that read others than the one before, and what they read."""
    return [(number, read) for number, reads in enumerate(reads_of(boxes)) for read in reads if read < number - 1]


def _reach(span: int) -> float:
    """How far the control points of an arc over so many boxes lie from the stack: long arcs stay outside short ones."""
    return 0.16 * span**0.8


def _draw_part(axis: Axes, x: float, y: float, box: Box) -> None:
    for sheet in range(min(box.repeats, 3) - 1, -1, -1):
        _rectangle(axis, x + 0.03 * sheet, y - 0.013 * sheet, _WIDE, _TALL, box.look)
    axis.text(x, y, box.name, ha="center", va="center", fontsize=6.4)
    axis.text(x - _WIDE / 2 - 0.06, y, shape_text(box), ha="right", va="center", fontsize=5.5, color="#555555")
    if box.repeats > 1:
        axis.text(x + _WIDE / 2 + 0.12, y, f"{_BY}{box.repeats}", ha="left", va="center", fontsize=7, fontweight="bold")


def _node(cell: Cell) -> float:
    """The width of the boxes of a cell, in which its longest name has room."""
    return max(_NODE, _LETTER * (2 + max(len(box.name) for box in cell.inside)))


def _draw_cell(axis: Axes, left: float, top: float, cell: Cell, laid: Layout) -> None:
    width = _node(cell)
    middle = left + width * (laid.right - laid.left) / 2
    axis.text(middle, top + _TITLE / 2, cell.name, ha="center", va="center", fontsize=7.5)
    origin = left - width * laid.left

    def spot(place: tuple[float, float]) -> tuple[float, float]:
        return origin + width * place[0], top + _TITLE + _ROW * (place[1] + 0.5)

    for line in ports(laid):
        _arrow(axis, [spot(point) for point in line], bent=True)
    for box, place in zip(cell.inside, laid.places, strict=True):
        x, y = spot(place)
        _rectangle(axis, x, y, width, _NODE_TALL, box.look)
        axis.text(x, y, box.name, ha="center", va="center", fontsize=5.6)


def _rectangle(axis: Axes, x: float, y: float, width: float, height: float, fill: str) -> None:
    axis.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={0.12 if fill == 'end' else 0.035}",
            facecolor=_FILL[fill],
            edgecolor=_EDGE,
            linewidth=0.7,
            zorder=2,
        )
    )


def _arrow(axis: Axes, points: list[tuple[float, float]], *, bent: bool = False) -> None:
    """A line with a tip; a bent one runs from row to row, and straight down where it passes a row."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x, y), (next_x, next_y) in pairwise(points):
        start, end = y + _NODE_TALL / 2, next_y - _NODE_TALL / 2
        if not bent:
            vertices, codes = [*vertices, (next_x, next_y)], [*codes, Path.LINETO]
            continue
        half = (start + end) / 2
        vertices += [(x, start), (x, half), (next_x, half), (next_x, end)]
        codes += [Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    _path(axis, Path(vertices, codes), _EDGE, 0.6)


def _arc(axis: Axes, x: float, start: float, end: float, reach: float) -> None:
    start, end = start + 0.05, end - 0.05
    vertices = [(x, start), (x + reach, start), (x + reach, end), (x, end)]
    _path(axis, Path(vertices, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]), _SKIP, 0.75, alpha=0.75)


def _path(axis: Axes, path: Path, color: str, width: float, alpha: float = 1.0) -> None:
    style = {"arrowstyle": "-|>", "mutation_scale": 4.5, "capstyle": "butt", "joinstyle": "miter"}
    axis.add_patch(
        FancyArrowPatch(
            path=path, color=color, linewidth=width, alpha=alpha, fill=False, shrinkA=0, shrinkB=0, zorder=1, **style
        )
    )
