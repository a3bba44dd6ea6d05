"""All networks of a MnasNet space at once.

What shares weights follows TuNAS (Bender et al., CVPR 2020, section 3) and Once-for-All (Cai et al., ICLR 2020, section
3.2): the weights of an inverted residual serve both kernels and both expansions, the smaller kernel being the centre of
the larger one, the smaller expansion the first channels; plain convolutions, separable ones and inverted residuals
share nothing; a block of fewer layers has the first ones; fewer filters are the first filters.
"""

from __future__ import annotations

from functools import partial

from search_spaces.decision import Choice
from search_spaces.graph import IMAGE, Shape, check_input_shape
from search_spaces.heads import Head
from search_spaces.mnasnet.architecture import MnasNetArch
from search_spaces.mnasnet.lowering import lower
from search_spaces.mnasnet.space import FIELDS, OPS, MnasNetParameters, mnasnet_space, most_layers, skeleton_and_menus
from search_spaces.shared import SharedBuilder, SharedGraph

_KERNEL = max(kernel for kernel in FIELDS["kernel"] if isinstance(kernel, int))
_WIDEST = max(expansion for _, expansion in OPS.values())
_RATIO = max(ratio for ratio in FIELDS["se_ratio"] if isinstance(ratio, float))
_SMALLEST: dict[str, Choice] = {
    "op": "sepconv",
    "kernel": 3,
    "se_ratio": 0.0,
    "skip": "identity",
    "filters": 0.75,
    "layers": -1,
}
_LARGEST: dict[str, Choice] = {
    "op": "mbconv6",
    "kernel": 5,
    "se_ratio": 0.25,
    "skip": "identity",
    "filters": 1.25,
    "layers": 1,
}


def shared_graph(input_shape: Shape, parameters: MnasNetParameters, head: Head) -> SharedGraph[MnasNetArch]:
    """The shared graph of the space of those parameters.

    Raises:
        SpaceError: An image too small for the space.
    """
    skeleton, menus = skeleton_and_menus(input_shape, parameters)
    graph = SharedBuilder({IMAGE: check_input_shape(input_shape)})
    last = graph.conv("stem", IMAGE, skeleton.stem_filters, 3, skeleton.stem_stride, activation="relu")
    widths = {skeleton.stem_filters}
    for index, (block, menu) in enumerate(zip(skeleton.blocks, menus, strict=True), 1):
        for layer in range(1, most_layers(block.layers) + 1):
            made = _Layer(graph, f"block{index}.layer{layer}", max(menu.values()), block.stride if layer == 1 else 1)
            out = made.on(last, same_width=bool(widths & {*menu.values()}))
            last = out if layer == 1 else graph.switch(f"block{index}.layers{layer}", last, out)
            widths = {*menu.values()}
    last = graph.conv("head", last, skeleton.head_filters, activation="relu")
    outputs = head.append(graph, last)
    space = mnasnet_space(input_shape, parameters)
    smallest, largest = (
        space.decode([decision.token(choices[decision.tag]) for decision in space.decisions])
        for choices in (_SMALLEST, _LARGEST)
    )
    return SharedGraph(
        inputs=((IMAGE, input_shape),),
        steps=graph.steps(*outputs),
        outputs=outputs,
        lower=partial(lower, input_shape=input_shape, head=head),
        owner=_owner,
        smallest=smallest,
        largest=largest,
        operator_tags=frozenset({"op"}),
        width_tags=frozenset({"filters"}),
    )


class _Layer:
    """One layer, which any block at its place may have."""

    def __init__(self, graph: SharedBuilder, name: str, filters: int, stride: int) -> None:
        self._graph, self._name, self._filters, self._stride = graph, name, filters, stride

    def on(self, source: str, same_width: bool) -> str:
        """Appends the layer; `same_width`: whether it may have as many filters as what it reads."""
        graph, name = self._graph, self._name
        kinds = (self._conv(source), self._mbconv(source, 1), self._mbconv(source, _WIDEST))
        made = graph.switch(f"{name}.op", *kinds, mixed=True)
        options = [made]
        if same_width:
            if self._stride == 1:
                options.append(graph.loose_add(f"{name}.identity.add", made, source))
            pooled = graph.pool(f"{name}.pool", source, "average_pool", 3, self._stride)
            options.append(graph.loose_add(f"{name}.pool.add", made, pooled))
        return graph.switch(f"{name}.skip", *options)

    def _conv(self, source: str) -> str:
        graph, name = self._graph, f"{self._name}.conv"
        made = graph.conv(name, source, self._filters, _KERNEL, self._stride, activation="relu")
        return self._squeezed(name, source, made)

    def _mbconv(self, source: str, expansion: float) -> str:
        graph, name = self._graph, f"{self._name}.{'mbconv' if expansion > 1 else 'sepconv'}"
        wide = source
        if expansion > 1:
            wide = graph.conv(f"{name}.expand", source, int(graph.shape(source)[2] * expansion), activation="relu")
        filtered = graph.depthwise(f"{name}.depthwise", wide, _KERNEL, self._stride, activation="relu")
        return graph.conv(f"{name}.project", self._squeezed(name, source, filtered), self._filters)

    def _squeezed(self, name: str, source: str, features: str) -> str:
        """Features with squeeze-and-excitation, or without."""
        graph, filters = self._graph, self._graph.shape(features)[2]
        width = max(1, int(graph.shape(source)[2] * _RATIO))
        pooled = graph.global_pool(f"{name}.se.pool", features)
        reduced = graph.conv(
            f"{name}.se.reduce", pooled, width, activation="relu", batch_norm=False, bias=True, initializer="positive"
        )
        excited = graph.conv(f"{name}.se.expand", reduced, filters, batch_norm=False, bias=True)
        gate = graph.activation(f"{name}.se.gate", excited, "sigmoid")
        return graph.switch(f"{name}.se", features, graph.multiply(f"{name}.se.scale", features, gate))


def _owner(arch: MnasNetArch, name: str) -> str:
    """`block1.layer2.se.reduce` of an inverted residual is `block1.layer2.mbconv.se.reduce` of the shared graph."""
    place, _, rest = name.partition(".")
    if not place.startswith("block"):
        return name
    block = arch.blocks[int(place.removeprefix("block")) - 1]
    layer, _, part = rest.partition(".")
    kind = block.op if block.op == "conv" else "mbconv" if block.expansion > 1 else "sepconv"
    if part in ("add", "pool"):
        return f"{place}.{layer}.{block.skip}.add" if part == "add" else f"{place}.{layer}.pool"
    return f"{place}.{layer}.conv" if part == "conv" else f"{place}.{layer}.{kind}.{part}"
