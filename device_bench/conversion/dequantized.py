"""The float32 network that an int8 file stands for: its own weights, nothing rounded on the way."""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device_bench.conversion.pairs import CONVERSIONS
from device_bench.tflite.graph import Graph
from device_bench.tflite.packing import packed, unpacked

_INTEGERS = {
    schema.TensorType.INT8: "<i1",
    schema.TensorType.UINT8: "<u1",
    schema.TensorType.INT16: "<i2",
    schema.TensorType.INT32: "<i4",
    schema.TensorType.INT64: "<i8",
}


def dequantized(content: bytes) -> bytes:
    """The same operators in float32, with the weights that the file holds.

    A file of a quantization-aware training has no float32 file of equal weights to be compared with; this is one. What
    is left between the two comes from rounding activations.

    Args:
        content: A file with integer activations, in whole or in part.
    """
    graph, model = Graph(content), read_whole(content)
    stored = model.subgraphs[0]
    source: dict[int, int] = {}
    for operator in graph.operators:
        if operator.name in CONVERSIONS:
            source[operator.outputs[0]] = source.get(operator.inputs[0], operator.inputs[0])
    gone = {operator.index for operator in graph.operators if operator.name in CONVERSIONS}
    stored.operators = [one for index, one in enumerate(stored.operators) if index not in gone]
    for operator in stored.operators:
        operator.inputs = [source.get(one, one) for one in operator.inputs]
    stored.outputs = [source.get(one, one) for one in stored.outputs]
    for tensor in stored.tensors:
        values = real_constant(tensor, model.buffers)
        if not _is_scaled(tensor):
            continue
        if values is not None:
            tensor.buffer = len(model.buffers)
            model.buffers.append(float_buffer(values))
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    return packed(model)


def read_whole(content: bytes) -> schema.ModelT:
    """A file without its signatures, to be changed."""
    model = unpacked(content)
    # Signatures name inputs and outputs, which change.
    model.signatureDefs = None
    return model


def real_constant(tensor: schema.TensorT, buffers: Sequence[schema.BufferT]) -> np.ndarray | None:
    """What the integers of a quantized constant stand for; None for anything else."""
    data, quantization = buffers[tensor.buffer].data, tensor.quantization
    if data is None or not _is_scaled(tensor):
        return None
    values = np.asarray(data, np.uint8).view(_INTEGERS[tensor.type]).reshape(tensor.shape).astype(np.float64)
    along = [1] * values.ndim
    if len(quantization.scale) > 1:
        along[quantization.quantizedDimension] = -1
    scale, zero_point = (np.reshape(part, along) for part in (quantization.scale, quantization.zeroPoint))
    return (values - zero_point) * scale


def float_buffer(values: np.ndarray) -> schema.BufferT:
    """Values as a file keeps them, in float32."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
    return buffer


def _is_scaled(tensor: schema.TensorT) -> bool:
    quantization = tensor.quantization
    return tensor.type in _INTEGERS and quantization is not None and quantization.scale is not None
