"""Compares a float32 and a quantized TFLite file operator by operator, on given inputs.

Three questions are asked of each operator:

- How far is its output from that of the float32 network? That is what it inherits and what it adds.
- What does it add itself? Its output is compared with what its float32 twin makes of the very inputs that it was given:
  what differs comes from rounding its weights and its output.
- What does that cost? Its own error is added to the float32 network at this place alone, and the network's outputs
  move (Gluska and Grobman, "Exploring Neural Networks Quantization via Layer-Wise Quantization Analysis", 2020, judge
  layers likewise). A large error where it does not matter costs nothing. The squares of the costs add up to about the
  square of the quantized network's error at its outputs.

An error is the root of noise power over signal power: 0.1 is a signal-to-quantization-noise ratio of 20 dB (the measure
of Sheng et al., "A Quantization-Friendly Separable Convolution for MobileNets", 2018).

TensorFlow's own `QuantizationDebugger` answers the second question only, and only for instrumented files that it makes
itself: not for the file that ships, nor for one of a quantization-aware training. Here both files run in LiteRT as they
are, their tensors read out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from device_bench.conversion.dequantized import read_whole
from device_bench.conversion.instrumented import opened, with_noise, with_weights_of
from device_bench.conversion.pairs import Pair, paired
from device_bench.conversion.running import Alone, Runner, Values
from device_bench.errors import BadRequest
from device_bench.tflite.graph import Graph, check_identifier, reading

_ERRORS = ("error", "own", "weights", "cost")


@dataclass(frozen=True, slots=True)
class OperatorError:
    """What quantization does to one operator.

    Attributes:
        kind: What it is, such as `CONV_2D`; `INPUT` for the rounding of the network's input.
        name: Of its output, in the float32 file.
        kept: Whether it computes in float32 in the quantized file too.
        error: Of its output against the float32 network: what it inherits and what it adds.
        own: What it adds itself.
        weights: The part of its own error that comes from its weights; the rest comes from rounding its output.
        cost: Error of the network's outputs when its own error is the only one.
    """

    kind: str
    name: str
    kept: bool
    error: float
    own: float
    weights: float
    cost: float


def compare(plain: bytes, quantized: bytes, inputs: Iterable[np.ndarray]) -> tuple[OperatorError, ...]:
    """Runs both files on the inputs, one by one, and compares all operators.

    Args:
        plain: The float32 file.
        quantized: A file of the same network with integer activations, in whole or in part.
        inputs: What the network reads, each float32 `[height, width, channels]`. Each costs four inferences and one
            for each operator.

    Returns:
        One for the input and one for each operator of the quantized file, in the order in which they run.

    Raises:
        BadRequest: A file is damaged or has several inputs, the two are not of the same network, or there is nothing
            to compare them on.
    """
    for content, name in ((plain, "the float32 file"), (quantized, "the quantized file")):
        check_identifier(content, name)
    with reading("the model"):
        plain_graph, quantized_graph = Graph(plain), Graph(quantized)
        pairs = paired(quantized_graph, plain_graph)
    if len(plain_graph.inputs) != 1:
        raise BadRequest(f"only files with one input can be compared; these have {len(plain_graph.inputs)}")
    runs = _Runs(plain, quantized, plain_graph, quantized_graph, pairs)
    powers = np.zeros((len(pairs) + 1, 2, len(_ERRORS)))
    for one in inputs:
        powers += list(runs.powers(one[np.newaxis]))
    if not powers.any():
        raise BadRequest("two files can only be compared on inputs for which the network gives something")
    errors = np.sqrt(powers[:, 0] / np.maximum(powers[:, 1], np.finfo(np.float32).tiny))
    heads = [("INPUT", plain_graph.inputs[0], False)] + [
        (
            pair.quantized.name,
            pair.plain.outputs[0],
            quantized_graph.tensors[pair.quantized.outputs[0]].kind == "float32",
        )
        for pair in pairs
    ]
    return tuple(
        OperatorError(kind, plain_graph.tensors[tensor].name, kept, **dict(zip(_ERRORS, row.tolist(), strict=True)))
        for (kind, tensor, kept), row in zip(heads, errors, strict=True)
    )


class _Runs:
    """The two files, and what is made of the float32 one, ready to run."""

    def __init__(
        self, plain: bytes, quantized: bytes, graph: Graph, quantized_graph: Graph, pairs: tuple[Pair, ...]
    ) -> None:
        self._pairs = pairs
        self._ends = graph.outputs
        self._entry, self._quantized_entry = graph.inputs[0], quantized_graph.inputs[0]
        self._plain = Runner(opened(plain, [one for pair in pairs for one in pair.plain.outputs]))
        read = [one for pair in pairs for one in (*pair.quantized.outputs, *pair.inputs.values())]
        self._quantized = Runner(opened(quantized, read))
        self._alone = Alone(read_whole(plain), pairs)
        self._rounded = Alone(with_weights_of(quantized, plain, pairs), pairs)
        noisy, self._noises = with_noise(plain, [pair.plain for pair in pairs])
        self._noisy = Runner(noisy)
        self._noisy.clear(one for noises in self._noises for one in noises)

    def powers(self, batch: np.ndarray) -> Iterator[list[list[float]]]:
        """For the input and each pair: the powers of noise and of signal behind each of `_ERRORS`."""
        self._plain.run({self._entry: batch})
        self._quantized.run({self._quantized_entry: batch})
        self._alone.run(self._quantized)
        self._rounded.run(self._quantized)
        ends = self._plain.values(self._ends)
        read = self._quantized.values([self._quantized_entry])
        noise = _difference(read, [batch])
        signal = _power([batch])
        yield [
            [_power(noise), _power(noise), 0.0, self._cost({self._entry: read[0]}, ends)],
            [signal] * 3 + [_power(ends)],
        ]
        for pair, noises in zip(self._pairs, self._noises, strict=True):
            found = self._quantized.values(pair.quantized.outputs)
            meant, alone, rounded = (
                runner.values(pair.plain.outputs) for runner in (self._plain, self._alone, self._rounded)
            )
            own = _difference(found, alone)
            cost = self._cost({self._entry: batch, **dict(zip(noises, own, strict=True))}, ends)
            self._noisy.clear(noises)
            yield [
                [_power(_difference(found, meant)), _power(own), _power(_difference(rounded, alone)), cost],
                [_power(meant), _power(alone), _power(alone), _power(ends)],
            ]

    def _cost(self, given: Values, ends: list[np.ndarray]) -> float:
        self._noisy.run(given)
        return _power(_difference(self._noisy.values(self._ends), ends))


def _difference(left: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
    return [one - other for one, other in zip(left, right, strict=True)]


def _power(values: list[np.ndarray]) -> float:
    return float(sum(np.square(one, dtype=np.float64).sum() for one in values))
