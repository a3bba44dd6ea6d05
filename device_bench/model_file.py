"""What a .tflite file tells about itself, read from its schema without a runtime."""

from ai_edge_litert import schema_py_generated as schema

from device_bench.errors import BadRequest

_IDENTIFIER = b"TFL3"
_INTEGERS = {schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16}


def check_model(model: bytes, name: str) -> None:
    """Refuses bytes that are no TFLite file.

    Raises:
        BadRequest: They are not.
    """
    if len(model) < 16 or model[4:8] != _IDENTIFIER:
        raise BadRequest(f"{name} is no TFLite file (its identifier is not {_IDENTIFIER.decode()})")


def model_precision(model: bytes) -> str:
    """How a model computes: "float32", "float16" or "dynamic" (by its constants), or "int8" (by its input).

    Raises:
        BadRequest: The bytes are no TFLite file.
    """
    check_model(model, "the model")
    try:
        root = schema.Model.GetRootAs(model, 0)
        graph = root.Subgraphs(0)
        inputs = {graph.Tensors(graph.Inputs(index)).Type() for index in range(graph.InputsLength())}
        constants = {
            tensor.Type()
            for tensor in (graph.Tensors(index) for index in range(graph.TensorsLength()))
            if root.Buffers(tensor.Buffer()).DataLength() or root.Buffers(tensor.Buffer()).Offset()
        }
    except Exception as error:
        raise BadRequest(f"the model is a damaged TFLite file: {error}") from error
    if inputs & _INTEGERS:
        return "int8"
    if schema.TensorType.FLOAT16 in constants:
        return "float16"
    return "dynamic" if schema.TensorType.INT8 in constants else "float32"
