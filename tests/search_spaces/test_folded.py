"""A network without its batch normalizations computes what it computed with them."""

import numpy as np
import pytest
from operator_graphs import OPERATORS, operator_graph
from random_graphs import random_graph
from varied import VARIED

from search_spaces import Graph, GraphBuilder, SpaceError, build_graph, lower, published, scale

IMAGE = (32, 32, 3)


def trained(graph: Graph):
    """With statistics, offsets and biases that a training would leave, and dropout, which does nothing in inference."""
    import tf_keras

    model, rng = build_graph(graph, dropout=0.3), np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(0.5, 1.5, weight.shape) - 0.8 * weight.name.endswith(("beta:0", "mean:0")))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.uniform(-0.5, 0.5, layer.bias.shape))
    return model


def assert_folds(graph: Graph) -> Graph:
    """Returns what is left of it."""
    from search_spaces.keras_models.folded import build_folded, fold, folded_graph

    model = trained(graph)
    left, weights = fold(graph, model)
    images = np.random.default_rng(1).random((4, *graph.inputs[0][1]), np.float32)
    expected = model(images).numpy()
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(build_folded(left, weights)(images), expected, atol=1e-5 * np.abs(expected).max())
    assert left.operators == folded_graph(graph).operators
    assert not any(operator.batch_norm for operator in left.operators)
    return left


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator(name: str) -> None:
    left = assert_folds(operator_graph(name))
    alone = {"pre_activation": ["norm"], "norm_read_twice": ["norm"], "reduction": ["reduction.norm"]}
    assert [one.name for one in left.operators if one.kind == "batch_norm"] == alone.get(name, [])


@pytest.mark.parametrize("name", VARIED)
def test_every_published_network(name: str) -> None:
    assert_folds(lower(scale(published(name), 0.25, 0.25), IMAGE, 5))


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs(seed: int) -> None:
    assert_folds(random_graph(np.random.default_rng(seed)))


def test_what_two_read_is_not_joined() -> None:
    left = assert_folds(operator_graph("norm_read_twice"))
    assert [one.name for one in left.operators] == ["stem", "norm", "relu", "sum", "mean", "scores"]


def test_what_leaves_the_network_is_not_changed() -> None:
    graph = GraphBuilder({"image": IMAGE})
    inner = graph.conv("inner", "image", 4, 3)
    outer = graph.activation("outer", inner, "relu")
    network = graph.graph(inner, outer)
    model = trained(network)
    from search_spaces.keras_models.folded import build_folded, fold

    images = np.random.default_rng(1).random((2, *IMAGE), np.float32)
    for found, expected in zip(build_folded(*fold(network, model))(images), model(images), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_network_of_another_graph_is_refused() -> None:
    from search_spaces.keras_models.folded import fold

    model = trained(operator_graph("chain"))
    with pytest.raises(SpaceError, match="no layer left: it was built from another graph"):
        fold(operator_graph("residual"), model)
