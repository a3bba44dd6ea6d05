"""What makes two operators take the same time: their signature, read from a TFLite file.

A signature is one line: the operator, its shapes, its window and stride, what is fused into it, and its number
format. Two operators with the same signature differ only in the values of their weights.

    CONV_2D 1x112x112x16>1x112x112x48 k1x1 s1x1 same relu int8
    DEPTHWISE_CONV_2D 1x56x56x72>1x28x28x72 k5x5 s2x2 same relu float32/int8
    MUL 1x14x14x240,1x1x1x240>1x14x14x240 int8
    MEAN 1x7x7x960>1x1x1x960 axes=1,2 keep_dims=1 int8

The number format is that of the inputs, followed by that of the weights where the two differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from device_bench.errors import BadRequest
from device_bench.tflite import flat
from device_bench.tflite.flat import FlatTable
from device_bench.tflite.graph import Graph, Operator, Tensor, check_identifier, option_values, reading
from device_bench.tflite.model_inputs import check_fixed

_ACTIVATIONS = {0: "", 1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign_bit"}
_PADDINGS = {0: "same", 1: "valid"}
# Fields of operator options that do not change the work, or that the words above already tell.
_SILENT = {"fused_activation_function", "quantized_bias_type", "asymmetric_quantize_inputs", "pot_scale_int16"}
# Operators whose constant operand is an argument (axes, paddings), not weights; a reshape's is its output shape.
_ARGUMENTS = {"MEAN": "axes", "SUM": "axes", "REDUCE_MAX": "axes", "PAD": "paddings", "TRANSPOSE": "order"}

_MOST_ARGUMENTS = 16  # two for each of eight dimensions


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One operator of a file.

    Attributes:
        index: Its place in the file.
        name: What it is, as the TFLite schema calls it.
        signature: Its signature.
    """

    index: int
    name: str
    signature: str


def signatures(model: bytes) -> tuple[str, ...]:
    """Signatures of the operators of a TFLite file, in the order in which they run.

    Constants that a file keeps in another number format (`DEQUANTIZE` of weights) or sparse (`DENSIFY`) are read once,
    when the file is loaded: they are no work of an inference, and have no signature.

    Raises:
        BadRequest: The bytes are no TFLite file with one subgraph and inputs of a known shape.
    """
    return tuple(view.signature for view in operator_views(model))


def operator_views(model: bytes) -> tuple[OperatorView, ...]:
    """The operators of a TFLite file that do work in an inference; see `signatures`."""
    check_identifier(model, "the model")
    with reading("the model"):
        subgraphs = FlatTable.root(model).length(flat.MODEL_SUBGRAPHS)
        if subgraphs != 1:
            raise BadRequest(f"a file of {subgraphs} subgraphs cannot be priced; one is needed")
        graph = Graph(model)
        check_fixed(graph, "the model")
        views = tuple(_Words(graph).views())
    if not views:
        raise BadRequest("the model has no operator that works in an inference")
    return views


class _Words:
    """The signatures of a graph, word by word."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._read_options: dict[tuple[str, int, bytes, bytes], list[str]] = {}

    def views(self) -> Iterator[OperatorView]:
        for operator in self._graph.operators:
            yield OperatorView(operator.index, operator.name, self._signature(operator))

    def _signature(self, operator: Operator) -> str:
        name, graph = operator.name, self._graph
        moving, fixed = graph.moving(operator), graph.fixed(operator)
        made = [graph.tensors[one] for one in operator.outputs]
        words = [
            name,
            f"{','.join(one.shape for one in moving)}>{','.join(one.shape for one in made)}",
            *self._window(operator, moving),
            *self._options(operator),
        ]
        if name in _ARGUMENTS and fixed:
            values = graph.tensors[fixed[0]].integers()
            if len(values) > _MOST_ARGUMENTS:
                raise ValueError(f"{len(values)} {_ARGUMENTS[name]}")
            words.append(f"{_ARGUMENTS[name]}={','.join(map(str, values))}")
        words.append(self._format(operator, moving, made, fixed))
        return " ".join(words)

    def _window(self, operator: Operator, moving: list[Tensor]) -> list[str]:
        if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            return []
        sizes = self._graph.tensors[operator.inputs[1]].sizes
        words = [f"k{sizes[1]}x{sizes[2]}"]
        if operator.name == "CONV_2D" and sizes[3] != moving[0].sizes[3]:
            words.append(f"groups={moving[0].sizes[3] // sizes[3]}")
        return words

    def _options(self, operator: Operator) -> list[str]:
        """Words for the options; most operators of a file repeat the options of another, byte by byte."""
        table = operator.table.table(flat.OPERATOR_OPTIONS)
        if table is None:
            return _options(operator)
        key = (operator.name, operator.table.byte(flat.OPERATOR_OPTIONS_TYPE), *table.raw())
        if key not in self._read_options:
            self._read_options[key] = _options(operator)
        return self._read_options[key]

    def _format(self, operator: Operator, moving: list[Tensor], made: list[Tensor], fixed: list[int]) -> str:
        name, kind = operator.name, (moving or made)[0].kind
        if name in ("QUANTIZE", "DEQUANTIZE", "CAST"):
            return f"{kind}>{made[0].kind}"
        weights = self._graph.stored_kind(fixed[0]) if fixed else kind
        if fixed and "int" in weights and self._graph.tensors[fixed[0]].kind == "float32":
            weights += ">float32"  # turned into floats when the file is loaded, not converted as an inference runs
        return kind if weights == kind or name in _ARGUMENTS or name == "RESHAPE" else f"{kind}/{weights}"


def _options(operator: Operator) -> list[str]:
    """The options that change the work: stride and padding in words of their own, others as `name=value`."""
    values = option_values(operator)
    words = []
    if "filter_height" in values:
        words.append(f"k{values.pop('filter_height')}x{values.pop('filter_width')}")
    if "stride_h" in values:
        words.append(f"s{values.pop('stride_h')}x{values.pop('stride_w')}")
    if "padding" in values:
        words.append(_PADDINGS[values.pop("padding")])
    if activation := _ACTIVATIONS[values.get("fused_activation_function", 0)]:
        words.append(activation)
    values.pop("depth_multiplier", None)
    for key in ("dilation_h_factor", "dilation_w_factor"):
        if values.get(key) == 1:
            del values[key]
    if operator.name == "RESHAPE":
        return words
    return words + [f"{key}={value:g}" for key, value in sorted(values.items()) if key not in _SILENT and value]
