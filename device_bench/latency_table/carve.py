"""Cuts single operators out of a TFLite file, each as a file of its own that runs.

No conversion is needed: the operator, its tensors and their buffers are copied as they are, so that what is timed is
what the converter made, weights and scales included.
"""

from collections.abc import Collection
from typing import Any

from device_bench.errors import BadRequest
from device_bench.latency_table.signature import operator_views
from device_bench.tflite.graph import reading


def carve(model: bytes, wanted: Collection[str]) -> dict[str, bytes]:
    """One file for each signature in `wanted` that `model` has.

    Args:
        model: A TFLite file.
        wanted: Signatures; those that the file does not have are passed over.

    Raises:
        BadRequest: The bytes are no TFLite file that can be read.
    """
    views = {view.signature: view.index for view in operator_views(model) if view.signature in set(wanted)}
    if not views:
        return {}
    from ai_edge_litert import schema_py_generated as schema

    with reading("the model"):
        whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
        parts = {signature: _pack(_single(whole, index)) for signature, index in views.items()}
    for signature, part in parts.items():
        if [view.signature for view in operator_views(part)] != [signature]:
            raise BadRequest(f"{signature} cannot be cut out: alone it would be another operator")
    return parts


def _single(whole: Any, index: int) -> Any:
    """A model of one operator; tensors that another operator would compute become its inputs."""
    from ai_edge_litert import schema_py_generated as schema

    graph = whole.subgraphs[0]
    operator = graph.operators[index]
    makers = {int(made): one for one in graph.operators for made in one.outputs}
    chosen, moving = [operator], []
    for tensor in map(int, operator.inputs):
        unpacking = _unpacking(whole, graph, makers, tensor)
        if unpacking is not None:
            chosen = [*unpacking, *chosen]
        elif tensor >= 0:
            moving.append(tensor)
    return _assemble(schema, whole, chosen, moving)


def _assemble(schema: Any, whole: Any, chosen: list[Any], moving: list[int]) -> Any:
    graph = whole.subgraphs[0]
    used = sorted({int(one) for operator in chosen for one in (*operator.inputs, *operator.outputs) if one >= 0})
    place = {old: new for new, old in enumerate(used)}
    single, subgraph = schema.ModelT(), schema.SubGraphT()
    single.version, single.description, single.buffers = whole.version, "carved", [schema.BufferT()]
    single.operatorCodes = [whole.operatorCodes[operator.opcodeIndex] for operator in chosen]
    subgraph.tensors = [_copy_tensor(schema, whole, single, graph.tensors[old]) for old in used]
    subgraph.operators = [_copy_operator(schema, one, code, place) for code, one in enumerate(chosen)]
    subgraph.inputs = list(dict.fromkeys(place[one] for one in moving))
    subgraph.outputs = [place[int(one)] for one in chosen[-1].outputs]
    subgraph.name = "main"
    single.subgraphs = [subgraph]
    return single


def _copy_tensor(schema: Any, whole: Any, single: Any, tensor: Any) -> Any:
    copy = schema.TensorT()
    for field in ("shape", "shapeSignature", "type", "name", "quantization", "isVariable", "hasRank", "sparsity"):
        setattr(copy, field, getattr(tensor, field))
    copy.buffer = 0
    if _constant(whole, tensor):
        copy.buffer = len(single.buffers)
        single.buffers.append(whole.buffers[tensor.buffer])
    return copy


def _copy_operator(schema: Any, operator: Any, code: int, place: dict[int, int]) -> Any:
    copy = schema.OperatorT()
    for field in ("builtinOptionsType", "builtinOptions", "customOptions", "builtinOptions2Type", "builtinOptions2"):
        if hasattr(operator, field):
            setattr(copy, field, getattr(operator, field))
    copy.opcodeIndex = code
    copy.inputs = [place[int(one)] if one >= 0 else -1 for one in operator.inputs]
    copy.outputs = [place[int(one)] for one in operator.outputs]
    return copy


def _constant(whole: Any, tensor: Any) -> bool:
    buffer = whole.buffers[tensor.buffer]
    if buffer.offset > 1 or tensor.externalBuffer:
        raise BadRequest("a file that keeps its weights outside of its graph cannot be cut")
    return buffer.data is not None and len(buffer.data) > 0


def _unpacking(whole: Any, graph: Any, makers: dict[int, Any], tensor: int) -> list[Any] | None:
    """The operators that turn stored constants into `tensor`, none where it is one; None when it is computed."""
    from ai_edge_litert import schema_py_generated as schema

    if tensor < 0:
        return None
    if _constant(whole, graph.tensors[tensor]):
        return []
    if (maker := makers.get(tensor)) is None:
        return None
    code = whole.operatorCodes[maker.opcodeIndex]
    if max(code.builtinCode, code.deprecatedBuiltinCode) not in (
        schema.BuiltinOperator.DEQUANTIZE,
        schema.BuiltinOperator.DENSIFY,
    ):
        return None
    before = _unpacking(whole, graph, makers, int(maker.inputs[0]))
    return None if before is None else [*before, maker]


def _pack(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
