"""Quantization-aware training: its network computes as the int8 file that is made of it, for every operator."""

from functools import cache

import numpy as np
import pytest
from long_training import digits, kill_at_step, make_aware, train
from operator_graphs import OPERATORS, operator_graph
from quantized_networks import assert_same, aware_of, images, model_of, operators, steps_between
from random_graphs import random_graph

from device_bench.conversion.convert import to_tflite
from device_bench.tflite.graph import Graph as File
from mnas.errors import SearchError
from search_spaces import Classifier, GraphBuilder, SpaceError, build_graph, lower, space


def ranges(network):
    """The layers that round activations to limits that they learn."""
    from mnas.training.fake_quantized import Range, RoundedNorm

    inner = [layer.product for layer in network.layers if isinstance(layer, RoundedNorm)]
    return [layer for layer in (*network.layers, *inner) if isinstance(layer, Range)]


@cache
def network_and_file(name: str):
    network = aware_of(operator_graph(name))
    return network, to_tflite(network, "int8", images(operator_graph(name)))


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_int8_and_computes_what_the_network_does(name: str) -> None:
    assert_same(*network_and_file(name), images(operator_graph(name)))


@pytest.mark.parametrize("name", OPERATORS)
def test_the_file_has_the_operators_of_one_that_was_calibrated(name: str) -> None:
    graph = operator_graph(name)
    assert operators(network_and_file(name)[1]) == operators(to_tflite(model_of(graph), "int8", images(graph)))


@pytest.mark.parametrize("seed", range(9, 14))
def test_random_graphs(seed: int) -> None:
    graph = random_graph(np.random.default_rng(seed))
    network = aware_of(graph)
    content = to_tflite(network, "int8", images(graph))
    assert_same(network, content, images(graph))
    assert operators(content) == operators(to_tflite(model_of(graph), "int8", images(graph)))


@pytest.mark.parametrize("name", ["nasnet", "darts"])
def test_networks_of_cells(name: str) -> None:
    drawn = space(name, (12, 12, 3), filters=4, repeats=1)
    graph = lower(drawn.decode(drawn.sample(np.random.default_rng(2))), (12, 12, 3), 5)
    network = aware_of(graph)
    content = to_tflite(network, "int8", images(graph))
    assert_same(network, content, images(graph))
    assert operators(content) == operators(to_tflite(model_of(graph), "int8", images(graph)))


def test_what_is_joined_has_the_outermost_limits_of_all_of_it() -> None:
    builder = GraphBuilder({"image": (8, 8, 3)})
    narrow, wide = builder.conv("narrow", "image", 4, 3), builder.conv("wide", "image", 4, 3)
    pooled = builder.pool("pooled", wide, "max_pool", 3)
    joined = builder.concat("joined", narrow, pooled)
    graph = builder.graph(*Classifier(4).append(builder, joined))
    model = model_of(graph)
    model.get_layer("wide.norm").gamma.assign([9.0] * 4)
    network = aware_of(graph, model)
    own = {name: network.get_layer(f"{name}.range") for name in ("narrow", "wide")}
    assert own["wide"].high.numpy() > 2 * own["narrow"].high.numpy()
    [first] = [one for one in own.values() if hasattr(one, "outer_high")]
    assert first.outer_high.numpy() == own["wide"].high.numpy()
    file = File(to_tflite(network, "int8", images(graph)))
    [join] = [one for one in file.operators if one.name == "CONCATENATION"]
    assert len({file.tensors[one].scaling for one in (*join.inputs, *join.outputs)}) == 1


@pytest.mark.parametrize("name", OPERATORS)
def test_0_lies_between_all_limits(name: str) -> None:
    network = network_and_file(name)[0]
    assert ranges(network)
    for layer in ranges(network):
        assert layer.low.numpy() <= 0 <= layer.high.numpy(), layer.name
        assert layer.batches.numpy() == 1


def test_limits_follow_the_batches_of_a_training_only() -> None:
    network = aware_of(operator_graph("chain"))
    before = [layer.high.numpy() for layer in ranges(network)]
    darker = images(operator_graph("chain")) / 4
    network(darker)
    assert [layer.high.numpy() for layer in ranges(network)] == before
    network(darker, training=True)
    assert all(layer.high.numpy() < high for layer, high in zip(ranges(network), before, strict=True))


@pytest.mark.parametrize("strong", [1.0, 1e3])
def test_a_dead_activation_runs_and_its_bias_is_not_lost(strong: float) -> None:
    graph = operator_graph("squeeze_excite")
    model = model_of(graph)
    kernel, bias = model.get_layer("reduce").get_weights()
    model.get_layer("reduce").set_weights([kernel * strong, bias - 50 * strong])
    model.get_layer("expand").bias.assign(np.linspace(-3, 3, 8))
    network = aware_of(graph, model)
    assert_same(network, to_tflite(network, "int8", images(graph)), images(graph))


def test_a_sum_of_equal_values_is_not_read_in_the_step_of_the_first_channel() -> None:
    """Zero biases and the 3 of a hard sigmoid."""
    graph = operator_graph("hard_gate")
    network, content = network_and_file("hard_gate")
    assert not model_of(graph).get_layer("units").bias.numpy().any()
    assert steps_between(network, content, images(graph)).max() <= 2


def test_a_file_for_colour_of_a_grey_network() -> None:
    from device_bench.conversion.colour_front import colour_front, in_colour
    from mnas.training.quantization_aware import quantization_aware

    graph = GraphBuilder({"image": (8, 8, 1)})
    last = graph.global_pool("mean", graph.conv("conv", "image", 8, 3, activation="relu"))
    network = graph.graph(graph.dense("scores", last, 3))
    grey = np.random.default_rng(0).random((8, 8, 8, 1), np.float32)
    aware = quantization_aware(network, build_graph(network), grey)
    content = to_tflite(colour_front(aware), "int8", in_colour(grey), interface="uint8")
    inner = ["CONV_2D", "CONV_2D", "FULLY_CONNECTED", "MEAN"]
    assert operators(content) == [*inner, "QUANTIZE", "QUANTIZE"]
    assert "float32" not in {tensor.kind for tensor in File(content).tensors}


def test_what_does_not_train_does_not_train_on() -> None:
    from mnas.training.transfer import freeze_up_to

    graph = operator_graph("chain")
    model = model_of(graph)
    freeze_up_to(model, "depthwise")
    names = [variable.name for variable in aware_of(graph, model).trainable_variables]
    assert names == ["project/kernel:0", "project/bias:0", "scores/kernel:0", "scores/bias:0"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (np.zeros((0, 9, 10, 3)), r"shapes \[\(9, 10, 3\)\]; it was given \[0 9 10 3\]"),
        (np.zeros((4, 9, 10, 1)), r"it was given \[4 9 10 1\]"),
        (np.full((1, 9, 10, 3), np.nan), "not finite"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given: np.ndarray, told: str) -> None:
    from mnas.training.quantization_aware import quantization_aware

    with pytest.raises(SearchError, match=told):
        quantization_aware(operator_graph("chain"), model_of(operator_graph("chain")), given)


def test_a_network_of_another_graph_is_refused() -> None:
    with pytest.raises(SpaceError, match="built from another graph"):
        aware_of(operator_graph("residual"), model_of(operator_graph("chain")))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    return train(tmp_path_factory.mktemp("aware"), made=make_aware)[0]


def test_a_trained_network_computes_what_its_file_does(trained) -> None:
    inputs = np.asarray(digits().test.inputs[:24])
    content = to_tflite(trained, "int8", digits().train.inputs[:32])
    assert_same(trained, content, inputs)
    same = [a.name for a, b in zip(make_aware().variables, trained.variables, strict=True) if np.array_equal(a, b)]
    assert all(name.endswith("/low:0") for name in same)  # ReLUs end at 0


def test_a_training_that_is_killed_ends_in_the_same_bits(trained, tmp_path) -> None:
    kill_at_step(tmp_path, 9, make_aware)
    network = train(tmp_path, made=make_aware)[0]
    for found, expected in zip(network.variables, trained.variables, strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=found.name)
    one, other = (to_tflite(each, "int8", digits().train.inputs[:32]) for each in (network, trained))
    assert one == other
