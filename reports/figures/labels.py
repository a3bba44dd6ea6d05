"""Labels inside a plot, placed by textalloc: on no point and on no other label, and on no line where there is room."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import textalloc
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text

from reports.figures import style as look

_NEAR, _FAR = 0.045, 0.45  # shares of the axes' width
_CANDIDATES = 200
_SQUARE = 2  # pixels


@dataclass(frozen=True, slots=True)
class Label:
    """A text and the places of the data that it belongs to.

    Attributes:
        text: what it says.
        spots: (x, y) in data coordinates; near any of them will do, the first is the best.
        color: of the text.
        size: of the font, in points.
        needed: whether it rather stands on a line, or far away at the end of a leader, than is left out.
    """

    text: str
    spots: Sequence[tuple[float, float]]
    color: str = look.INK
    size: float = 7.5
    needed: bool = True


def place(
    axis: Axes,
    labels: Sequence[Label],
    points: np.ndarray,
    lines: Sequence[np.ndarray],
    faint: Sequence[np.ndarray],
) -> tuple[list[Label], list[Artist]]:
    """Writes the labels for which there is room; limits and whatever else has a place must be set before.

    Args:
        axis: where.
        labels: the most important first.
        points: x, y and radius in points (1/72 inch) of what must stay visible: float64, `[points, 3]`.
        lines: x and y of what had better stay visible: float64, `[length, 2]` each.
        faint: lines that matter less, such as the bars of intervals.

    Returns:
        The labels for which there was no room, which are not drawn, and what was drawn.
    """
    points = _thinned(axis, points)
    boxes: list[np.ndarray] = []
    drawn: list[Artist] = []
    left = list(labels)
    lines = [line for line in lines if len(line) > 1]  # a front of one network is a point
    everything = [*lines, *faint]
    # Beside its place, if need be on a line, a label is found more easily than far away at the end of a leader.
    for number, (reach, avoided) in enumerate(product((_NEAR, _FAR), (everything, lines, ()))):
        for spot in range(max((len(label.spots) for label in left), default=0)):
            now = [label for label in left if spot < len(label.spots) and (label.needed or number < 2)]
            texts, artists = _allocate(axis, now, spot, points, [*avoided, *boxes], reach)
            drawn += artists
            boxes += [_outline(axis, text) for text in texts if text is not None]
            placed = [label for label, text in zip(now, texts, strict=True) if text is not None]
            left = [label for label in left if label not in placed]
    return left, drawn


def _allocate(
    axis: Axes, labels: Sequence[Label], spot: int, points: np.ndarray, lines: Sequence[np.ndarray], reach: float
) -> tuple[list[Text | None], list[Artist]]:
    """The text of each label near its spot of this number, or None, and all that was drawn."""
    if not labels:
        return [], []
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it has found no place
        _, _, texts, leaders = textalloc.allocate(
            axis,
            [label.spots[spot][0] for label in labels],
            [label.spots[spot][1] for label in labels],
            [label.text for label in labels],
            x_scatter=points[:, 0],
            y_scatter=points[:, 1],
            scatter_sizes=points[:, 2] * axis.figure.dpi / 72,
            x_lines=[line[:, 0] for line in lines] or None,
            y_lines=[line[:, 1] for line in lines] or None,
            textsize=[label.size for label in labels],
            textcolor=[label.color for label in labels],
            linecolor=look.CLOUD,
            linewidth=0.5,
            max_distance=reach,
            nbr_candidates=_CANDIDATES,
            draw_all=False,
            avoid_label_lines_overlap=True,
            path_effects=look.HALO,
            va="bottom",
            zorder=6,
        )
    return texts, [artist for artist in (*texts, *leaders) if artist is not None]


def _thinned(axis: Axes, points: np.ndarray) -> np.ndarray:
    """One of the points that fall into the same small square, the largest: ten thousand would take seconds."""
    points = points[np.argsort(-points[:, 2], kind="stable")]
    squares = np.round(axis.transData.transform(points[:, :2]) / _SQUARE)
    return points[np.unique(squares, axis=0, return_index=True)[1]]


def _outline(axis: Axes, text: Text) -> np.ndarray:
    """The box of a text as a line that no other text can miss: `[6, 2]`, in data coordinates."""
    box = text.get_window_extent()
    corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1), (box.x0, box.y0)]
    return axis.transData.inverted().transform([*corners, (box.x1, box.y1)])
