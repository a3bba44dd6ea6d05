"""Quantizes a float32 TFLite file, all of it or all but some operators.

The int8 route of `to_tflite` in two steps that can be repeated apart: calibration, which runs the network, and
quantization, a fraction of a second. An operator that is kept computes in float32 between a DEQUANTIZE and a QUANTIZE,
neighbours that are both kept pass on float32, and XNNPACK runs all of it.
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from device_bench.conversion.compare import OperatorError
from device_bench.conversion.dead_activations import refused_operators, widen_ranges
from device_bench.conversion.joined_ranges import quantized_with_joins
from device_bench.conversion.pairs import moving_inputs
from device_bench.conversion.quiet import quiet_tensorflow
from device_bench.errors import BadRequest, ConversionError
from device_bench.tflite.graph import Graph
from device_bench.tflite.packing import packed, unpacked


def calibrated(plain: bytes, inputs: Iterable[np.ndarray]) -> bytes:
    """Runs a float32 file on typical inputs and writes the range of each activation into it.

    Args:
        plain: The float32 file, with one input.
        inputs: Each float32 `[height, width, channels]`; read one by one.

    Raises:
        BadRequest: There is no input.
        ConversionError: TensorFlow cannot run the file.
    """
    with quiet_tensorflow() as chatter:
        from tensorflow.lite.python.optimize import calibrator

        try:
            ready = calibrator.Calibrator(calibrator.add_intermediate_tensors(plain))
            return bytes(ready.calibrate(lambda: ([one[np.newaxis]] for one in inputs)))
        except Exception as error:
            words = " ".join(f"{error} {chatter.read()}".split())[:300]
            raise ConversionError(f"calibrating the network failed: {words}") from error


def quantized(ranged: bytes, like: bytes, kept: Collection[str] = ()) -> bytes:
    """Quantizes to int8 a file that `calibrated` made.

    Args:
        ranged: The file.
        like: An int8 file of the network, whose input and output formats and input step the new one gets.
        kept: Names of the outputs of the operators that stay in float32.

    Raises:
        BadRequest: `kept` names an operator that the file does not have.
        ConversionError: TensorFlow refused, or XNNPACK would refuse what it made.
    """
    graph, outer = Graph(ranged), Graph(like)
    names = {graph.tensors[operator.outputs[0]].name for operator in graph.operators}
    if unknown := sorted(set(kept) - names):
        raise BadRequest(f"the network has no operator {unknown[0]!r} to keep in float32")
    formats = [outer.tensors[ends[0]].kind for ends in (outer.inputs, outer.outputs)]
    entered = _with_input_range(ranged, _input_range(outer))

    def quantize(joined: bytes) -> bytes:
        return _quantized(joined, formats, kept)

    made = quantized_with_joins(entered, quantize, floats=len(kept))
    if refused_operators(made):
        made = quantized_with_joins(widen_ranges(entered), quantize, floats=len(kept))
        if refused := refused_operators(made):
            raise ConversionError(
                f"{len(refused)} activations, first {refused[0]}, are constant over the calibration images, which "
                "XNNPACK cannot run; calibrate with more varied images"
            )
    return made


def to_keep(plain: bytes, errors: Sequence[OperatorError]) -> tuple[str, ...]:
    """What has to stay in float32 to undo these operators' own errors.

    The weights of an operator are exact as soon as it computes in float32. Its output is still rounded to int8 unless
    those that read it are kept too: they are where rounding the output is the greater part of its error.

    Args:
        plain: The float32 file.
        errors: Operators that `compare` found.

    Returns:
        Names of outputs, for `quantized`.
    """
    graph = Graph(plain)
    kept: dict[str, None] = {}
    for one in errors:
        if one.kind != "INPUT":
            kept[one.name] = None
        if one.weights**2 < one.own**2 / 2:
            kept |= dict.fromkeys(_readers(graph, one.name))
    return tuple(kept)


def _input_range(graph: Graph) -> tuple[float, float] | None:
    """What the integers of a file's input can stand for."""
    entry = graph.inputs[0]
    if graph.tensors[entry].kind == "float32":
        converted = [one for one in graph.operators if one.name == "QUANTIZE" and one.inputs[0] == entry]
        entry = converted[0].outputs[0] if converted else entry
    scaling = graph.tensors[entry].scaling
    if scaling is None or graph.tensors[entry].kind not in ("int8", "uint8"):
        return None
    (scale, zero_point), limits = scaling, np.iinfo(graph.tensors[entry].kind)
    return (limits.min - zero_point) * scale, (limits.max - zero_point) * scale


def _with_input_range(ranged: bytes, limits: tuple[float, float] | None) -> bytes:
    """Apps count on the step of an input, so it does not follow from other calibration images."""
    if limits is None:
        return ranged
    model = unpacked(ranged)
    graph = model.subgraphs[0]
    quantization = graph.tensors[graph.inputs[0]].quantization
    quantization.min, quantization.max = (np.array([one], np.float32) for one in limits)
    return packed(model)


def _readers(graph: Graph, name: str) -> list[str]:
    return [
        graph.tensors[operator.outputs[0]].name
        for operator in graph.operators
        if any(graph.tensors[one].name == name for one in moving_inputs(graph, operator))
    ]


def _quantized(ranged: bytes, formats: list[str], kept: Collection[str]) -> bytes:
    with quiet_tensorflow() as chatter:
        import tensorflow as tf
        from tensorflow.lite.python.convert import mlir_quantize

        entry, end = (tf.as_dtype(one) for one in formats)
        try:
            made = mlir_quantize(
                ranged, input_data_type=entry, output_data_type=end, denylisted_nodes=list(kept) or None
            )
        except Exception as error:
            words = " ".join(f"{error} {chatter.read()}".split())[:300]
            raise ConversionError(f"quantizing the network failed: {words}") from error
    return bytes(made)
