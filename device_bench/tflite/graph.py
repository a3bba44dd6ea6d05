"""A TFLite file as a graph: tensors and operators, and which constants an operator computes with.

Read in place (`flat`), without a runtime. One piece of code for all who judge a file: its precision, the signatures
of a latency table, the least work of an inference.
"""

import contextlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from math import prod
from types import ModuleType
from typing import Any

from device_bench.errors import BadRequest
from device_bench.tflite import flat
from device_bench.tflite.flat import FlatTable, spelt

IDENTIFIER = b"TFL3"
_BREAKS = (LookupError, TypeError, ValueError, AttributeError, BufferError, ArithmeticError, MemoryError, struct.error)
CUSTOM = "CUSTOM:"
_UNPACKING = ("DEQUANTIZE", "DENSIFY")
# Bytes of a value, where not 4.
_WIDTHS = {
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "int4": 1,
    "int2": 1,
    "uint4": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "bfloat16": 2,
}
_WIDTHS |= {"int64": 8, "uint64": 8, "float64": 8, "complex64": 8, "complex128": 16}


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns whatever a damaged file breaks into one line.

    Raises:
        BadRequest: The file is damaged.
    """
    try:
        yield
    except _BREAKS as error:
        raise BadRequest(f"{name} is a damaged TFLite file ({type(error).__name__}: {error})") from error


def check_identifier(model: bytes, name: str) -> None:
    """Refuses bytes that are not a TFLite file.

    Raises:
        BadRequest: They are not.
    """
    if len(model) < 16 or model[4:8] != IDENTIFIER:
        raise BadRequest(f"{name} is not a TFLite file (its identifier is not {IDENTIFIER.decode()})")


class Tensor:
    """A tensor of a graph.

    Attributes:
        sizes: Its shape in the file.
        shape: The same in words, such as "1x224x224x3".
        kind: Its number format, such as "int8".
        constant: Whether the file holds its values.
    """

    __slots__ = ("_buffer", "_table", "constant", "kind", "shape", "sizes")

    def __init__(self, table: FlatTable, buffers: list[FlatTable]) -> None:
        self._table = table
        self._buffer = buffers[table.number(flat.TENSOR_BUFFER)]
        self.sizes = table.integers(flat.TENSOR_SHAPE)
        self.shape = "x".join(map(str, self.sizes)) or "scalar"
        self.kind = _tensor_kinds()[table.byte(flat.TENSOR_TYPE)]
        # Files above 2 GB keep their values behind the flatbuffer, or in another file.
        offset = self._buffer.long_number(flat.BUFFER_OFFSET)
        if offset > 1 and offset + self._buffer.long_number(flat.BUFFER_SIZE) > len(table.content):
            raise ValueError("values beyond the end of the file")
        outside = offset > 1 or table.number(flat.TENSOR_EXTERNAL_BUFFER) > 0
        self.constant = self._buffer.length(flat.BUFFER_DATA) > 0 or outside

    @property
    def table(self) -> FlatTable:
        """Where it lies in the file."""
        return self._table

    @property
    def name(self) -> str:
        """Its name in the graph."""
        return self._table.text(flat.TENSOR_NAME)

    @property
    def elements(self) -> int:
        """How many values it has; a size that is not known counts as one."""
        return prod(max(1, size) for size in self.sizes)

    @property
    def width(self) -> int:
        """Bytes of a value, the whole for those of half a byte."""
        return _WIDTHS.get(self.kind, 4)

    @property
    def density(self) -> float:
        """The share of its values that the file holds; less than 1 where they are sparse."""
        return min(1.0, self.stored_bytes / max(1, self.elements * self.width))

    @property
    def stored_bytes(self) -> int:
        """Bytes of its values in the file."""
        return self._buffer.length(flat.BUFFER_DATA) or self._buffer.long_number(flat.BUFFER_SIZE)

    @property
    def scaling(self) -> tuple[float, int] | None:
        """The scale (a float32) and the zero point of a tensor that has one of each: scale x (stored - zero point)."""
        quantization = self._table.table(flat.TENSOR_QUANTIZATION)
        scales = quantization.floats(flat.QUANTIZATION_SCALE) if quantization is not None else ()
        if quantization is None or len(scales) != 1:
            return None
        start, length = quantization.vector(flat.QUANTIZATION_ZERO_POINT)
        zero_point = quantization.content[start : start + 8] if length else b""
        return scales[0], int.from_bytes(zero_point, "little", signed=True)

    def integers(self) -> list[int]:
        """The values of a constant of 32 or 64-bit integers."""
        raw = self._buffer.octets(flat.BUFFER_DATA)
        width = {"int32": 4, "int64": 8}[self.kind]
        return [int.from_bytes(raw[i : i + width], "little", signed=True) for i in range(0, len(raw), width)]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of a graph.

    Attributes:
        index: Its place in the file.
        name: What it is, as the TFLite schema calls it.
        table: Where it lies in the file.
        inputs: Numbers of its input tensors; -1 for one that is left out.
        outputs: Numbers of its output tensors.
    """

    index: int
    name: str
    table: FlatTable
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Graph:
    """One subgraph of a TFLite file.

    Args:
        model: The file.
        index: Number of the subgraph.

    Attributes:
        tensors: Its tensors; operators name them by their place here.
        inputs: Numbers of the tensors that an inference is given.
        outputs: Numbers of those that it gives.
    """

    def __init__(self, model: bytes, index: int = 0) -> None:
        root = FlatTable.root(model)
        self._subgraph = list(root.tables(flat.MODEL_SUBGRAPHS))[index]
        buffers = list(root.tables(flat.MODEL_BUFFERS))
        self.tensors = [Tensor(one, buffers) for one in self._subgraph.tables(flat.SUBGRAPH_TENSORS)]
        self.inputs = self._subgraph.integers(flat.SUBGRAPH_INPUTS)
        self.outputs = self._subgraph.integers(flat.SUBGRAPH_OUTPUTS)
        self._codes = operator_codes(model)
        self._unpacked: dict[int, str] = {}

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """The operators that do work in an inference, in the order in which they run.

        What only unpacks stored constants (`DEQUANTIZE` and `DENSIFY` of weights) runs once, when the file is
        loaded; it is left out, and what it makes counts as constant.
        """
        found = []
        for index, table in enumerate(self._subgraph.tables(flat.SUBGRAPH_OPERATORS)):
            name = self._codes[table.number(flat.OPERATOR_CODE)]
            inputs, outputs = table.integers(flat.OPERATOR_INPUTS), table.integers(flat.OPERATOR_OUTPUTS)
            if name in _UNPACKING and self.is_constant(inputs[0]):
                self._unpacked[outputs[0]] = self._packing(name, inputs[0])
                continue
            found.append(Operator(index, name, table, inputs, outputs))
        return tuple(found)

    def is_constant(self, tensor: int) -> bool:
        """Whether a tensor's values are known when the file is loaded."""
        return tensor in self._unpacked or self.tensors[tensor].constant

    def moving(self, operator: Operator) -> list[Tensor]:
        """The inputs that an inference computes."""
        return [self.tensors[one] for one in operator.inputs if one >= 0 and not self.is_constant(one)]

    def fixed(self, operator: Operator) -> list[int]:
        """Numbers of the inputs that are constant."""
        return [one for one in operator.inputs if one >= 0 and self.is_constant(one)]

    def weights(self, operator: Operator) -> int | None:
        """The number of the largest constant input, or None when there is none."""
        return max(self.fixed(operator), key=lambda one: self.tensors[one].elements, default=None)

    def stored_kind(self, tensor: int) -> str:
        """The number format in which the file holds a constant: "int8", or "sparse20_int8" for a fifth of it."""
        return self._unpacked.get(tensor) or self.tensors[tensor].kind

    def called(self) -> set[int]:
        """Numbers of the subgraphs that its operators run: bodies of loops, branches and the like."""
        values = [pair for one in self.operators for pair in option_values(one).items()]
        return {int(value) for name, value in values if "subgraph" in name and int(value) >= 0}

    def _packing(self, name: str, tensor: int) -> str:
        stored = self.stored_kind(tensor)
        return f"sparse{self.tensors[tensor].density:.0%}_{stored}".replace("%", "") if name == "DENSIFY" else stored


def option_values(operator: Operator) -> dict[str, Any]:
    """All scalar options of an operator, by the schema's names in snake case."""
    table = operator.table
    return _values(table, flat.OPERATOR_OPTIONS_TYPE, "BuiltinOptions", flat.OPERATOR_OPTIONS) | _values(
        table, flat.OPERATOR_OPTIONS_2_TYPE, "BuiltinOptions2", flat.OPERATOR_OPTIONS_2
    )


def _values(operator: FlatTable, kind_field: int, union: str, field: int) -> dict[str, Any]:
    kind, table = operator.byte(kind_field), operator.table(field)
    if table is None or kind == 0:
        return {}
    options, getters = _options_class(_names(union)[kind])
    reader = options()
    reader.Init(table.content, table.position)
    found = ((name, getattr(reader, getter)()) for name, getter in getters)
    return {name: value for name, value in found if isinstance(value, bool | int | float)}


@cache
def _options_class(name: str) -> tuple[Any, tuple[tuple[str, str], ...]]:
    options = getattr(_schema(), name)
    getters = []
    for getter in vars(options):
        parameters = getattr(getattr(options, getter), "__code__", None)
        skipped = getter == "Init" or getter.startswith("GetRootAs") or getter.endswith("IsNone")
        if getter[0].isupper() and not skipped and parameters and parameters.co_argcount == 1:
            getters.append((_snake(getter), getter))
    return options, tuple(getters)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def operator_codes(model: bytes) -> list[str]:
    """The names of the operators that a file uses."""
    root = _schema().Model.GetRootAs(model, 0)
    return [_code(root.OperatorCodes(index)) for index in range(root.OperatorCodesLength())]


def _code(code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _names("BuiltinOperator")[number]
    if name == "CUSTOM":
        return f"{CUSTOM}{spelt(code.CustomCode().decode())}"
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
