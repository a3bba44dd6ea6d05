"""What makes two operators take the same time: their signature, read from a TFLite file.

A signature is one line: the operator, its shapes, its window and stride, what is fused into it, and its number
format. Two operators with the same signature differ only in the values of their weights.

    CONV_2D 1x112x112x16>1x112x112x48 k1x1 s1x1 same relu int8
    DEPTHWISE_CONV_2D 1x56x56x72>1x28x28x72 k5x5 s2x2 same relu float32/int8
    MUL 1x14x14x240,1x1x1x240>1x14x14x240 int8
    MEAN 1x7x7x960>1x1x1x960 axes=1,2 keep_dims=1 int8

The number format is that of the inputs, followed by that of the weights where the two differ.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from device_bench.errors import BadRequest
from device_bench.latency_table import flat
from device_bench.latency_table.flat import FlatTable

_ACTIVATIONS = {0: "", 1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign_bit"}
_PADDINGS = {0: "same", 1: "valid"}
# Fields of operator options that do not change the work, or that the words above already tell.
_SILENT = {"fused_activation_function", "quantized_bias_type", "asymmetric_quantize_inputs", "pot_scale_int16"}
# Operators whose constant operand is an argument (axes, paddings), not weights; a reshape's is its output shape.
_ARGUMENTS = {"MEAN": "axes", "SUM": "axes", "REDUCE_MAX": "axes", "PAD": "paddings", "TRANSPOSE": "order"}


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

    Constants that a file keeps in another number format (`DEQUANTIZE` of weights) are read once, when the file is
    loaded: they are no work of an inference, and have no signature.

    Raises:
        BadRequest: The bytes are no TFLite file with one subgraph.
    """
    return tuple(view.signature for view in operator_views(model))


def operator_views(model: bytes) -> tuple[OperatorView, ...]:
    """The operators of a TFLite file that do work in an inference; see `signatures`."""
    if len(model) < 8 or model[4:8] != b"TFL3":
        raise BadRequest("these bytes are no TFLite file")
    try:
        graph = _Graph(model)
        return tuple(graph.views())
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, BufferError) as error:
        raise BadRequest(f"the TFLite file is damaged: {type(error).__name__}: {error}") from error
    except Exception as error:
        if type(error).__module__ == "struct":
            raise BadRequest(f"the TFLite file is damaged: {error}") from error
        raise


class _Graph:
    def __init__(self, model: bytes) -> None:
        root = FlatTable.root(model)
        if root.length(flat.MODEL_SUBGRAPHS) != 1:
            raise BadRequest(f"a file of {root.length(flat.MODEL_SUBGRAPHS)} subgraphs cannot be priced; one is needed")
        self._subgraph = next(root.tables(flat.MODEL_SUBGRAPHS))
        buffers = list(root.tables(flat.MODEL_BUFFERS))
        self._tensors = [_Tensor(one, buffers) for one in self._subgraph.tables(flat.SUBGRAPH_TENSORS)]
        self._codes = _codes(model)
        self._unpacked: dict[int, str] = {}
        self._read_options: dict[tuple[str, int, bytes, bytes], list[str]] = {}

    def views(self) -> Iterator[OperatorView]:
        for index, operator in enumerate(self._subgraph.tables(flat.SUBGRAPH_OPERATORS)):
            name = self._codes[operator.number(flat.OPERATOR_CODE)]
            inputs, outputs = operator.integers(flat.OPERATOR_INPUTS), operator.integers(flat.OPERATOR_OUTPUTS)
            if name == "DEQUANTIZE" and self._is_constant(inputs[0]):
                self._unpacked[outputs[0]] = self._tensors[inputs[0]].kind
                continue
            yield OperatorView(index, name, self._signature(operator, name, inputs, outputs))

    def _signature(self, operator: FlatTable, name: str, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> str:
        moving = [self._tensors[one] for one in inputs if one >= 0 and not self._is_constant(one)]
        made = [self._tensors[one] for one in outputs]
        fixed = [one for one in inputs if one >= 0 and self._is_constant(one)]
        words = [
            name,
            f"{','.join(one.shape for one in moving)}>{','.join(one.shape for one in made)}",
            *self._window(name, fixed, moving),
            *self._options(name, operator),
        ]
        if name in _ARGUMENTS and fixed:
            words += self._argument(name, fixed[0])
        words.append(self._format(name, moving, made, fixed))
        return " ".join(words)

    def _window(self, name: str, fixed: list[int], moving: list["_Tensor"]) -> list[str]:
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            return []
        sizes = self._tensors[fixed[0]].sizes
        words = [f"k{sizes[1]}x{sizes[2]}"]
        if name == "CONV_2D" and sizes[3] != moving[0].sizes[3]:
            words.append(f"groups={moving[0].sizes[3] // sizes[3]}")
        return words

    def _options(self, name: str, operator: FlatTable) -> list[str]:
        """Words for the options; most operators of a file repeat the options of another, byte by byte."""
        kind, table = operator.byte(flat.OPERATOR_OPTIONS_TYPE), operator.table(flat.OPERATOR_OPTIONS)
        if table is None or kind == 0:
            return []
        key = (name, kind, *table.raw())
        if key not in self._read_options:
            self._read_options[key] = _options(name, table, kind)
        return self._read_options[key]

    def _argument(self, name: str, tensor: int) -> list[str]:
        values = self._tensors[tensor].integers()
        return [f"{_ARGUMENTS[name]}={','.join(map(str, values))}"]

    def _format(self, name: str, moving: list["_Tensor"], made: list["_Tensor"], fixed: list[int]) -> str:
        kind = (moving or made)[0].kind
        if name in ("QUANTIZE", "DEQUANTIZE", "CAST"):
            return f"{kind}>{made[0].kind}"
        weights = self._unpacked.get(fixed[0]) or self._tensors[fixed[0]].kind if fixed else kind
        return kind if weights == kind or name in _ARGUMENTS or name == "RESHAPE" else f"{kind}/{weights}"

    def _is_constant(self, index: int) -> bool:
        return index in self._unpacked or self._tensors[index].constant


class _Tensor:
    __slots__ = ("_buffer", "constant", "kind", "shape", "sizes")

    def __init__(self, table: FlatTable, buffers: list[FlatTable]) -> None:
        self._buffer = buffers[table.number(flat.TENSOR_BUFFER)]
        self.sizes = table.integers(flat.TENSOR_SHAPE)
        self.shape = "x".join(map(str, self.sizes)) or "scalar"
        self.kind = _tensor_kinds()[table.byte(flat.TENSOR_TYPE)]
        self.constant = self._buffer.length(flat.BUFFER_DATA) > 0

    def integers(self) -> list[int]:
        raw = self._buffer.octets(flat.BUFFER_DATA)
        width = {"int32": 4, "int64": 8}[self.kind]
        return [int.from_bytes(raw[i : i + width], "little", signed=True) for i in range(0, len(raw), width)]


def _options(name: str, table: FlatTable, kind: int) -> list[str]:
    """The options that change the work: stride and padding in words of their own, others as `name=value`."""
    values = _option_values(table, kind)
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
    if name == "RESHAPE":
        return words
    return words + [f"{key}={value:g}" for key, value in sorted(values.items()) if key not in _SILENT and value]


def _option_values(table: FlatTable, kind: int) -> dict[str, Any]:
    """All scalar options of an operator, by the schema's names in snake case."""
    options, getters = _options_class(_names("BuiltinOptions")[kind])
    reader = options()
    reader.Init(table.content, table.position)
    found = ((name, getattr(reader, getter)()) for name, getter in getters)
    return {name: value for name, value in found if isinstance(value, bool | int | float)}


@cache
def _options_class(name: str) -> tuple[Any, tuple[tuple[str, str], ...]]:
    options = getattr(_schema(), name)
    known = ("Init", "GetRootAs")
    getters = []
    for getter in vars(options):
        parameters = getattr(getattr(options, getter), "__code__", None)
        skipped = getter.startswith(known) or getter.endswith("IsNone")
        if getter[0].isupper() and not skipped and parameters and parameters.co_argcount == 1:
            getters.append((_snake(getter), getter))
    return options, tuple(getters)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _codes(model: bytes) -> list[str]:
    """The names of the operators that a file uses."""
    root = _schema().Model.GetRootAs(model, 0)
    return [_code(root.OperatorCodes(index)) for index in range(root.OperatorCodesLength())]


def _code(code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _names("BuiltinOperator")[number]
    if name == "CUSTOM":
        return f"CUSTOM:{code.CustomCode().decode()}"
    return name


@cache
def _tensor_kinds() -> dict[int, str]:
    return {value: name.lower() for value, name in _names("TensorType").items()}


@cache
def _names(enumeration: str) -> dict[int, str]:
    members = vars(getattr(_schema(), enumeration))
    return {value: name for name, value in members.items() if isinstance(value, int)}


@cache
def _schema() -> ModuleType:
    from ai_edge_litert import schema_py_generated

    schema: ModuleType = schema_py_generated
    return schema
