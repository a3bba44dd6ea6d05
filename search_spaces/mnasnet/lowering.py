"""MnasNet architectures as graphs: a stem, inverted residuals or convolutions, a 1x1 head.

Equal blocks at equal places are lowered once: a search prices thousands of networks that share most of theirs.
"""

from __future__ import annotations

from functools import lru_cache

from search_spaces.builder import GraphBuilder
from search_spaces.graph import ENTRY, IMAGE, Graph, Part, Shape, check_input_shape
from search_spaces.heads import Head
from search_spaces.mnasnet.architecture import (
    Activation,
    Block,
    MnasNetArch,
    Squeeze,
    round_filters,
    skip_acts,
)


def lower(arch: MnasNetArch, input_shape: Shape, head: Head) -> Graph:
    """The operators of `arch` on images of `input_shape`, with `head` behind its last map.

    Raises:
        SpaceError: A malformed input shape.
    """
    graph = GraphBuilder({IMAGE: check_input_shape(input_shape)})
    last = graph.extend(_stem(arch.stem_filters, arch.stem_stride, input_shape, arch.activation), "", IMAGE)
    for index, block in enumerate(arch.blocks, start=1):
        part = _block(block, graph.shape(last), block.activation or arch.activation, arch.squeeze)
        last = graph.extend(part, f"block{index}.", last)
    last = graph.extend(_head(arch.head_filters, graph.shape(last), arch.activation), "", last)
    if arch.top_filters:
        pooled = graph.global_pool("top.pool", last)
        last = graph.conv("top", pooled, arch.top_filters, activation=arch.activation, batch_norm=False, bias=True)
    return graph.graph(*head.append(graph, last))


@lru_cache(maxsize=1024)
def _stem(filters: int, stride: int, shape: Shape, activation: Activation) -> Part:
    graph = GraphBuilder({ENTRY: shape})
    graph.conv("stem", ENTRY, filters, 3, stride, activation=activation)
    return graph.part()


@lru_cache(maxsize=65536)
def _block(block: Block, shape: Shape, activation: Activation, squeeze: Squeeze) -> Part:
    graph, last = GraphBuilder({ENTRY: shape}), ENTRY
    for layer in range(1, block.layers + 1):
        stride = block.stride if layer == 1 else 1
        last = _layer(graph, f"layer{layer}", last, block, stride, activation, squeeze)
    return graph.part()


@lru_cache(maxsize=1024)
def _head(filters: int, shape: Shape, activation: Activation) -> Part:
    graph = GraphBuilder({ENTRY: shape})
    graph.conv("head", ENTRY, filters, activation=activation)
    return graph.part()


def _layer(
    graph: GraphBuilder,
    name: str,
    source: str,
    block: Block,
    stride: int,
    activation: Activation,
    squeeze: Squeeze,
) -> str:
    filters_in = graph.shape(source)[2]
    last = source
    if block.op == "mbconv":
        if block.expansion > 1:
            last = graph.conv(f"{name}.expand", last, block.inner(filters_in), activation=activation)
        last = graph.depthwise(f"{name}.depthwise", last, block.kernel, stride, activation=activation)
    else:
        last = graph.conv(f"{name}.conv", last, block.filters, block.kernel, stride, activation=activation)
    if block.se_ratio:
        last = _squeeze_excite(graph, name, last, filters_in, block.se_ratio, squeeze)
    if block.op == "mbconv":
        last = graph.conv(f"{name}.project", last, block.filters)
    if skip_acts(block.skip, stride, filters_in, block.filters):
        if block.skip == "pool":
            source = graph.pool(f"{name}.pool", source, "average_pool", 3, stride)
        last = graph.add(f"{name}.add", last, source)
    return last


def _squeeze_excite(
    graph: GraphBuilder, name: str, features: str, filters_in: int, ratio: float, squeeze: Squeeze
) -> str:
    """Hu et al. (CVPR 2018); both convolutions carry a bias, the first a ReLU, the gate is a (hard) sigmoid."""
    filters = graph.shape(features)[2]
    width = max(1, int(filters_in * ratio)) if squeeze == "input" else round_filters(filters * ratio)
    pooled = graph.global_pool(f"{name}.se.pool", features)
    # Averages of ReLUs are positive: weights of both signs would leave these few units dead for every image, and a
    # tensor of zeros gets an int8 scale that XNNPACK refuses.
    squeezed = graph.conv(
        f"{name}.se.reduce", pooled, width, activation="relu", batch_norm=False, bias=True, initializer="positive"
    )
    excited = graph.conv(f"{name}.se.expand", squeezed, filters, batch_norm=False, bias=True)
    gate = graph.activation(f"{name}.se.gate", excited, "sigmoid" if squeeze == "input" else "hard_sigmoid")
    return graph.multiply(f"{name}.se.scale", features, gate)
