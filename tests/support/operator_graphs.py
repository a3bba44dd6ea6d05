"""Small graphs of every operator that a family may have, in the orders in which families put them."""

from collections.abc import Callable

from random_graphs import factorized_reduction

from search_spaces import Graph, GraphBuilder

SHAPE = (9, 10, 3)


def _activation(kind: str) -> Callable[[GraphBuilder, str], str]:
    return lambda graph, x: graph.activation(kind, x, kind)


def _chain(graph, x):
    x = graph.conv("expand", x, 12, activation="relu6")
    x = graph.depthwise("depthwise", x, 5, 2, activation="relu6")
    return graph.conv("project", x, 6)


def _residual(graph, x):
    """Both sides read `x`; the ReLU behind the sum joins it."""
    x = graph.add("sum", graph.conv("left", x, 8, 3), x)
    return graph.activation("relu", x, "relu")


def _squeeze_excite(graph, x):
    units = graph.conv("reduce", graph.global_pool("squeeze", x), 2, bias=True, batch_norm=False, activation="relu")
    units = graph.conv("expand", units, 8, bias=True, batch_norm=False)
    return graph.multiply("scale", x, graph.activation("gate", units, "sigmoid"))


def _hard_gate(graph, x):
    units = graph.conv("units", graph.global_pool("squeeze", x), 8, bias=True, batch_norm=False)
    return graph.multiply("scale", x, graph.activation("gate", units, "hard_sigmoid"))


def _pre_activation(graph, x):
    """ReLU, convolution, normalization, as in cells; the first normalization follows no convolution."""
    x = graph.activation("first", graph.batch_norm("norm", graph.pool("pool", x, "max_pool", 3)), "relu")
    return graph.batch_norm("second", graph.conv("conv", x, 8, (1, 3), batch_norm=False))


def _norm_and_activation_apart(graph, x):
    """A converter folds them into the convolution all the same."""
    x = graph.batch_norm("norm", graph.conv("conv", x, 8, 3, batch_norm=False))
    return graph.activation("relu", x, "relu")


def _norm_read_twice(graph, x):
    x = graph.batch_norm("norm", x)
    return graph.add("sum", graph.activation("relu", x, "relu"), x)


def _computed_twice(graph, x):
    """Operators without weights that compute the same are computed once."""
    left, right = graph.activation("left", x, "relu"), graph.activation("right", x, "relu")
    return graph.add("sum", graph.conv("conv", left, 8), right)


def _joined(graph, x):
    """Maps of unlike ranges."""
    return graph.concat("join", graph.conv("left", x, 4, activation="relu6"), graph.conv("right", x, 6, 3))


def _joined_and_read(graph, x):
    left = graph.conv("left", x, 4, activation="relu6")
    joined = graph.concat("join", left, graph.conv("right", x, 6, 3))
    return graph.add("sum", graph.conv("after", joined, 4), left)


def _joined_pools(graph, x):
    return graph.concat("join", graph.pool("left", x, "max_pool", 3), graph.activation("right", x, "sigmoid"))


def _padded(graph, x):
    """No limit of what is padded is 0, and the padding is."""
    x = graph.activation("gate", x, "hard_sigmoid")
    x = graph.slice("slice", graph.pad("pad", x, (1, 0, 2, 1)), (0, 1, 1, 0), 2)
    return graph.pool("pool", graph.conv("conv", x, 8, 3, padding="valid"), "average_pool", 2, padding="valid")


def _pools(graph, x):
    halved = graph.pool("halved", x, "average_pool", 3, 2)
    return graph.add("sum", halved, graph.pool("other", x, "max_pool", 3, 2))


OPERATORS: dict[str, Callable[[GraphBuilder, str], str]] = {
    "chain": _chain,
    "residual": _residual,
    "squeeze_excite": _squeeze_excite,
    "hard_gate": _hard_gate,
    "pre_activation": _pre_activation,
    "norm_and_activation_apart": _norm_and_activation_apart,
    "norm_read_twice": _norm_read_twice,
    "computed_twice": _computed_twice,
    "joined": _joined,
    "joined_and_read": _joined_and_read,
    "joined_pools": _joined_pools,
    "padded": _padded,
    "pools": _pools,
    "reduction": lambda graph, x: factorized_reduction(graph, "reduction", x, 8),
    "dilated": lambda graph, x: graph.depthwise("depthwise", graph.conv("conv", x, 8, 3, dilation=2), 3, dilation=2),
    **{kind: _activation(kind) for kind in ("relu", "relu6", "sigmoid", "tanh", "hard_sigmoid", "hard_swish")},
}
"""What stands between a stem and a classifier."""


def operator_graph(name: str) -> Graph:
    """One of `OPERATORS` as a network of five scores."""
    graph = GraphBuilder({"image": SHAPE})
    features = OPERATORS[name](graph, graph.conv("stem", "image", 8, 3, activation="relu"))
    return graph.graph(graph.dense("scores", graph.global_pool("mean", features), 5))
