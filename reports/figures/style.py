"""How every figure looks: one column or two of a paper, colours that the colour-blind and a grey printer tell apart."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from mnas.errors import SearchError
from mnas.files import write_bytes
from mnas.tasks import Metric
from reports.errors import ReportError

FORMATS = ("png", "svg", "pdf")

# Okabe and Ito's colours in an order of falling darkness, so that neighbours differ in grey as well.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "p")
CLOUD, INK, FAINT = "#9a9a9a", "#222222", "#b9b9b9"

HALO = [Stroke(linewidth=2, foreground="white"), Normal()]

RASTER_FROM = 2_000
"""From this many points on, a cloud is stored as an image inside the vector file, which stays small."""

_LOG_FROM = 5

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "xtick.color": "#666666",
    "ytick.color": "#666666",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.direction": "out",
    "savefig.dpi": 200,
    "figure.dpi": 120,
    "pdf.fonttype": 42,  # whole TrueType fonts: searchable text, accepted by publishers' checks
    "text.parse_math": False,  # a name with dollar signs is a name
    "text.usetex": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "reports",
}


def style() -> AbstractContextManager[None]:
    """These settings, for the body of a `with` statement; nothing of them stays behind."""
    return mpl.rc_context(_RC)


def new_figure(width: float = 5.6, height: float = 3.7, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of `width` x `height` inches and its axes, made without pyplot: no state, no window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def save(figure: Figure, path: Path) -> None:
    """Writes a figure whole or not at all; the suffix says the format.

    Raises:
        ReportError: the suffix is none of png, svg, pdf, or the place cannot be written to.
    """
    try:
        write_bytes(path, render(figure, format_of(path)))
    except SearchError as error:
        raise ReportError(str(error)) from error


def format_of(path: Path) -> str:
    """The figure format that a file name asks for.

    Raises:
        ReportError: it is none of png, svg, pdf.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise ReportError(f"{path}: a figure is written as .png, .svg or .pdf, not {path.suffix or 'without a suffix'}")
    return kind


def render(figure: Figure, kind: str) -> bytes:
    """The figure as a file's bytes, the same for the same data."""
    buffer = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    with style():
        figure.savefig(buffer, format=kind, metadata=undated)
    return buffer.getvalue()


def metric_axis(axis: Axes, metric: Metric, label: str) -> None:
    """Makes the vertical axis one of a metric."""
    axis.yaxis.set_major_formatter(metric_ticks(metric))
    axis.set_ylabel(label)


def metric_ticks(metric: Metric) -> FuncFormatter:
    """Writes a value of the metric, such as 97.5%, with no more digits than it needs."""
    return FuncFormatter(lambda value, _: metric.short(value))


def amount_axis(axis: Axes, values: np.ndarray, label: str, *, vertical: bool = False) -> None:
    """Scales an axis of positive amounts: logarithmic where the largest is over five times the smallest."""
    known = values[np.isfinite(values) & (values > 0)]
    line = axis.yaxis if vertical else axis.xaxis
    line.set_label_text(label)
    span = known.max() / known.min() if len(known) else 1.0
    if span > _LOG_FROM:
        (axis.set_yscale if vertical else axis.set_xscale)("log")
        line.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if span > 20 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
        line.set_minor_formatter(NullFormatter())
    line.set_major_formatter(FuncFormatter(lambda amount, _: short(amount)))


def short(amount: float) -> str:
    """An amount for an axis: 1.5k, 300M, 0.25."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(amount) >= unit:
            return f"{amount / unit:.4g}{name}"
    return f"{amount:.4g}"


def empty_note(axis: Axes, words: str) -> None:
    """Says in the middle of an axis why nothing is drawn."""
    axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", va="center", color="#666666")
    axis.set_xticks([])
    axis.set_yticks([])
