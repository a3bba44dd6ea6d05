"""Networks of quantization-aware training beside the int8 files that are made of them."""

import numpy as np

from device_bench.tflite.graph import Graph as File
from search_spaces import Graph, as_if_trained, build_graph

IMAGES = 12


def images(graph: Graph) -> np.ndarray:
    found = np.random.default_rng(2).random((IMAGES, *graph.inputs[0][1]), np.float32)
    found[0, 0, 0], found[0, -1, -1] = 0, 1
    return found


def model_of(graph: Graph):
    model = build_graph(graph, dropout=0.3)
    as_if_trained(model)
    return model


def aware_of(graph: Graph, model=None):
    from mnas.training.quantization_aware import quantization_aware

    return quantization_aware(graph, model or model_of(graph), images(graph))


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
