"""The bar figure of a result table: medians with their intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.errors import BadRequest
from device_bench.matrix.results import check_place
from device_bench.terminal import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_SUFFIXES = (".png", ".svg", ".pdf")
# Okabe and Ito's colours, told apart by all kinds of colour vision.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_DOUBTFUL = "///"
# A model's name is a name and not a formula, whatever the user's own matplotlibrc asks for.
_RC: Any = {"text.parse_math": False, "text.usetex": False}


def draw_bars(frame: "pd.DataFrame") -> "Figure":
    """Draws a panel per device, a group of bars per model, a colour for each number of threads and delegate.

    Panels stand in the order of their devices' names and share one scale. Bars of numbers that are not valid are
    hatched; cells without a number leave a gap with their verdict.

    Raises:
        BadRequest: The table holds no number.
    """
    import matplotlib as mpl

    if frame.empty or frame["median_ms"].isna().all():
        raise BadRequest("there is no latency to draw")
    with mpl.rc_context(_RC):
        return _figure(frame)


def _figure(frame: "pd.DataFrame") -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    devices = sorted(frame["device"].unique())
    series = sorted({(row.threads, row.delegate, row.cores, row.repeat) for row in frame.itertuples()})
    models = list(frame.groupby("model")["median_ms"].min().sort_values(ascending=False, na_position="first").index)
    height = 1.0 + len(models) * (0.18 * len(series) + 0.25)
    figure = Figure(figsize=(4.5 + 3.0 * len(devices), max(2.5, height)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(devices), sharex=True, sharey=True, squeeze=False)[0]
    widest = frame["high_ms"].fillna(frame["median_ms"]).max()
    for panel, device in zip(panels, devices, strict=True):
        _panel(panel, frame[frame["device"] == device], models, series, widest)
        known = [name for name in frame.loc[frame["device"] == device, "device_model"].unique() if name]
        panel.set_title("\n".join(map(printable, (device, *known[:1]))), fontsize=9)
    panels[0].set_yticks(range(len(models)), list(map(printable, models)), fontsize=8)
    if len(series) > 1:
        panels[-1].legend(fontsize=8, frameon=False, loc="best")
    return figure


def save_bars(frame: "pd.DataFrame", path: Path) -> None:
    """Writes the figure; its ending chooses the format.

    Raises:
        BadRequest: Another ending, nothing to draw, or a folder that cannot be written.
    """
    import matplotlib as mpl

    check_figure(path)
    figure = draw_bars(frame)
    try:
        with mpl.rc_context(_RC):
            figure.savefig(path, dpi=160, format=path.suffix[1:].lower())
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {error.strerror or error}") from error


def check_figure(path: Path) -> None:
    """Refuses a file that `save_bars` could not write.

    Raises:
        BadRequest: Another ending, or a folder that cannot be written.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise BadRequest(f"{path}: figures end in {', '.join(_SUFFIXES)}")
    check_place(path)


def _panel(
    panel: Any, frame: "pd.DataFrame", models: Sequence[str], series: Sequence[tuple[Any, ...]], widest: float
) -> None:
    thickness = 0.8 / len(series)
    for number, (threads, delegate, cores, repeat) in enumerate(series):
        mine = frame[(frame["threads"] == threads) & (frame["delegate"] == delegate)]
        mine = mine[(mine["cores"] == cores) & (mine["repeat"] == repeat)]
        colour = _COLOURS[number % len(_COLOURS)]
        label: str | None = _label(threads, delegate, cores, repeat, series)
        for row in mine.itertuples():
            place = models.index(row.model) + (number - (len(series) - 1) / 2) * thickness
            if row.median_ms != row.median_ms:
                panel.text(0, place, f" {row.verdict}", va="center", fontsize=7, color=colour)
                continue
            hatch = None if row.verdict == "valid" else _DOUBTFUL
            panel.barh(place, row.median_ms, thickness * 0.9, color=colour, hatch=hatch, edgecolor="white", label=label)
            label = None
            if row.low_ms == row.low_ms:
                reach = [[row.median_ms - row.low_ms], [row.high_ms - row.median_ms]]
                panel.errorbar(row.median_ms, place, xerr=reach, color="black", capsize=2, linewidth=0.8)
            end = row.high_ms if row.high_ms == row.high_ms else row.median_ms
            panel.text(end + 0.01 * widest, place, f"{row.median_ms:.3g}", va="center", fontsize=7)
    panel.set_xlim(0, widest * 1.15)
    panel.set_xlabel("latency in ms (median, 95 % interval; hatched: not valid)", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _label(threads: int, delegate: str, cores: str, repeat: int, series: Sequence[tuple[Any, ...]]) -> str:
    words = [f"{threads} thread{'s' if threads > 1 else ''}", delegate, f"cores {cores}" if cores else ""]
    if len({one[3] for one in series}) > 1:
        words.append(f"run {repeat}")
    return ", ".join(word for word in words if word)
