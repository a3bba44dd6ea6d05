"""Graphs of every kind of operator, against the Keras models they become."""

import numpy as np
import pytest
from random_graphs import factorized_reduction, random_graph

from search_spaces import Classifier, GraphBuilder, SpaceError, as_if_trained, build_graph
from search_spaces.graph import ENTRY, graph_cost


@pytest.mark.parametrize("seed", range(8))
def test_shapes_and_parameters_are_those_of_the_model(seed):
    graph = random_graph(np.random.default_rng(seed))
    model = build_graph(graph, seed=seed)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == graph_cost(graph).params
    for operator in graph.operators:
        made = tuple(model.get_layer(operator.name).output.shape[1:])
        assert made in (operator.output_shape, operator.output_shape[2:])


def test_several_inputs_and_outputs():
    graph = GraphBuilder({"left": (8, 8, 3), "right": (8, 8, 5)})
    both = graph.concat("both", "left", "right")
    small = graph.conv("small", both, 4, 3, 2, activation="relu")
    large = graph.conv("large", both, 6)
    model = build_graph(graph.graph(small, large))
    images = [np.zeros((2, 8, 8, channels), np.float32) for channels in (3, 5)]
    assert [tuple(one.shape) for one in model(images)] == [(2, 4, 4, 4), (2, 8, 8, 6)]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 8), (7, 5)])
def test_a_factorized_reduction_reads_every_second_pixel_twice(height, width):
    """Zoph et al. (CVPR 2018): one path reads pixels 0, 2, ..., the other 1, 3, ..., both of the same size."""
    graph = GraphBuilder({"image": (height, width, 1)})
    made = factorized_reduction(graph, "reduce", "image", 3)
    assert graph.shape(made) == (-(-height // 2), -(-width // 2), 3)
    model = build_graph(graph.graph("reduce.even", "reduce.odd"))
    image = np.arange(1, 1 + height * width, dtype=np.float32).reshape(1, height, width, 1)
    even, odd = model(image)
    padded = np.pad(image, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    assert np.array_equal(even, image[:, ::2, ::2])
    assert np.array_equal(odd, padded[:, 1::2, 1::2])


def test_hard_activations_have_the_slope_of_mobilenet_v3():
    graph = GraphBuilder({"image": (1, 1, 4)})
    model = build_graph(
        graph.graph(graph.activation("gate", "image", "hard_sigmoid"), graph.activation("swish", "image", "hard_swish"))
    )
    values = np.float32([-4, -1.5, 0, 3]).reshape(1, 1, 1, 4)
    gate, swish = model(values)
    assert np.allclose(gate, np.clip(values / 6 + 0.5, 0, 1), atol=1e-6)
    assert np.allclose(swish, values * np.clip(values / 6 + 0.5, 0, 1), atol=1e-6)


def test_only_normalizations_that_stand_alone_get_statistics():
    graph = GraphBuilder({"image": (4, 4, 3)})
    joined = graph.conv("conv", "image", 4)
    model = build_graph(graph.graph(graph.batch_norm("alone", graph.pool("pool", joined, "max_pool", 3))))
    before = model.get_layer("conv.norm").get_weights()
    as_if_trained(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_layer("conv.norm").get_weights(), strict=True))
    assert np.all(model.get_layer("alone").moving_mean.numpy() > 0)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda graph: graph.conv("a", "nowhere", 4), "no operator or input 'nowhere'"),
        (lambda graph: graph.conv("image", "image", 4), "'image' already"),
        (lambda graph: graph.add("a", "image", "vector"), "cannot add"),
        (lambda graph: graph.multiply("a", "vector", "image"), "cannot multiply"),
        (lambda graph: graph.concat("a", "image", "vector"), "different sizes"),
        (lambda graph: graph.dense("a", "image", 3), "pool it first"),
        (lambda graph: graph.slice("a", "image", (2, 2, 0, 0)), "leaves nothing"),
        (lambda graph: graph.conv("a", "image", 4, 5, padding="valid"), "would make"),
        (lambda graph: graph.graph("nowhere"), "'nowhere'"),
        (lambda graph: Classifier(0), "at least one class"),
    ],
)
def test_what_no_network_can_do_is_one_line(write, words):
    with pytest.raises(SpaceError, match=words) as caught:
        write(GraphBuilder({"image": (4, 4, 3), "vector": (1, 1, 4)}))
    assert "\n" not in str(caught.value)


def test_a_part_stands_anywhere_its_shape_fits():
    block = GraphBuilder({ENTRY: (4, 4, 3)})
    block.conv("wide", ENTRY, 6)
    block.conv("narrow", "wide", 3)
    part = block.part()
    graph = GraphBuilder({"image": (4, 4, 3)})
    last = graph.extend(part, "second.", graph.extend(part, "first.", "image"))
    operators = graph.graph(last).operators
    assert [one.name for one in operators] == ["first.wide", "first.narrow", "second.wide", "second.narrow"]
    assert [one.inputs for one in operators] == [("image",), ("first.wide",), ("first.narrow",), ("second.wide",)]
    with pytest.raises(SpaceError, match="already"):
        graph.extend(part, "first.", "image")
    with pytest.raises(SpaceError, match=r"reads \(4, 4, 3\), but image is \(4, 4, 1\)"):
        GraphBuilder({"image": (4, 4, 1)}).extend(part, "first.", "image")
