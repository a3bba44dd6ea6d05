"""The operator signatures that an architecture's TFLite file will have, without building or converting it.

A latency table is keyed by these lines; `device_bench.latency_table.signature` reads the same from a file and describes
them, and a test holds the two equal. They come from the one list of operators, block by block, equal blocks once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from search_spaces.architecture import Activation, Block, MnasNetArch, Shape
from search_spaces.errors import SpaceError
from search_spaces.operators import Operator, operators

Precision = Literal["float32", "float16", "dynamic", "int8"]

_NAMES = {
    "conv": "CONV_2D",
    "depthwise": "DEPTHWISE_CONV_2D",
    "dense": "FULLY_CONNECTED",
    "average_pool": "AVERAGE_POOL_2D",
    "global_pool": "MEAN",
    "add": "ADD",
    "multiply": "MUL",
    "sigmoid": "LOGISTIC",
    "softmax": "SOFTMAX",
}
_DYNAMIC_FROM = 1024
"""The converter leaves smaller weights in float32 when it quantizes weights alone."""


def signatures(arch: MnasNetArch, input_shape: Shape, classes: int, precision: Precision) -> tuple[str, ...]:
    """The operators of `arch` as a TFLite file at batch 1 has them, in order.

    Args:
        arch: Any architecture.
        input_shape: `(height, width, channels)`.
        classes: Width of the softmax.
        precision: Of the file: "float32", "float16" (weights), "dynamic" (weights of 8 bits) or "int8".

    Raises:
        SpaceError: A precision or shape that no file has.
    """
    listed, shape = _stem(arch.stem_filters, arch.stem_stride, input_shape, arch.activation, precision)
    parts = [listed]
    for block in arch.blocks:
        listed, shape = _block(block, shape, arch.activation, precision)
        parts.append(listed)
    parts.append(_head(arch.head_filters, classes, shape, arch.activation, precision))
    return tuple(line for part in parts for line in part)


@lru_cache(maxsize=1024)
def _stem(
    filters: int, stride: int, shape: Shape, activation: Activation, precision: Precision
) -> tuple[tuple[str, ...], Shape]:
    if precision not in ("float32", "float16", "dynamic", "int8"):
        raise SpaceError(f"unknown precision {precision!r}; known: float32, float16, dynamic, int8")
    probe = MnasNetArch(filters, (_NEUTRAL,), 1, stride, activation)
    listed = operators(probe, shape, 1)[:1]
    return _lines(listed, precision), listed[-1].output_shape


@lru_cache(maxsize=65536)
def _block(block: Block, shape: Shape, activation: Activation, precision: Precision) -> tuple[tuple[str, ...], Shape]:
    """The block behind a stem that hands it `shape`."""
    probe = MnasNetArch(shape[2], (block,), 1, 1, activation)
    listed = [one for one in operators(probe, (shape[0], shape[1], 1), 1) if one.name.startswith("block1.")]
    return _lines(listed, precision), listed[-1].output_shape


@lru_cache(maxsize=1024)
def _head(filters: int, classes: int, shape: Shape, activation: Activation, precision: Precision) -> tuple[str, ...]:
    neutral = Block("conv", 1, 1, 0, "none", shape[2], 1, 1)
    listed = operators(MnasNetArch(1, (neutral,), filters, 1, activation), (shape[0], shape[1], 1), classes)
    return _lines(listed[[one.name for one in listed].index("head") :], precision)


_NEUTRAL = Block("conv", 1, 1, 0, "none", 1, 1, 1)


def _lines(listed: list[Operator] | tuple[Operator, ...], precision: Precision) -> tuple[str, ...]:
    return tuple(signature(operator, precision) for operator in listed)


def signature(operator: Operator, precision: Precision) -> str:
    """The line of one operator."""
    made = _shape(operator.output_shape)
    if operator.kind in ("dense", "softmax"):
        made = f"1x{operator.output_shape[2]}"
    words = [_NAMES[operator.kind], f"{_inputs(operator)}>{made}", *_details(operator)]
    return " ".join([*words, _format(operator, precision)])


def _inputs(operator: Operator) -> str:
    first = f"1x{operator.input_shape[2]}" if operator.kind == "softmax" else _shape(operator.input_shape)
    match operator.kind:
        case "add":
            return f"{first},{first}"
        case "multiply":
            return f"{first},1x1x1x{operator.input_shape[2]}"
    return first


def _details(operator: Operator) -> list[str]:
    match operator.kind:
        case "conv" | "depthwise" | "average_pool":
            words = [f"k{operator.kernel[0]}x{operator.kernel[1]}", f"s{operator.stride}x{operator.stride}", "same"]
            return words if operator.activation == "none" else [*words, operator.activation]
        case "global_pool":
            return ["keep_dims=1", "axes=1,2"]
        case "softmax":
            return ["beta=1"]
    return []


def _format(operator: Operator, precision: Precision) -> str:
    if precision == "int8":
        return "int8"
    if operator.kind not in ("conv", "depthwise", "dense") or precision == "float32":
        return "float32"
    if precision == "float16":
        return "float32/float16"
    kernel = operator.kernel[0] * operator.kernel[1] * operator.output_shape[2]
    elements = kernel if operator.kind == "depthwise" else kernel * operator.input_shape[2]
    return "float32/int8" if elements >= _DYNAMIC_FROM else "float32"


def _shape(shape: Shape) -> str:
    return f"1x{shape[0]}x{shape[1]}x{shape[2]}"
