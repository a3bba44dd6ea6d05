"""The operator signatures that an architecture's TFLite file will have, without building or converting it.

A latency table is keyed by these lines; `device_bench.latency_table.signature` reads the same from a file and describes
them, and a test holds the two equal. They come from the one list of operators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, get_args

from search_spaces.catalog import Arch, lower
from search_spaces.errors import SpaceError
from search_spaces.fusion import FileOperator, converted, is_rewritten, joined_operators
from search_spaces.graph import Graph, Operator, Part, Shape
from search_spaces.heads import Head
from search_spaces.joins import joins_of

Precision = Literal["float32", "float16", "dynamic", "int8"]

_NAMES = {
    "conv": "CONV_2D",
    "depthwise": "DEPTHWISE_CONV_2D",
    "dense": "FULLY_CONNECTED",
    "average_pool": "AVERAGE_POOL_2D",
    "max_pool": "MAX_POOL_2D",
    "global_pool": "MEAN",
    "add": "ADD",
    "multiply": "MUL",
    "concat": "CONCATENATION",
    "scale": "MUL",
    "shift": "ADD",
    "pad": "PAD",
    "slice": "STRIDED_SLICE",
    "relu": "RELU",
    "relu6": "RELU6",
    "sigmoid": "LOGISTIC",
    "tanh": "TANH",
    "hard_swish": "HARD_SWISH",
    "softmax": "SOFTMAX",
}
_WEIGHTED = ("conv", "depthwise", "dense")
_DYNAMIC_FROM = 1024
"""The converter leaves smaller weights in float32 when it quantizes weights alone."""


def signatures(arch: Arch, input_shape: Shape, head: Head | int, precision: Precision) -> tuple[str, ...]:
    """The operators of `arch` as a TFLite file at batch 1 has them.

    Args:
        arch: Any architecture.
        input_shape: `(height, width, channels)`.
        head: What stands behind the features; a number of classes stands for a classifier.
        precision: Of the file: "float32", "float16" (weights), "dynamic" (weights of 8 bits) or "int8".

    Raises:
        SpaceError: A precision or shape that no file has.
    """
    return graph_signatures(lower(arch, input_shape, head), precision)


def graph_signatures(graph: Graph, precision: Precision) -> tuple[str, ...]:
    """The operators of a graph as a TFLite file at batch 1 has them, in the order of the graph.

    Raises:
        SpaceError: A precision that no file has.
    """
    if precision not in get_args(Precision):
        raise SpaceError(f"unknown precision {precision!r}; known: {', '.join(get_args(Precision))}")
    if any(is_rewritten(placed.part) for placed in graph.placed):
        seen, outputs = converted(graph)
        lines = tuple(_line(one, precision) for one in joined_operators(seen, outputs))
        return (*lines, *_conversions(graph, seen)) if precision == "int8" else lines
    return tuple(line for placed in graph.placed for line in _part_lines(placed.part, precision))


def _conversions(graph: Graph, seen: Sequence[FileOperator]) -> Iterator[str]:
    """What an int8 file converts in front of its concatenations, once for all that read it in one step."""
    operators = [one.operator for one in seen]
    joins = joins_of(operators)
    shapes = dict(graph.inputs) | {operator.name: operator.output_shape for operator in operators}
    for name, _ in sorted({(name, joins.members[concat]) for concat, name in joins.converted}):
        yield f"QUANTIZE {_shape(shapes[name])}>{_shape(shapes[name])} int8>int8"


@lru_cache(maxsize=65536)
def _part_lines(part: Part, precision: Precision) -> tuple[str, ...]:
    return tuple(_line(FileOperator(operator.kind, operator), precision) for operator in part.operators)


def _line(one: FileOperator, precision: Precision) -> str:
    read = ",".join(map(_shape, one.operator.input_shapes))
    if one.kind == "softmax":
        read = f"1x{one.operator.input_shape[2]}"
    words = [_NAMES[one.kind], f"{read}>{_made(one.operator)}", *_details(one), _format(one, precision)]
    return " ".join(words)


def _made(operator: Operator) -> str:
    if operator.kind in ("dense", "softmax"):
        return f"1x{operator.output_shape[2]}"
    return _shape(operator.output_shape)


def _details(one: FileOperator) -> list[str]:
    operator = one.operator
    match one.kind:
        case "conv" | "depthwise" | "average_pool" | "max_pool":
            (height, width), (down, across) = operator.kernel, operator.strides
            words = [f"k{height}x{width}", f"s{down}x{across}", operator.padding, *_activation(operator)]
            return words + _dilation(operator)
        case "add" | "multiply" | "scale" | "shift" | "dense":
            return _activation(operator)
        case "global_pool":
            return ["keep_dims=1", "axes=1,2"]
        case "concat":
            return ["axis=3"]
        case "pad":
            return [f"paddings=0,0,{','.join(map(str, operator.margins))},0,0"]
        case "slice":
            return _masks(operator)
        case "softmax":
            return ["beta=1"]
    return []


def _activation(operator: Operator) -> list[str]:
    return [] if operator.activation == "none" else [operator.activation]


def _dilation(operator: Operator) -> list[str]:
    spread = zip(("h", "w"), operator.dilation, strict=True)
    return [f"dilation_{side}_factor={by}" for side, by in spread if by > 1]


def _masks(operator: Operator) -> list[str]:
    """Which of batch, rows, columns and channels (bits 0 to 3) begin at the first and end behind the last element."""
    top, bottom, left, right = operator.margins
    begin = 0b1001 | (top == 0) << 1 | (left == 0) << 2
    end = 0b1001 | (bottom == 0) << 1 | (right == 0) << 2
    return [f"begin_mask={begin}", f"end_mask={end}"]


def _format(one: FileOperator, precision: Precision) -> str:
    """The number format of what moves, and of the weights where it is another."""
    operator, moving = one.operator, "int8" if precision == "int8" else "float32"
    if one.kind == "slice":
        return f"{moving}/int32"
    if precision == "float16" and one.kind in (*_WEIGHTED, "scale", "shift"):
        return "float32/float16"
    if precision != "dynamic" or one.kind not in _WEIGHTED:
        return moving
    kernel = operator.kernel[0] * operator.kernel[1] * operator.output_shape[2]
    elements = kernel if operator.kind == "depthwise" else kernel * operator.input_shape[2]
    return "float32/int8" if elements >= _DYNAMIC_FROM else "float32"


def _shape(shape: Shape) -> str:
    return f"1x{shape[0]}x{shape[1]}x{shape[2]}"
