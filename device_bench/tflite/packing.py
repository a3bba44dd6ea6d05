"""A TFLite file as objects that can be changed, and back."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from device_bench.tflite.graph import IDENTIFIER, check_identifier, reading


def unpacked(content: bytes, name: str = "the model") -> schema.ModelT:
    """Reads a file; whatever is appended to it is left out.

    Args:
        content: A TFLite file.
        name: What to call it in an error.

    Raises:
        BadRequest: The bytes are not a TFLite file, or a damaged one.
    """
    check_identifier(content, name)
    with reading(name):
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


def packed(model: schema.ModelT) -> bytes:
    """Writes a file."""
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
