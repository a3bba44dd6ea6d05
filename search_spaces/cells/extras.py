"""The auxiliary head and the paths of networks of cells, which ship without them."""

from __future__ import annotations

from search_spaces.builder import GraphBuilder
from search_spaces.cells.architecture import CellArch
from search_spaces.cells.lowering import features, head_of
from search_spaces.cells.skeleton import auxiliary_place, canonical
from search_spaces.graph import ENTRY, Part, PlacedPart, Shape, pruned
from search_spaces.heads import Head
from search_spaces.training_extras import Extras

_WINDOW, _STRIDE, _NARROW, _WIDE = 5, 3, 128, 768


def extras(arch: CellArch, input_shape: Shape, head: Head) -> Extras:
    """The auxiliary head and the droppable paths of a network.

    Source: `_build_aux_head` and `_apply_drop_path` of the published code of NASNet, `_build_aux_head` of ENAS's. A map
    that is smaller than the window of the head's pool is pooled as a whole.
    """
    arch = canonical(arch)
    made = features(arch, input_shape)
    kept = {one.name for one in pruned(made.graph.graph(made.features)).operators}
    source = made.outputs[auxiliary_place(arch) + 1]  # behind that of the stem
    shape = made.graph.shape(source)
    part = _auxiliary(shape, head_of(arch, head), same=arch.style.auxiliary == 1)
    return Extras(
        PlacedPart(part, "auxiliary.", source) if source in kept else None,
        {name: depth for name, depth in made.paths.items() if name in kept},
    )


def _auxiliary(shape: Shape, head: Head, *, same: bool) -> Part:
    """A second head on a map of that shape.

    Args:
        shape: Of the map.
        head: Of the network; it stands at the end of the auxiliary one as well.
        same: Whether the last convolution keeps the size of its map (ENAS), which the head then averages.
    """
    graph = GraphBuilder({ENTRY: shape})
    window = (min(_WINDOW, shape[0]), min(_WINDOW, shape[1]))
    read = graph.activation("relu", ENTRY, "relu")
    pooled = graph.pool("pool_in", read, "average_pool", window, _STRIDE, padding="valid")
    narrow = graph.conv("narrow", pooled, _NARROW, activation="relu")
    kernel = graph.shape(narrow)[:2]
    wide = graph.conv("wide", narrow, _WIDE, kernel, activation="relu", padding="same" if same else "valid")
    head.append(graph, wide)
    return graph.part()
