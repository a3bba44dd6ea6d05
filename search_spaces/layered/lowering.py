"""Operators of layered networks."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.builder import GraphBuilder
from search_spaces.cells.operators import Wiring
from search_spaces.graph import IMAGE, Graph, Shape, check_input_shape, pruned
from search_spaces.heads import Head, without_bias
from search_spaces.layered.enas_macro import MacroArch, canonical
from search_spaces.layered.nas_cnn import NasCnnArch


def lower_nas_cnn(arch: NasCnnArch, input_shape: Shape, head: Head) -> Graph:
    """The operators of `arch` on images of `input_shape`, with `head` behind what no layer reads.

    Source: Zoph and Le, section 3.3: inputs are joined along their channels, smaller ones padded with zeros, here at
    the bottom and on the right. A pool halves all that later layers read, so that skips across it stay.

    Raises:
        SpaceError: A malformed input shape, or more pools than the image has pixels for.
    """
    graph = GraphBuilder({IMAGE: check_input_shape(input_shape)})
    image, outputs = IMAGE, list[str]()
    for number, layer in enumerate(arch.layers):
        name = f"layer{number}"
        source = _joined(graph, name, [outputs[one] for one in layer.reads] or [image])
        strides = layer.stride_height, layer.stride_width
        kernel = layer.height, layer.width
        outputs.append(graph.conv(name, source, layer.filters, kernel, strides, activation="relu"))
        if number + 1 in arch.pools:
            image, *outputs = (_halved(graph, number + 1, one) for one in (image, *outputs))
    features = _joined(graph, "end", [outputs[one] for one in arch.unread])
    return pruned(graph.graph(*head.append(graph, features)))


def _halved(graph: GraphBuilder, number: int, source: str) -> str:
    return graph.pool(f"pool{number}.{source.rpartition('.')[2]}", source, "max_pool", 2, 2)


def _joined(graph: GraphBuilder, name: str, sources: Sequence[str]) -> str:
    """Maps along their channels, smaller ones with zeros at the bottom and on the right."""
    if len(sources) == 1:
        return sources[0]
    shapes = [graph.shape(source) for source in sources]
    height, width = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    padded = []
    for source, shape in zip(sources, shapes, strict=True):
        margins = (0, height - shape[0], 0, width - shape[1])
        padded.append(graph.pad(f"{name}.pad_{source}", source, margins) if any(margins) else source)
    return graph.concat(f"{name}.join", *padded)


def lower_enas_macro(arch: MacroArch, input_shape: Shape, head: Head) -> Graph:
    """The operators of `arch` on images of `input_shape`, with `head` behind the last layer.

    Source: `general_child.py` of the published code, for a fixed arc; its pools stand as in the child of the search.

    Raises:
        SpaceError: A malformed input shape.
    """
    arch = canonical(arch)
    graph = GraphBuilder({IMAGE: check_input_shape(input_shape)})
    wiring, filters = Wiring(graph), arch.filters
    outputs = [graph.conv("stem", IMAGE, filters, 3)]
    for number, layer in enumerate(arch.layers):
        name = f"layer{number}"
        branch = _branch(wiring, f"{name}.{layer.op}", layer.op, outputs[-1], filters, separable=arch.separable)
        if number:
            source = (
                graph.concat(f"{name}.join", *(outputs[one] for one in layer.skips), branch) if layer.skips else branch
            )
            branch = graph.conv(name, wiring.relu(source), filters)
        outputs.append(branch)
        if number in arch.halvings:
            filters *= 2
            outputs = [wiring.factorized(f"half{number}.{one}", source, filters) for one, source in enumerate(outputs)]
    return pruned(graph.graph(*without_bias(head).append(graph, outputs[-1])))


def _branch(wiring: Wiring, name: str, op: str, source: str, filters: int, *, separable: bool) -> str:
    graph, kernel = wiring.graph, int(op[-1])
    narrow = graph.conv(f"{name}.in", wiring.relu(source), filters, activation="relu")
    if op.startswith(("avg", "max")):
        return graph.pool(name, narrow, "average_pool" if op.startswith("avg") else "max_pool", kernel)
    if op.startswith("sep") and separable:
        return graph.conv(name, graph.depthwise(f"{name}.depthwise", narrow, kernel, batch_norm=False), filters)
    return graph.conv(name, narrow, filters, kernel)
