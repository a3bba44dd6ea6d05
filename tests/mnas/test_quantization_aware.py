"""Quantization-aware training: its network computes as the int8 file that is made of it, for every operator."""

from functools import cache

import numpy as np
import pytest
from long_training import digits
from operator_graphs import OPERATORS, operator_graph
from random_graphs import random_graph

from device_bench.conversion.convert import to_tflite
from device_bench.tflite.graph import Graph as File
from mnas.errors import SearchError
from search_spaces import Graph, GraphBuilder, SpaceError, build_graph, lower, published, published_names, scale

IMAGES = 12


def images(graph: Graph) -> np.ndarray:
    found = np.random.default_rng(2).random((IMAGES, *graph.inputs[0][1]), np.float32)
    found[0, 0, 0], found[0, -1, -1] = 0, 1
    return found


def model_of(graph: Graph):
    from search_spaces import as_if_trained

    model = build_graph(graph, dropout=0.3)
    as_if_trained(model)
    return model


def aware_of(graph: Graph, model=None):
    from mnas.training.quantization_aware import quantization_aware

    return quantization_aware(graph, model or model_of(graph), images(graph))


def ranges(network):
    """The layers that round activations to limits that they learn."""
    from mnas.training.fake_quantized import Range, RoundedNorm

    inner = [layer.product for layer in network.layers if isinstance(layer, RoundedNorm)]
    return [layer for layer in (*network.layers, *inner) if isinstance(layer, Range)]


def operators(content: bytes) -> list[str]:
    return sorted(operator.name for operator in File(content).operators)


def steps_between(network, content: bytes, inputs: np.ndarray) -> np.ndarray:
    """How far a file's outputs are from its network's, in steps of the file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    [entry], [end] = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in inputs:
        scale, zero = entry["quantization"]
        interpreter.set_tensor(
            entry["index"], np.clip(np.round(image[np.newaxis] / scale + zero), -128, 127).astype(np.int8)
        )
        interpreter.invoke()
        found.append(interpreter.get_tensor(end["index"])[0].astype(np.float32))
    scale, zero = end["quantization"]
    return np.abs(np.array(found) - np.clip(np.round(network(inputs).numpy() / scale + zero), -128, 127))


def assert_same(network, content: bytes, inputs: np.ndarray) -> None:
    """Rounding of halves and of means within a file are its own: differences of a step or two."""
    assert {tensor.kind for tensor in File(content).tensors} <= {"int8", "int32"}
    steps = steps_between(network, content, inputs)
    assert np.quantile(steps, 0.8) <= 2, steps
    assert np.median(steps) <= 1, steps


@cache
def network_and_file(name: str):
    network = aware_of(operator_graph(name))
    return network, to_tflite(network, "int8", images(operator_graph(name)))


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_int8_and_computes_what_the_network_does(name: str) -> None:
    assert_same(*network_and_file(name), images(operator_graph(name)))


# A map that a concatenation joins and others read has two steps, or the concatenation's is learned too late for those.
@pytest.mark.parametrize("name", [name for name in OPERATORS if name != "joined_and_read"])
def test_the_file_has_the_operators_of_one_that_was_calibrated(name: str) -> None:
    graph = operator_graph(name)
    assert operators(network_and_file(name)[1]) == operators(to_tflite(model_of(graph), "int8", images(graph)))


@pytest.mark.parametrize("seed", range(7, 15))
def test_random_graphs(seed: int) -> None:
    graph = random_graph(np.random.default_rng(seed))
    network = aware_of(graph)
    content = to_tflite(network, "int8", images(graph))
    assert_same(network, content, images(graph))
    file = File(content)
    for converted in (one.outputs[0] for one in file.operators if one.name == "QUANTIZE"):
        assert "CONCATENATION" in [one.name for one in file.operators if converted in one.inputs]


@pytest.mark.parametrize("name", published_names())
def test_every_published_network(name: str) -> None:
    graph = lower(scale(published(name), 0.25, 0.25), (32, 32, 3), 10)
    model = model_of(graph)
    network = aware_of(graph, model)
    content = to_tflite(network, "int8", images(graph))
    assert_same(network, content, images(graph))
    assert operators(content) == operators(to_tflite(model, "int8", images(graph)))
