"""A small graph with shared weights, whose networks have three knobs: operator, width and depth."""

from functools import partial
from typing import NamedTuple

from search_spaces.builder import GraphBuilder
from search_spaces.graph import Graph
from search_spaces.heads import Classifier
from search_spaces.shared import SharedBuilder, SharedGraph

IMAGE = {"image": (8, 8, 3)}


class Tiny(NamedTuple):
    """A network."""

    op: str
    filters: int
    deep: bool


def lower(arch: Tiny) -> Graph:
    graph = GraphBuilder(IMAGE)
    last = graph.conv("stem", "image", 4, 3, activation="relu")
    if arch.op == "conv":
        last = graph.conv("conv", last, arch.filters, 3, activation="relu")
    else:
        last = graph.conv("project", graph.depthwise("depthwise", last, 3, activation="relu"), arch.filters)
    if arch.deep:
        last = graph.conv("deeper", last, arch.filters, 1, activation="relu")
    return graph.graph(*Classifier(2).append(graph, last))


def tiny_shared() -> SharedGraph[Tiny]:
    graph = SharedBuilder(IMAGE)
    stem = graph.conv("stem", "image", 4, 3, activation="relu")
    conv = graph.conv("conv", stem, 8, 3, activation="relu")
    separable = graph.conv("project", graph.depthwise("depthwise", stem, 3, activation="relu"), 8)
    last = graph.switch("op", conv, separable, mixed=True)
    last = graph.switch("depth", last, graph.conv("deeper", last, 8, 1, activation="relu"))
    outputs = Classifier(2).append(graph, last)
    return SharedGraph(
        inputs=tuple(IMAGE.items()),
        steps=graph.steps(*outputs),
        outputs=outputs,
        lower=partial(lower),
        owner=lambda arch, name: name,
        smallest=Tiny("conv", 4, False),
        largest=Tiny("conv", 8, True),
    )
