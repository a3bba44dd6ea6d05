"""Names for the inputs and outputs of a TFLite file: the `SignatureDef` that the converter's quick route leaves out."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from device_bench.errors import BadRequest
from device_bench.tflite.metadata import has_metadata
from device_bench.tflite.packing import packed, unpacked

KEY = "serving_default"
"""The signature that tools take when none is named, as TensorFlow Serving does."""


def with_signature(content: bytes, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> bytes:
    """Gives a file its one signature, in the place of those it has; what it computes stays the same.

    Args:
        content: A TFLite file of one subgraph; its metadata come after its signature.
        inputs: Names of the inputs in the file's order; by default those of their tensors.
        outputs: Names of the outputs, likewise.

    Raises:
        BadRequest: The bytes are not a TFLite file, have metadata or several subgraphs, the names are not as many
            as the inputs or outputs, or one comes twice.
    """
    model = unpacked(content)
    if has_metadata(content):
        raise BadRequest("the file has metadata, which a new signature would cut off; give it the signature first")
    if len(model.subgraphs) != 1:
        raise BadRequest(f"the file has {len(model.subgraphs)} subgraphs; only a file of one can be given a signature")
    [graph] = model.subgraphs
    signature = schema.SignatureDefT()
    signature.signatureKey = KEY
    signature.inputs = _named(graph, graph.inputs, inputs, "inputs")
    signature.outputs = _named(graph, graph.outputs, outputs, "outputs")
    model.signatureDefs = [signature]
    return packed(model)


def _named(graph: schema.SubGraphT, tensors: Sequence[int], names: Sequence[str], what: str) -> list[schema.TensorMapT]:
    chosen = list(names) or [graph.tensors[index].name.decode(errors="replace") for index in tensors]
    if len(chosen) != len(tensors):
        raise BadRequest(f"{len(chosen)} names for the {len(tensors)} {what} of the file")
    if len(set(chosen)) < len(chosen):
        raise BadRequest(f"two {what} of the file would have one name: {', '.join(chosen)}")
    maps = []
    for index, name in zip(tensors, chosen, strict=True):
        one = schema.TensorMapT()
        one.name, one.tensorIndex = name, int(index)
        maps.append(one)
    return maps
