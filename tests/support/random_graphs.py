"""Feed-forward networks of every kind of operator, drawn at random."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from search_spaces import Classifier, Graph, GraphBuilder

FILTERS = 8


def factorized_reduction(graph: GraphBuilder, name: str, source: str, filters: int) -> str:
    """NASNet's halving of a map without losing pixels."""
    height, width, _ = graph.shape(source)
    even = graph.slice(f"{name}.even", source, (0, 0, 0, 0), 2)
    left = graph.conv(f"{name}.left", even, filters // 2, batch_norm=False)
    if height % 2 or width % 2:
        source = graph.pad(f"{name}.pad", source, (0, height % 2, 0, width % 2))
    odd = graph.slice(f"{name}.odd", source, (1, 0, 1, 0), 2)
    right = graph.conv(f"{name}.right", odd, filters - filters // 2, batch_norm=False)
    return graph.batch_norm(f"{name}.norm", graph.concat(f"{name}.join", left, right))


@dataclass
class _Drawn:
    graph: GraphBuilder
    rng: np.random.Generator
    states: list[str] = field(default_factory=list)

    def another(self, source: str, sides: int) -> str | None:
        """A state like `source` in its first `sides` sizes."""
        shape = self.graph.shape(source)[:sides]
        alike = [one for one in self.states if one != source and self.graph.shape(one)[:sides] == shape]
        return alike[int(self.rng.integers(len(alike)))] if alike else None

    def append(self, kind: str, name: str, source: str) -> str | None:
        graph, rng = self.graph, self.rng
        match kind:
            case "pre-activation":
                return graph.conv(name, graph.activation(f"{name}.relu", source, "relu"), FILTERS, (7, 1))
            case "separable":
                relu = graph.activation(f"{name}.relu", source, "relu")
                return graph.conv(name, graph.depthwise(f"{name}.depthwise", relu, 3, batch_norm=False), FILTERS)
            case "rectangle":
                strides = (1, 1) if min(graph.shape(source)[:2]) < 6 else (1, 2)
                activation = str(rng.choice(["none", "relu", "relu6"]))
                return graph.conv(name, source, FILTERS, (1, 3), strides, activation=activation)
            case "dilated":
                return graph.conv(name, source, FILTERS, 3, dilation=2)
            case "dilated depthwise":
                return graph.depthwise(name, source, 3, dilation=2)
            case "wide":
                return graph.conv(name, source, 64, 5)
            case "average_pool" | "max_pool":
                return graph.pool(name, source, kind, 3)
            case "add":
                other = self.another(source, 3)
                return graph.add(name, source, other) if other else None
            case "concat":
                other = self.another(source, 2)
                return graph.concat(name, source, other) if other else None
            case "reduction":
                return factorized_reduction(graph, name, source, FILTERS)
            case "pad":
                return graph.pad(name, source, (1, 0, 0, 1))
            case "gate":
                pooled = graph.global_pool(f"{name}.pool", source)
                units = graph.conv(f"{name}.units", pooled, graph.shape(source)[2], batch_norm=False, bias=True)
                return graph.multiply(name, source, graph.activation(f"{name}.gate", units, "hard_sigmoid"))
            case "batch_norm":
                return graph.batch_norm(name, source)
        return graph.activation(name, source, kind)


KINDS = [
    *"pre-activation separable rectangle dilated wide average_pool max_pool add concat reduction pad gate".split(),
    *"batch_norm hard_swish hard_sigmoid relu relu6 sigmoid tanh".split(),
    "dilated depthwise",
]


def random_graph(rng: np.random.Generator, kinds: Sequence[str] = KINDS) -> Graph:
    """A classifier of some operators, each reading any earlier one; all of them are used."""
    drawn = _Drawn(GraphBuilder({"image": (int(rng.integers(9, 20)), int(rng.integers(9, 20)), 3)}), rng)
    graph, states = drawn.graph, drawn.states
    states.append(graph.conv("stem", "image", FILTERS, 3))
    for index in range(int(rng.integers(5, 12))):
        source = states[int(rng.integers(len(states)))]
        made = drawn.append(str(rng.choice(kinds)), f"op{index}", source)
        states += [made] if made else []
    read = {name for operator in graph.part().operators for name in operator.inputs}
    pooled = [graph.global_pool(f"{name}.mean", name) for name in states if name not in read]
    last = graph.concat("all", *pooled) if len(pooled) > 1 else pooled[0]
    return graph.graph(*Classifier(5).append(graph, last))
