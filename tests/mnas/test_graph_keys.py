"""The signatures foreseen from a graph of any operators are those of its TFLite file."""

from collections import Counter

import numpy as np
import pytest
from random_graphs import random_graph

from device_bench import to_tflite
from device_bench.latency_table.signature import signatures as read
from search_spaces import GraphBuilder, as_if_trained, build_graph, lower, space
from search_spaces.signatures import graph_signatures


def assert_foreseen(graph, precisions):
    model = build_graph(graph, seed=1)
    as_if_trained(model)
    given = [np.random.default_rng(0).random((4, *shape), np.float32) for _, shape in graph.inputs]
    for precision in precisions:
        foreseen = Counter(graph_signatures(graph, precision))
        assert foreseen == Counter(read(to_tflite(model, precision, given if len(given) > 1 else given[0]))), precision


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_of_every_operator(seed):
    assert_foreseen(random_graph(np.random.default_rng(seed)), ("float32", "float16", "dynamic"))


@pytest.mark.parametrize("seed", [*range(12), 36, 44, 82, 90])
def test_random_graphs_in_int8(seed):
    assert_foreseen(random_graph(np.random.default_rng(seed)), ("int8",))


@pytest.mark.parametrize("name", ["nasnet", "pnas", "enas-micro", "darts"])
@pytest.mark.parametrize("seed", range(2))
def test_random_networks_of_cells(name, seed):
    parameters = {"combines": seed % 2 == 0} if name == "nasnet" else {}
    drawn = space(name, (12, 12, 3), filters=4, repeats=1, **parameters)
    arch = drawn.decode(drawn.sample(np.random.default_rng(seed)))
    assert_foreseen(lower(arch, (12, 12, 3), 5), ("float32", "int8"))


def test_the_random_graphs_hold_every_kind():
    listed = {one.kind for seed in range(12) for one in random_graph(np.random.default_rng(seed)).operators}
    assert listed >= {"average_pool", "max_pool", "add", "concat", "pad", "slice", "batch_norm", "multiply", "tanh"}
    assert listed >= {"relu", "relu6", "sigmoid", "hard_sigmoid", "hard_swish", "conv", "depthwise", "dense"}


def test_two_dilated_convolutions_of_one_map_stay_one_operator_each():
    graph = GraphBuilder({"image": (9, 12, 3)})
    relu = graph.activation("relu", "image", "relu")
    left, right = graph.conv("left", relu, 8, 3, dilation=2), graph.depthwise("right", relu, 3, dilation=2)
    both = graph.add("both", graph.conv("project", right, 8), left)
    foreseen = graph.graph(graph.activation("end", both, "relu6"))
    assert any(
        "DEPTHWISE_CONV_2D" in line and "dilation_h_factor=2" in line for line in graph_signatures(foreseen, "int8")
    )
    assert_foreseen(foreseen, ("float32", "int8"))


def test_several_inputs_and_outputs():
    graph = GraphBuilder({"image": (9, 12, 3), "map": (9, 12, 8)})
    both = graph.add("both", graph.conv("read", "image", 8, 3), "map")
    ends = graph.activation("first", both, "relu"), graph.conv("second", both, 4, 1)
    assert_foreseen(graph.graph(*ends), ("float32", "float16", "dynamic", "int8"))
