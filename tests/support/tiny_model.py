"""A TFLite file so small that even an emulated phone runs it in no time: one addition."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def tiny_model(*, operators=3, side=8):
    """`operators` additions of a float32 tensor [1, side, side, 4] to itself, one after the other."""
    graph, buffer = schema.SubGraphT(), schema.BufferT()
    graph.tensors, graph.operators = [_tensor("t0", side)], []
    for number in range(operators):
        graph.tensors.append(_tensor(f"t{number + 1}", side))
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = [number, number], [number + 1]
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
        graph.operators.append(operator)
    graph.inputs, graph.outputs = [0], [operators]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [buffer]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(name, side):
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.shape = name, schema.TensorType.FLOAT32, [1, side, side, 4]
    return tensor
