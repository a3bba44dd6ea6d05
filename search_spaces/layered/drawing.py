"""Layered networks as boxes in a row, each with what it reads."""

from __future__ import annotations

from search_spaces.drawing import Box, Drawing, Look
from search_spaces.graph import Graph, Shape
from search_spaces.heads import Classifier
from search_spaces.layered.enas_macro import MacroArch, canonical
from search_spaces.layered.lowering import lower_enas_macro, lower_nas_cnn
from search_spaces.layered.nas_cnn import NasCnnArch

_BY, _DOT = "\N{MULTIPLICATION SIGN}", " \N{MIDDLE DOT} "
_ANY_HEAD = Classifier(2)
_OPS: dict[str, tuple[str, Look]] = {
    "conv3": (f"Conv 3{_BY}3", "conv"),
    "sep3": (f"Sep 3{_BY}3", "separable"),
    "conv5": (f"Conv 5{_BY}5", "conv"),
    "sep5": (f"Sep 5{_BY}5", "separable"),
    "avg3": (f"Avg pool 3{_BY}3", "pool"),
    "max3": (f"Max pool 3{_BY}3", "pool"),
}


def nas_cnn_drawing(arch: NasCnnArch, input_shape: Shape) -> Drawing:
    """A box per layer; where the head reads several layers, one more joins them."""
    shapes = _shapes(lower_nas_cnn(arch, input_shape, _ANY_HEAD))
    boxes = []
    for number, layer in enumerate(arch.layers):
        strided = (layer.stride_height, layer.stride_width) != (1, 1)
        notes = [
            f"stride {layer.stride_height}{_BY}{layer.stride_width}" if strided else "",
            "then pool" if number + 1 in arch.pools else "",
        ]
        boxes.append(
            Box(
                f"Conv {layer.height}{_BY}{layer.width}",
                "conv",
                shapes[f"layer{number}"],
                note=_DOT.join(filter(None, notes)),
                reads=layer.reads or (-1,),
            )
        )
    ends = [] if len(arch.unread) == 1 else [Box("concat", "other", reads=arch.unread)]
    return (*boxes, *ends)


def enas_macro_drawing(arch: MacroArch, input_shape: Shape) -> Drawing:
    """The stem, then a box per layer that reads the one before and what it joins."""
    arch = canonical(arch)
    shapes = _shapes(lower_enas_macro(arch, input_shape, _ANY_HEAD))
    boxes = [Box(f"Conv 3{_BY}3", "conv", shapes["stem"], note="stem", reads=(-1,))]
    for number, layer in enumerate(arch.layers):
        name, look = _OPS[layer.op]
        shape = shapes[f"layer{number}" if number else f"layer0.{layer.op}"]
        note = "then halved" if number in arch.halvings else ""
        boxes.append(Box(name, look, shape, note=note, reads=tuple(sorted({*layer.skips, number}))))
    return tuple(boxes)


def _shapes(graph: Graph) -> dict[str, Shape]:
    return {operator.name: operator.output_shape for operator in graph.operators}
