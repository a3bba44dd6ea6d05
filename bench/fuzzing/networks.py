"""A small TFLite network made by hand, so that no converter is needed: in float32, and in int8 with stored weights."""

from functools import cache
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_SHAPES = {"input": [1, 8, 8, 3], "conv": [1, 4, 4, 8], "depthwise": [1, 4, 4, 8], "mean": [1, 8], "logits": [1, 4]}
_NUMPY = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}
_NUMPY |= {schema.TensorType.FLOAT16: np.float16}


class _Maker:
    """Collects tensors and operators of one subgraph."""

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.description = 3, "by hand"
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]
        self.graph.name, self.graph.tensors, self.graph.operators = "main", [], []

    def tensor(self, name: str, shape: list[int], kind: int | None = None, *, constant: bool = False) -> int:
        """Adds a tensor; a constant one holds ones."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, self.kind if kind is None else kind, 0
        if self.kind == schema.TensorType.INT8:
            tensor.quantization = schema.QuantizationParametersT()
            scale = 0.05 if tensor.type == self.kind else 0.05**2
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        if constant:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ones(shape, _NUMPY[tensor.type]).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, name: str, inputs: list[int], outputs: list[int], options: Any, version: int = 1) -> None:
        """Adds an operator."""
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = version
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.model.operatorCodes), inputs, outputs
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
        self.model.operatorCodes.append(code)
        self.graph.operators.append(operator)


def _convolution(options: Any, stride: int) -> Any:
    options.strideH = options.strideW = stride
    options.padding, options.fusedActivationFunction = schema.Padding.SAME, schema.ActivationFunctionType.RELU
    options.dilationHFactor = options.dilationWFactor = 1
    return options


@cache
def network(name: str) -> bytes:
    """Convolution, depthwise convolution, mean, fully connected layer, addition.

    Args:
        name: `float32`, `int8`, or `float16` (its weights are stored so, and unpacked by `DEQUANTIZE`).
    """
    make = _Maker(schema.TensorType.INT8 if name == "int8" else schema.TensorType.FLOAT32)
    version = 3 if name == "int8" else 1
    bias = schema.TensorType.INT32 if name == "int8" else None
    places = {part: make.tensor(part, shape) for part, shape in _SHAPES.items()}
    kernel = _kernel(make, name)
    make.operator(
        "CONV_2D",
        [places["input"], kernel, make.tensor("conv/b", [8], bias, constant=True)],
        [places["conv"]],
        _convolution(schema.Conv2DOptionsT(), 2),
        version,
    )
    depthwise = _convolution(schema.DepthwiseConv2DOptionsT(), 1)
    depthwise.depthMultiplier = 1
    weights = [make.tensor("dw/k", [1, 3, 3, 8], constant=True), make.tensor("dw/b", [8], bias, constant=True)]
    make.operator("DEPTHWISE_CONV_2D", [places["conv"], *weights], [places["depthwise"]], depthwise, version)
    axes = make.tensor("axes", [2], schema.TensorType.INT32, constant=True)
    make.model.buffers[-1].data = np.frombuffer(np.array([1, 2], np.int32).tobytes(), np.uint8)
    make.operator("MEAN", [places["depthwise"], axes], [places["mean"]], schema.ReducerOptionsT(), 2)
    weights = [make.tensor("fc/k", [4, 8], constant=True), make.tensor("fc/b", [4], bias, constant=True)]
    connected = schema.FullyConnectedOptionsT()
    make.operator(
        "FULLY_CONNECTED", [places["mean"], *weights], [places["logits"]], connected, 4 if name == "int8" else 1
    )
    make.graph.inputs, make.graph.outputs = [places["input"]], [places["logits"]]
    make.model.subgraphs = [make.graph]
    _sign(make.model, places["input"], places["logits"])
    return packed(make.model)


def _kernel(make: _Maker, name: str) -> int:
    """The first weights; stored as float16 they are unpacked by an operator."""
    if name != "float16":
        return make.tensor("conv/k", [8, 3, 3, 3], constant=True)
    stored = make.tensor("conv/k16", [8, 3, 3, 3], schema.TensorType.FLOAT16, constant=True)
    kernel = make.tensor("conv/k", [8, 3, 3, 3])
    make.operator("DEQUANTIZE", [stored], [kernel], schema.DequantizeOptionsT(), 3)
    return kernel


def _sign(model: Any, first: int, last: int) -> None:
    """Names the one signature, and keeps some metadata."""
    signature, metadata = schema.SignatureDefT(), schema.MetadataT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = [_mapped("x", first)], [_mapped("y", last)]
    metadata.name, metadata.buffer = "min_runtime_version", len(model.buffers)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(b"1.5.0".ljust(16, b"\0"), np.uint8)
    model.buffers.append(buffer)
    model.signatureDefs, model.metadata = [signature], [metadata]


def _mapped(name: str, tensor: int) -> Any:
    mapped = schema.TensorMapT()
    mapped.name, mapped.tensorIndex = name, tensor
    return mapped


def packed(model: Any) -> bytes:
    """A file of the generated object."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unpacked(content: bytes) -> Any:
    """The generated object of a file."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
