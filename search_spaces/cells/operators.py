"""The operators of cells: what each of them is made of.

As in the published code of NASNet and PNASNet (Zoph et al. 2017, appendix A.4): a ReLU stands in front of every
convolution, a batch normalization behind each that changes channels, and no convolution has a bias. Strides lie in the
first convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from search_spaces.builder import GraphBuilder
from search_spaces.drawing import Look
from search_spaces.graph import Kind

Identity = Literal["conv", "factorized", "relu_factorized"]
"""What an identity of stride 2 is made of."""

_BY = "\N{MULTIPLICATION SIGN}"


class Wiring:
    """The graph of a network under construction, in which each map has one ReLU, whoever reads it.

    Attributes:
        graph: The operators so far.
    """

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph
        self._relus: dict[str, str] = {}

    def relu(self, source: str) -> str:
        """What is positive of a map."""
        if source not in self._relus:
            self._relus[source] = self.graph.activation(f"{source}.relu", source, "relu")
        return self._relus[source]

    def factorized(self, name: str, source: str, filters: int) -> str:
        """Half as high and wide: one half of the filters reads the even pixels, the other half the odd ones.

        Source: `factorized_reduction` of the published code. Its batch normalization of the joined channels is written
        as one behind each convolution, which computes the same and folds into the weights.
        """
        padded = self.graph.pad(f"{name}.pad", source, (0, 1, 0, 1))
        odd = self.graph.slice(f"{name}.odd", padded, (1, 0, 1, 0), 2)
        if filters == 1:
            return self.graph.conv(f"{name}.conv_odd", odd, 1)
        even = self.graph.slice(f"{name}.even", source, (0, 0, 0, 0), 2)
        left = self.graph.conv(f"{name}.conv_even", even, filters // 2)
        right = self.graph.conv(f"{name}.conv_odd", odd, filters - filters // 2)
        return self.graph.concat(f"{name}.concat", left, right)


@dataclass(frozen=True, slots=True)
class Target:
    """What an operator has to make of the state that it reads.

    Attributes:
        filters: Of its result.
        stride: 2 in a reduction cell, where it reads an input of the cell.
        identity: What an identity of stride 2 is.
    """

    filters: int
    stride: int
    identity: Identity = "conv"


Lowered = Callable[[Wiring, str, str, Target], str]
"""Wiring, name, what it reads, target -> the name of its last operator."""


@dataclass(frozen=True, slots=True)
class CellOperator:
    """One entry of the menu.

    Attributes:
        label: How a drawing calls it.
        look: How it is drawn.
        lower: Appends its operators.
    """

    label: str
    look: Look
    lower: Lowered


def _identity(wiring: Wiring, name: str, source: str, target: Target) -> str:
    changes = wiring.graph.shape(source)[2] != target.filters
    if target.stride == 1 and not changes:
        return source
    if target.stride == 2 and target.identity != "conv":
        read = source if target.identity == "factorized" else wiring.relu(source)
        return wiring.factorized(name, read, target.filters)
    return wiring.graph.conv(name, wiring.relu(source), target.filters, strides=target.stride)


def _separable(kernel: int, wiring: Wiring, name: str, source: str, target: Target) -> str:
    """Applied twice, as in NASNet."""
    graph = wiring.graph
    last = graph.depthwise(f"{name}.depthwise1", wiring.relu(source), kernel, target.stride, batch_norm=False)
    last = graph.conv(f"{name}.pointwise1", last, target.filters, activation="relu")
    last = graph.depthwise(f"{name}.depthwise2", last, kernel, batch_norm=False)
    return graph.conv(f"{name}.pointwise2", last, target.filters)


def _pool(kind: Kind, kernel: int, wiring: Wiring, name: str, source: str, target: Target) -> str:
    """A change of channels follows without a ReLU."""
    pooled = wiring.graph.pool(name, source, kind, kernel, target.stride)
    if wiring.graph.shape(pooled)[2] == target.filters:
        return pooled
    return wiring.graph.conv(f"{name}.project", pooled, target.filters)


def _conv(kernel: int, wiring: Wiring, name: str, source: str, target: Target) -> str:
    return wiring.graph.conv(name, wiring.relu(source), target.filters, kernel, target.stride)


def _factors(length: int, wiring: Wiring, name: str, source: str, target: Target) -> str:
    """A row, which strides, then a column."""
    graph, read = wiring.graph, wiring.relu(source)
    last = graph.conv(f"{name}.row", read, target.filters, (1, length), target.stride, activation="relu")
    return graph.conv(f"{name}.column", last, target.filters, (length, 1))


def _bottleneck(length: int, wiring: Wiring, name: str, source: str, target: Target) -> str:
    """The factors at a quarter of the filters, as in AmoebaNet's code."""
    graph, inner = wiring.graph, max(1, target.filters // 4)
    last = graph.conv(f"{name}.reduce", wiring.relu(source), inner, activation="relu")
    last = graph.conv(f"{name}.row", last, inner, (1, length), target.stride, activation="relu")
    last = graph.conv(f"{name}.column", last, inner, (length, 1), activation="relu")
    return graph.conv(f"{name}.expand", last, target.filters)


def _dilated(wiring: Wiring, name: str, source: str, target: Target) -> str:
    """With stride 2 all pixels that it reads are even ones, so these are taken first."""
    read, rate = _every_second(wiring, name, wiring.relu(source), target)
    return wiring.graph.conv(name, read, target.filters, 3, dilation=rate)


def _dilated_separable(kernel: int, wiring: Wiring, name: str, source: str, target: Target) -> str:
    """Applied once, as in DARTS."""
    read, rate = _every_second(wiring, name, wiring.relu(source), target)
    last = wiring.graph.depthwise(f"{name}.depthwise", read, kernel, dilation=rate, batch_norm=False)
    return wiring.graph.conv(f"{name}.pointwise", last, target.filters)


def _every_second(wiring: Wiring, name: str, source: str, target: Target) -> tuple[str, int]:
    """What a convolution of rate 2 reads, and the rate at which it reads that."""
    if target.stride == 1:
        return source, 2
    return wiring.graph.slice(f"{name}.even", source, (0, 0, 0, 0), target.stride), 1


MENU: Mapping[str, CellOperator] = {
    "identity": CellOperator("identity", "other", _identity),
    "sep3": CellOperator(f"sep 3{_BY}3", "separable", partial(_separable, 3)),
    "sep5": CellOperator(f"sep 5{_BY}5", "separable", partial(_separable, 5)),
    "sep7": CellOperator(f"sep 7{_BY}7", "separable", partial(_separable, 7)),
    "avg3": CellOperator(f"avg 3{_BY}3", "pool", partial(_pool, "average_pool", 3)),
    "max3": CellOperator(f"max 3{_BY}3", "pool", partial(_pool, "max_pool", 3)),
    "max5": CellOperator(f"max 5{_BY}5", "pool", partial(_pool, "max_pool", 5)),
    "max7": CellOperator(f"max 7{_BY}7", "pool", partial(_pool, "max_pool", 7)),
    "conv1": CellOperator(f"conv 1{_BY}1", "conv", partial(_conv, 1)),
    "conv3": CellOperator(f"conv 3{_BY}3", "conv", partial(_conv, 3)),
    "conv1x3_3x1": CellOperator(f"conv 1{_BY}3, 3{_BY}1", "conv", partial(_factors, 3)),
    "conv1x7_7x1": CellOperator(f"conv 1{_BY}7, 7{_BY}1", "conv", partial(_factors, 7)),
    "bottleneck1x7_7x1": CellOperator(f"bottleneck 1{_BY}7, 7{_BY}1", "conv", partial(_bottleneck, 7)),
    "dil3": CellOperator(f"dilated 3{_BY}3", "conv", _dilated),
    "dilsep3": CellOperator(f"dilated sep 3{_BY}3", "separable", partial(_dilated_separable, 3)),
    "dilsep5": CellOperator(f"dilated sep 5{_BY}5", "separable", partial(_dilated_separable, 5)),
}
"""All operators that a cell can have, by name; a space offers some of them."""
