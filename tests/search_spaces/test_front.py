"""A front changes the scale of images and nothing else, in Keras and in the list of operators."""

import numpy as np
import pytest

from search_spaces import GraphBuilder, SpaceError, build_graph, lower, published, scale
from search_spaces.front import FRONT, normalized
from search_spaces.signatures import graph_signatures

SHAPE = (32, 32, 3)


def with_scale(graph, factor, shift):
    model = build_graph(normalized(graph))
    model.get_layer(FRONT).set_weights([np.full((1, 1, 3, 1), factor), np.full(3, shift)])
    return model


def test_it_computes_what_the_network_computes_of_scaled_images():
    graph = lower(scale(published("mobilenet-v2"), 0.35), SHAPE, 5)
    fronted, plain = with_scale(graph, 2.0, -1.0), build_graph(graph)
    for layer in plain.layers:
        if layer.weights:
            fronted.get_layer(layer.name).set_weights(layer.get_weights())
    images = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    assert np.array_equal(fronted(images), plain(2 * images - 1))


def test_it_is_one_operator_more():
    graph = lower(scale(published("mobilenet-v2"), 0.35), SHAPE, 5)
    plain, fronted = graph_signatures(graph, "int8"), graph_signatures(normalized(graph), "int8")
    assert fronted[1:] == plain
    assert fronted[0] == "DEPTHWISE_CONV_2D 1x32x32x3>1x32x32x3 k1x1 s1x1 same int8"


def test_operators_that_read_the_input_directly_read_the_front():
    builder = GraphBuilder({"photo": SHAPE})
    left, right = builder.conv("left", "photo", 3), builder.pool("right", "photo", "max_pool", 3)
    model = with_scale(builder.graph(builder.add("sum", left, right)), 0.0, 0.25)
    images = np.random.default_rng(0).random((1, *SHAPE), np.float32)
    assert np.ptp(model(images), axis=(1, 2)).max() == 0


def test_a_network_of_several_inputs_has_no_front():
    builder = GraphBuilder({"one": SHAPE, "two": SHAPE})
    with pytest.raises(SpaceError, match="one input, not of 2"):
        normalized(builder.graph(builder.add("sum", "one", "two")))
