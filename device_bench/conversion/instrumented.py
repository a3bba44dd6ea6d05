"""Makes TFLite files that let one look inside a network: its tensors read out, operators alone, noise added."""

from collections.abc import Iterable, Sequence
from copy import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device_bench.conversion.dequantized import float_buffer, read_whole, real_constant
from device_bench.conversion.pairs import Pair
from device_bench.errors import BadRequest
from device_bench.tflite.graph import Operator


def opened(content: bytes, tensors: Iterable[int]) -> schema.ModelT:
    """A file that gives the tensors too; numbers of tensors stay as they were."""
    model = read_whole(content)
    graph = model.subgraphs[0]
    graph.outputs = list(dict.fromkeys([*graph.outputs, *tensors]))
    return model


def taken_apart(model: schema.ModelT, operators: Sequence[tuple[Operator, Iterable[int]]]) -> list[dict[int, int]]:
    """Makes each operator read inputs of its own: one inference runs all of them, each on what it is given.

    Args:
        model: A float32 file; its outputs become those of the operators.
        operators: Operators of the file, each with the tensors that it shall be given.

    Returns:
        For each operator: tensor -> the input in its place.
    """
    graph = model.subgraphs[0]
    places = []
    for operator, tensors in operators:
        place = {tensor: _another(graph, tensor) for tensor in tensors}
        stored = graph.operators[operator.index]
        stored.inputs = [place.get(one, one) for one in stored.inputs]
        places.append(place)
    graph.inputs = [new for place in places for new in place.values()]
    graph.outputs = [one for operator, _ in operators for one in operator.outputs]
    return places


def with_noise(content: bytes, operators: Sequence[Operator]) -> tuple[schema.ModelT, list[list[int]]]:
    """A file in which something can be added to what each operator gives; zero leaves it as it was.

    Returns:
        The file, and for each operator the inputs that are added to its outputs.
    """
    model = read_whole(content)
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    model.operatorCodes.append(code)
    chosen = {operator.index for operator in operators}
    noises: dict[int, list[int]] = {}
    steps: list[schema.OperatorT] = []
    for index, stored in enumerate(graph.operators):
        steps.append(stored)
        if index in chosen:
            sums = [_sum(graph, tensor, len(model.operatorCodes) - 1) for tensor in stored.outputs]
            stored.outputs = [one.inputs[0] for one in sums]
            noises[index] = [one.inputs[1] for one in sums]
            steps += sums
    graph.operators = steps
    graph.inputs = [*graph.inputs, *(one for added in noises.values() for one in added)]
    return model, [noises[operator.index] for operator in operators]


def with_weights_of(quantized: bytes, plain: bytes, pairs: Iterable[Pair]) -> schema.ModelT:
    """The float32 file with the weights that the quantized one computes with, rounding included.

    Raises:
        BadRequest: Weights are of different shapes: the files are not of the same network.
    """
    source, model = read_whole(quantized), read_whole(plain)
    tensors, graph = source.subgraphs[0].tensors, model.subgraphs[0]
    for pair in pairs:
        stored = graph.operators[pair.plain.index]
        inputs = list(stored.inputs)
        for slot, (theirs, ours) in enumerate(zip(pair.quantized.inputs, pair.plain.inputs, strict=False)):
            if ours < 0 or theirs < 0 or graph.tensors[ours].type != schema.TensorType.FLOAT32:
                continue
            values = real_constant(tensors[theirs], source.buffers)
            if values is None:
                continue
            if values.size != np.prod(graph.tensors[ours].shape):
                name = tensors[theirs].name.decode(errors="replace")
                raise BadRequest(f"the files are not of the same network: the weights {name!r} have another shape")
            inputs[slot] = constant_like(model, ours, values)
        stored.inputs = inputs
    return model


def without_activations(model: schema.ModelT) -> schema.ModelT:
    """Takes away the activations that are joined to operators."""
    for operator in model.subgraphs[0].operators:
        if hasattr(operator.builtinOptions, "fusedActivationFunction"):
            operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
    return model


def constant_like(model: schema.ModelT, tensor: int, values: np.ndarray) -> int:
    """A new constant of the shape of a float32 one; others that read the old one keep it."""
    graph = model.subgraphs[0]
    made = _another(graph, tensor)
    graph.tensors[made].buffer = len(model.buffers)
    model.buffers.append(float_buffer(values))
    return made


def _sum(graph: schema.SubGraphT, tensor: int, code: int) -> schema.OperatorT:
    """Computes a tensor as the sum of two new ones."""
    made = schema.OperatorT()
    made.opcodeIndex = code
    made.inputs, made.outputs = [_another(graph, tensor), _another(graph, tensor)], [tensor]
    made.builtinOptionsType, made.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    return made


def _another(graph: schema.SubGraphT, tensor: int) -> int:
    """A new tensor like one of the graph, without values."""
    made = copy(graph.tensors[tensor])
    made.buffer = 0
    graph.tensors.append(made)
    return len(graph.tensors) - 1
