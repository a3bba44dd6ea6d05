"""Networks drawn block by block, side by side, the way figure 7 of the MnasNet paper draws them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from reports.errors import ReportError
from reports.figures import style as look

_TOKEN = re.compile(r"(se|[rkseio])([0-9.]+)")
_FILL = {"conv": "#f6d9c2", "sep": "#e3e8ee", "narrow": "#cfe3f5", "wide": "#9cc6ea", "end": "white"}
_BY = "\N{MULTIPLICATION SIGN}"
_WIDTH, _HEIGHT, _STEP = 1.0, 0.58, 0.86


def networks(blocks: Mapping[str, Sequence[str]], *, input_shape: tuple[int, int, int], stem_stride: int = 2) -> Figure:
    """Draws one or several networks from the image at the top to the classifier.

    A box is a block; beside it stand how often its layer repeats and the shape of what leaves it.

    Args:
        blocks: name -> block strings, such as `r3_k5_s22_e3_i24_o40_se0.25`.
        input_shape: `(height, width, channels)` of the image.
        stem_stride: of the first convolution.

    Raises:
        ReportError: there is no network, or a block string cannot be read.
    """
    if not blocks or not all(blocks.values()):
        raise ReportError("nothing to draw: a network has no block strings")
    drawn = {name: _layers(strings, input_shape, stem_stride) for name, strings in blocks.items()}
    rows = max(len(layers) for layers in drawn.values())
    with look.style():
        figure, axes = look.new_figure(2.35 * len(drawn), 0.38 * rows + 0.5, columns=len(drawn))
        for axis, (name, layers) in zip(axes, drawn.items(), strict=True):
            axis.set_axis_off()
            axis.set_title(name, loc="center")
            axis.set_xlim(-1.02, 1.3)
            axis.set_ylim(-(rows - 1) * _STEP - _HEIGHT, _HEIGHT)
            for index, layer in enumerate(layers):
                _box(axis, -index * _STEP, *layer)
    return figure


def _box(axis: Axes, y: float, name: str, kind: str, repeats: int, shape: str) -> None:
    for sheet in range(min(repeats, 3) - 1, -1, -1):
        shift = 0.03 * sheet
        axis.add_patch(
            FancyBboxPatch(
                (-_WIDTH / 2 + shift, y - _HEIGHT / 2 + shift),
                _WIDTH,
                _HEIGHT,
                boxstyle=f"round,pad=0,rounding_size={0.28 if kind == 'end' else 0.08}",
                facecolor=_FILL[kind],
                edgecolor="#666666",
                linewidth=0.7,
            )
        )
    axis.text(0, y, name, ha="center", va="center", fontsize=6.4)
    axis.text(-_WIDTH / 2 - 0.06, y, shape, ha="right", va="center", fontsize=5.5, color="#555555")
    if repeats > 1:
        axis.text(_WIDTH / 2 + 0.12, y, f"{_BY}{repeats}", ha="left", va="center", fontsize=7, fontweight="bold")
    if shape:
        arrow = {
            "arrowstyle": "-|>",
            "color": "#666666",
            "linewidth": 0.6,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 5,
        }
        axis.annotate("", (0, y - _STEP + _HEIGHT / 2), (0, y - _HEIGHT / 2), arrowprops=arrow)


def _layers(
    strings: Sequence[str], input_shape: tuple[int, int, int], stem_stride: int
) -> list[tuple[str, str, int, str]]:
    height, width, channels = input_shape
    layers = [("image", "end", 1, f"{height}{_BY}{width}{_BY}{channels}")]
    height, width = -(-height // stem_stride), -(-width // stem_stride)
    parsed = [_parse(text) for text in strings]
    layers.append((f"Conv k3{_BY}3", "conv", 1, f"{height}{_BY}{width}{_BY}{parsed[0]['i']:.0f}"))
    for text, block in zip(strings, parsed, strict=True):
        stride = int(str(int(block["s"]))[0])
        height, width = -(-height // stride), -(-width // stride)
        kernel, expansion = int(block["k"]), int(block["e"])
        name, kind = f"MBConv{expansion} k{kernel}{_BY}{kernel}", "wide" if expansion > 3 else "narrow"
        if expansion == 1:
            name, kind = f"SepConv k{kernel}{_BY}{kernel}", "sep"
        if "conv" in text.split("_"):
            name, kind = f"Conv k{kernel}{_BY}{kernel}", "conv"
        name += ", SE" if block.get("se") else ""
        layers.append((name, kind, int(block["r"]), f"{height}{_BY}{width}{_BY}{int(block['o'])}"))
    return [*layers, ("pooling, FC", "end", 1, "")]


def _parse(text: str) -> dict[str, float]:
    try:
        found = {key: float(value) for key, value in _TOKEN.findall(text)}
    except ValueError:
        found = {}
    if missing := [key for key in "rkseio" if key not in found]:
        raise ReportError(f"block string {text!r} cannot be drawn: no {missing[0]}… token")
    return found
