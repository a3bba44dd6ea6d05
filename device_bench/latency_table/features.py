"""Sizes of an operator, read from its signature: what its time is estimated from where it was not measured."""

import math
from dataclasses import dataclass
from functools import lru_cache

_BYTES = {"float32": 4, "float16": 2, "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "int64": 8, "bool": 1}


@dataclass(frozen=True, slots=True)
class Features:
    """The sizes of one operator.

    Attributes:
        group: Operators whose times follow one law: the operator, and for convolutions which kind of window.
        macs: Multiply-accumulates of convolutions and fully connected layers, else outputs.
        read_bytes: Of the inputs.
        written_bytes: Of the outputs.
        weight_bytes: Of the kernel.
    """

    group: str
    macs: float
    read_bytes: float
    written_bytes: float
    weight_bytes: float


@lru_cache(maxsize=65536)
def features(signature: str) -> Features:
    """Sizes from a signature line; what the line does not tell counts as 1."""
    name, shapes, *rest = signature.split(" ")
    number_format = rest[-1] if rest else ""
    width = _BYTES.get(number_format.split("/")[0], 4)
    inputs, _, outputs = shapes.partition(">")
    read = [_sizes(one) for one in inputs.split(",")]
    written = [_sizes(one) for one in outputs.split(",")]
    made = sum(map(math.prod, written))
    window = math.prod(_sizes(next((word[1:] for word in rest if word[:1] == "k" and word[1:2].isdigit()), "1")))
    weights, macs = _work(name, read[0], written[0], window)
    return Features(
        _group(name, read[0], window, rest),
        float(max(macs, 1)),
        float(width * max(1, sum(map(math.prod, read)))),
        float(width * max(1, made)),
        float(max(1, weights * _BYTES.get(number_format.split("/")[-1], 4))),
    )


def _work(name: str, first: tuple[int, ...], made: tuple[int, ...], window: int) -> tuple[int, int]:
    """Weights and multiply-accumulates."""
    if not first or not made:
        return 1, 1
    match name:
        case "CONV_2D":
            return window * first[-1] * made[-1], window * first[-1] * math.prod(made)
        case "DEPTHWISE_CONV_2D":
            return window * made[-1], window * math.prod(made)
        case "FULLY_CONNECTED":
            return math.prod(first) * made[-1], math.prod(first) * made[-1]
    return 1, max(math.prod(first), window * math.prod(made))


def _group(name: str, first: tuple[int, ...], window: int, rest: list[str]) -> str:
    if name == "CONV_2D":
        if len(first) == 4 and first[1:3] == (1, 1):
            return "CONV_2D vector"
        return "CONV_2D pointwise" if window == 1 else "CONV_2D spatial"
    if name == "DEPTHWISE_CONV_2D":
        return f"DEPTHWISE_CONV_2D {next((word for word in rest if word[:1] == 'k'), '')}".rstrip()
    return name


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split("x")) if text and text != "scalar" else ()
