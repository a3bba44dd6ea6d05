"""Networks drawn block by block, side by side, the way figure 7 of the MnasNet paper draws them."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from reports.drawings import shape_text
from reports.errors import ReportError
from reports.figures import style as look
from search_spaces import Box, Drawing

_FILL = {
    "conv": "#f6d9c2",
    "separable": "#e3e8ee",
    "narrow": "#cfe3f5",
    "wide": "#9cc6ea",
    "pool": "#e3e8ee",
    "cell": "#cfe3f5",
    "other": "#f2f2f2",
    "end": "white",
}
_BY = "\N{MULTIPLICATION SIGN}"
_WIDTH, _HEIGHT, _STEP = 1.0, 0.58, 0.86


def networks(drawings: Mapping[str, Drawing]) -> Figure:
    """Draws one or several networks from the image at the top to the classes.

    A box is a part of a network, such as a block; beside it stand how often it repeats and the shape of what leaves it.

    Args:
        drawings: name -> boxes, as `reports.drawings.drawing_of` gives them.

    Raises:
        ReportError: there is no network, or nothing is known of one.
    """
    if not drawings or not all(drawings.values()):
        raise ReportError("nothing to draw: a network has no parts")
    rows = max(map(len, drawings.values()))
    with look.style():
        figure, axes = look.new_figure(2.35 * len(drawings), 0.38 * rows + 0.5, columns=len(drawings))
        for axis, (name, boxes) in zip(axes, drawings.items(), strict=True):
            axis.set_axis_off()
            axis.set_title(name, loc="center")
            axis.set_xlim(-1.02, 1.3)
            axis.set_ylim(-(rows - 1) * _STEP - _HEIGHT, _HEIGHT)
            for index, box in enumerate(boxes):
                _draw(axis, -index * _STEP, box)
    return figure


def _draw(axis: Axes, y: float, box: Box) -> None:
    for sheet in range(min(box.repeats, 3) - 1, -1, -1):
        shift = 0.03 * sheet
        axis.add_patch(
            FancyBboxPatch(
                (-_WIDTH / 2 + shift, y - _HEIGHT / 2 + shift),
                _WIDTH,
                _HEIGHT,
                boxstyle=f"round,pad=0,rounding_size={0.28 if box.look == 'end' else 0.08}",
                facecolor=_FILL[box.look],
                edgecolor="#666666",
                linewidth=0.7,
            )
        )
    axis.text(0, y, box.name, ha="center", va="center", fontsize=6.4)
    axis.text(-_WIDTH / 2 - 0.06, y, shape_text(box), ha="right", va="center", fontsize=5.5, color="#555555")
    if box.repeats > 1:
        axis.text(_WIDTH / 2 + 0.12, y, f"{_BY}{box.repeats}", ha="left", va="center", fontsize=7, fontweight="bold")
    if box.shape:
        arrow = {
            "arrowstyle": "-|>",
            "color": "#666666",
            "linewidth": 0.6,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 5,
        }
        axis.annotate("", (0, y - _STEP + _HEIGHT / 2), (0, y - _HEIGHT / 2), arrowprops=arrow)
