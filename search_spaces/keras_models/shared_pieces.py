"""Where the variables of a shared graph lie in the vector of all weights, and what a network uses of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from search_spaces.fusion import WEIGHTED
from search_spaces.graph import Operator
from search_spaces.shared import extent


@dataclass(frozen=True, slots=True)
class Piece:
    """A variable of an operator in the vector of all weights."""

    operator: Operator
    name: Literal["kernel", "bias", "gamma", "beta"]
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def part(self, own: Operator) -> tuple[Any, ...]:
        """What an operator of a network uses of it."""
        high, wide, read, made = extent(own)
        if self.name != "kernel":
            return (slice(made),)
        if own.kind == "dense":
            return slice(read), slice(made)
        centre = (_centre(self.shape[0], high), _centre(self.shape[1], wide))
        return (*centre, slice(made), slice(1)) if own.kind == "depthwise" else (*centre, slice(read), slice(made))


def is_normalized(operator: Operator) -> bool:
    return operator.batch_norm or operator.kind == "batch_norm"


def cut_of(shared: Operator, own: Operator) -> tuple[int, ...]:
    """Where the kernel of an operator begins in the shared one, its size, and the channels out."""
    high, wide, read, made = extent(own)
    begin = (_centre(shared.kernel[0], high).start, _centre(shared.kernel[1], wide).start, 0, 0)
    return (*begin, high, wide, *((made, 1) if own.kind == "depthwise" else (read, made)), made)


def _centre(whole: int, part: int) -> slice:
    begin = (whole - part) // 2
    return slice(begin, begin + part)


def pieces_of(operators: Iterable[Operator]) -> Iterator[Piece]:
    offset = 0
    for operator in operators:
        _, _, read, made = extent(operator)
        shapes: dict[str, tuple[int, ...]] = {}
        if operator.kind in WEIGHTED:
            shapes["kernel"] = {
                "conv": (*operator.kernel, read, made),
                "depthwise": (*operator.kernel, made, 1),
                "dense": (read, made),
            }[operator.kind]
        if operator.bias:
            shapes["bias"] = (made,)
        if is_normalized(operator):
            shapes |= {"gamma": (made,), "beta": (made,)}
        for name, shape in shapes.items():
            yield Piece(operator, name, shape, offset)
            offset += math.prod(shape)


def view(values: np.ndarray, piece: Piece) -> np.ndarray:
    """The part of all weights, or of something beside each of them, that belongs to a variable."""
    return values[piece.offset : piece.offset + piece.size].reshape(piece.shape)
