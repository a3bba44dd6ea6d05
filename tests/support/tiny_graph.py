"""Small TFLite files of any shape, written tensor by tensor with the schema alone."""

from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


@dataclass
class Tensor:
    """`shape` may hold -1 for a size that is left open, or be None; `values` makes it a constant."""

    shape: tuple[int, ...] | None
    kind: str = "FLOAT32"
    values: np.ndarray | None = None


@dataclass
class Node:
    """An operator; `options` are the schema's, such as `schema.Conv2DOptionsT()`, or a custom operator's name."""

    kind: str
    inputs: list[int]
    outputs: list[int]
    options: object = None


@dataclass
class Body:
    """A subgraph. Its tensors are named t0, t1, ...; `key` makes it a signature whose inputs are named x0, x1, ..."""

    tensors: list[Tensor]
    nodes: list[Node]
    inputs: list[int] = field(default_factory=lambda: [0])
    outputs: list[int] = field(default_factory=lambda: [-1])
    key: str | None = None


def tiny_graph(*bodies):
    """A file of these subgraphs."""
    model, codes = schema.ModelT(), []
    model.version, model.operatorCodes, model.buffers = 3, codes, [schema.BufferT()]
    model.subgraphs = [_subgraph(body, codes, model.buffers) for body in bodies]
    model.signatureDefs = [_signature(body, at) for at, body in enumerate(bodies) if body.key is not None]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def chain(kinds, *, shape=(1, 8, 8, 4), key=None):
    """Additions of a tensor to itself, one after the other, one per number format in `kinds` but the first."""
    tensors = [Tensor(shape, kind) for kind in kinds]
    nodes = [add(at, at + 1) for at in range(len(kinds) - 1)]
    return Body(tensors, nodes, outputs=[len(kinds) - 1], key=key)


def add(source, result):
    """An addition of a tensor to itself."""
    return Node("ADD", [source, source], [result], schema.AddOptionsT())


def convolution(source, weights, bias, result):
    """A 1x1 convolution."""
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    return Node("CONV_2D", [source, weights, bias], [result], options)


def _subgraph(body, codes, buffers):
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(tensor, f"t{at}", buffers) for at, tensor in enumerate(body.tensors)]
    graph.operators = [_operator(node, codes) for node in body.nodes]
    last = len(body.tensors)
    graph.inputs, graph.outputs = body.inputs, [one % last for one in body.outputs]
    return graph


def _tensor(tensor, name, buffers):
    made = schema.TensorT()
    made.name, made.type, made.hasRank = name, getattr(schema.TensorType, tensor.kind), tensor.shape is not None
    sizes = tensor.shape or ()
    made.shape = [max(size, 1) for size in sizes]
    if min(sizes, default=1) < 0:
        made.shapeSignature = list(sizes)
    if made.type in (schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16):
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [0.05], [0]
    if tensor.values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(tensor.values.tobytes(), np.uint8)
        made.buffer = len(buffers)
        buffers.append(buffer)
    return made


def _operator(node, codes):
    code = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, node.kind)
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = len(codes), node.inputs, node.outputs
    if isinstance(node.options, str):
        code.customCode = node.options
    elif node.options is not None:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(node.options).__name__.removesuffix("T"))
        operator.builtinOptions = node.options
    codes.append(code)
    return operator


def _signature(body, at):
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = body.key, at
    made.inputs = [_named(f"x{number}", tensor) for number, tensor in enumerate(body.inputs)]
    made.outputs = [_named(f"y{number}", tensor % len(body.tensors)) for number, tensor in enumerate(body.outputs)]
    return made


def _named(name, tensor):
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, tensor
    return made
