"""Bias correction: takes back how far rounded weights move an operator's mean output.

Rounded weights W + E give W x + E x. Over typical inputs the mean of E x is not zero, least of all behind a ReLU and in
depthwise convolutions, which have few weights per output. It is subtracted from the bias, which costs nothing when the
file runs (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section
4.2; the mean is measured on inputs, their empirical variant).
"""

from collections.abc import Collection, Iterable

import numpy as np

from device_bench.conversion.dequantized import read_whole
from device_bench.conversion.instrumented import (
    constant_like,
    opened,
    with_weights_of,
    without_activations,
)
from device_bench.conversion.pairs import Pair, paired
from device_bench.conversion.running import Alone, Runner
from device_bench.errors import BadRequest
from device_bench.tflite.graph import Graph
from device_bench.tflite.packing import packed

_BIAS = 2
_WITH_BIAS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})

Shifts = dict[str, np.ndarray]
"""Name of an operator's output -> how far its rounded weights move each channel in the mean, `[channels]`."""


def mean_shifts(plain: bytes, quantized: bytes, inputs: Iterable[np.ndarray]) -> Shifts:
    """Measures what rounding its weights does to the mean output of each operator with a bias, on typical inputs.

    Args:
        plain: The float32 file.
        quantized: A file of the same network with integer weights.
        inputs: What the network reads, each float32 `[height, width, channels]`; read one by one.

    Raises:
        BadRequest: The files are not of the same network, or there is no input.
    """
    plain_graph, quantized_graph = Graph(plain), Graph(quantized)
    pairs = paired(quantized_graph, plain_graph)
    whole = Runner(opened(quantized, [tensor for pair in pairs for tensor in pair.inputs.values()]))
    exact = Alone(without_activations(read_whole(plain)), pairs)
    rounded = Alone(without_activations(with_weights_of(quantized, plain, pairs)), pairs)
    chosen = [pair for pair in pairs if _has_bias(pair)]
    sums = [np.zeros(plain_graph.tensors[pair.plain.outputs[0]].sizes[-1]) for pair in chosen]
    count = 0
    for one in inputs:
        whole.run({quantized_graph.inputs[0]: one[np.newaxis]})
        for twin in (exact, rounded):
            twin.run(whole)
        for pair, total in zip(chosen, sums, strict=True):
            [wrong], [right] = (twin.values(pair.plain.outputs) for twin in (rounded, exact))
            total += (wrong - right).reshape(-1, len(total)).mean(axis=0)
        count += 1
    if not count:
        raise BadRequest("correcting biases needs typical inputs")
    names = (plain_graph.tensors[pair.plain.outputs[0]].name for pair in chosen)
    return {name: total / count for name, total in zip(names, sums, strict=True)}


def with_corrected_biases(plain: bytes, shifts: Shifts, kept: Collection[str] = ()) -> bytes:
    """Subtracts the shifts from the biases.

    Args:
        plain: The float32 file, calibrated or not.
        shifts: As `mean_shifts` found them.
        kept: Names of the outputs of operators that will stay in float32, and so keep their biases.
    """
    graph, model = Graph(plain), read_whole(plain)
    for operator in graph.operators:
        name = graph.tensors[operator.outputs[0]].name
        if name not in shifts or name in kept:
            continue
        stored = model.subgraphs[0].operators[operator.index]
        bias = operator.inputs[_BIAS]
        buffer = model.buffers[model.subgraphs[0].tensors[bias].buffer]
        values = np.asarray(buffer.data, np.uint8).view("<f4") - shifts[name]
        stored.inputs = [*stored.inputs[:_BIAS], constant_like(model, bias, values), *stored.inputs[_BIAS + 1 :]]
    return packed(model)


def _has_bias(pair: Pair) -> bool:
    inputs = pair.plain.inputs
    return pair.plain.name in _WITH_BIAS and len(inputs) > _BIAS and inputs[_BIAS] >= 0
