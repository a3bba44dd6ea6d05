"""A small fixed network that tells whether the device itself became slower, as androidx.benchmark does.

It is written with the schema alone, so that no TensorFlow is needed: two 3x3 convolutions of 64 filters on
[1, 56, 56, 64] in float32, 231 million multiply-adds.
"""

import functools

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_SIDE, _FILTERS = 56, 64


@functools.cache
def canary_model() -> bytes:
    """The canary as a TFLite file; always the same bytes."""
    random = np.random.default_rng(0)
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    buffers = [schema.BufferT()]
    image = _tensor(graph, buffers, (1, _SIDE, _SIDE, _FILTERS), None)
    graph.inputs = [image]
    for _ in range(2):
        # Scaled so that activations keep their size from layer to layer.
        weights = random.normal(0, (9 * _FILTERS) ** -0.5, (_FILTERS, 3, 3, _FILTERS))
        filters = _tensor(graph, buffers, weights.shape, weights.astype(np.float32))
        bias = _tensor(graph, buffers, (_FILTERS,), np.zeros(_FILTERS, np.float32))
        result = _tensor(graph, buffers, (1, _SIDE, _SIDE, _FILTERS), None)
        graph.operators.append(_convolution([image, filters, bias], result))
        image = result
    graph.outputs = [image]
    return _packed(graph, buffers)


def _tensor(
    graph: schema.SubGraphT, buffers: list[schema.BufferT], shape: tuple[int, ...], values: np.ndarray | None
) -> int:
    tensor = schema.TensorT()
    tensor.shape = list(shape)
    tensor.type = schema.TensorType.FLOAT32
    tensor.name = f"t{len(graph.tensors)}"
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        tensor.buffer = len(buffers)
        buffers.append(buffer)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _convolution(inputs: list[int], output: int) -> schema.OperatorT:
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = 1
    options.dilationHFactor = options.dilationWFactor = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = inputs, [output]
    operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    operator.builtinOptions = options
    return operator


def _packed(graph: schema.SubGraphT, buffers: list[schema.BufferT]) -> bytes:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1
    model = schema.ModelT()
    model.version = 3
    model.description = "canary"
    model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], buffers
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
