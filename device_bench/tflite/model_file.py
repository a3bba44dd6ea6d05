"""What a .tflite file tells about itself, read from its schema without a runtime."""

from device_bench.tflite.graph import CUSTOM, Graph, Operator, check_identifier, operator_codes, reading

# The operators whose weights make up a network; what surrounds them is small beside them.
WEIGHTED = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D", "CONV_3D_TRANSPOSE", "FULLY_CONNECTED"),
    *("BATCH_MATMUL", "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "SVDF"),
    *("UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "STABLEHLO_CONVOLUTION", "STABLEHLO_DOT_GENERAL"),
}
_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "CAST"}
_INDICES = ("int32", "int64", "uint32", "uint64", "bool", "string", "resource", "variant")
_FLOATS = ("float32", "float16", "bfloat16", "float64")


def check_model(model: bytes, name: str) -> None:
    """Refuses bytes that are no TFLite file.

    Raises:
        BadRequest: They are not.
    """
    check_identifier(model, name)


def model_precision(model: bytes, name: str = "the model") -> str:
    """How a model computes, by the number formats of its operators; what its inputs and outputs are does not matter.

    Returns:
        "float32"; "float16" (weights of that format); "dynamic" (integer weights, float activations, converted as an
        inference runs); "weight-only" (integer weights that are turned into floats when the file is loaded); "int8",
        "uint8", "int16x8", "int8x4" (activations, and weights where they differ); or "mixed (float32, int8)" where
        operators differ.

    Args:
        model: A TFLite file.
        name: What to call it in an error.

    Raises:
        BadRequest: The bytes are no TFLite file.
    """
    check_identifier(model, name)
    with reading(name):
        graphs = _reached(model)
        found = {_label(graph, one) for graph in graphs for one in graph.operators if one.name in WEIGHTED}
        found = found or {label for graph in graphs for label in _activations(graph)}
        # Converters leave small weights of such files as they were.
        for kind in ("dynamic", "weight-only", "float16"):
            if kind in found:
                found.discard("float32")
        if not found:
            return graphs[0].tensors[graphs[0].outputs[0]].kind
        return found.pop() if len(found) == 1 else f"mixed ({', '.join(sorted(found))})"


def _reached(model: bytes) -> list[Graph]:
    """The first subgraph and those that it runs: bodies of loops, branches and the like."""
    graphs = {0: Graph(model)}
    todo = graphs[0].called()
    while new := todo - set(graphs):
        graphs |= {index: Graph(model, index) for index in new}
        todo = {called for index in new for called in graphs[index].called()}
    return list(graphs.values())


def _label(graph: Graph, operator: Operator) -> str:
    """How one operator with weights computes."""
    kind = (graph.moving(operator) or [graph.tensors[operator.outputs[0]]])[0].kind
    weights = graph.weights(operator)
    if weights is None:
        return kind
    held, used = graph.stored_kind(weights).split("_")[-1], graph.tensors[weights].kind
    if kind not in _FLOATS:
        return kind if used == kind else f"{kind}x{used.removeprefix('int')}"
    if used not in _FLOATS:
        return "dynamic"
    return kind if held == kind else "float16" if held in _FLOATS else "weight-only"


def _activations(graph: Graph) -> set[str]:
    """The number formats of a graph without weights: what its operators make, but for conversions and indices."""
    made = [one.outputs[0] for one in graph.operators if one.name not in _CONVERSIONS and one.outputs]
    return {graph.tensors[one].kind for one in made} - set(_INDICES)


def custom_operators(model: bytes) -> tuple[str, ...]:
    """Names of the operators that are none of TFLite's own; a runtime has them only when it was built with them."""
    with reading("the model"):
        return tuple(code.removeprefix(CUSTOM) for code in operator_codes(model) if code.startswith(CUSTOM))
