"""Networks as lists of operators: the one source of parameters, MACs, Keras layers, table keys and drawings.

Any feed-forward network is a `Graph`: several inputs and outputs, operators that read any earlier ones. A family lowers
its architectures to graphs (see `search_spaces.builder`); nothing behind this point knows the family.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from search_spaces.errors import SpaceError

Shape = tuple[int, int, int]
Pair = tuple[int, int]
Padding = Literal["same", "valid"]
Fused = Literal["none", "relu", "relu6"]
Initializer = Literal["he", "positive"]
Kind = Literal[
    "conv",
    "depthwise",
    "dense",
    "average_pool",
    "max_pool",
    "global_pool",
    "add",
    "multiply",
    "concat",
    "pad",
    "slice",
    "batch_norm",
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "hard_sigmoid",
    "hard_swish",
    "softmax",
]

IMAGE = "image"
"""The name of the input of a network that reads one image."""

ENTRY = "<entry>"
"""What the operators of a part name as their input when they read what stands in front of the part."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a network.

    Attributes:
        name: Unique within the network, `block3.layer1.expand`; also the name of the Keras layer.
        kind: What it computes. `global_pool` keeps its 1x1 map; `add` and `multiply` read two tensors, the second of
            `multiply` may be `(1, 1, channels)`; `concat` joins channels; `batch_norm` and the activations stand alone.
        inputs: Names of the operators or graph inputs that it reads.
        input_shapes: `(height, width, channels)` of each of them.
        output_shape: `(height, width, channels)`; a vector of n is `(1, 1, n)`.
        kernel: Height and width of the window.
        strides: Down and across.
        dilation: Of the kernel, down and across.
        padding: Of a convolution or a pool.
        activation: Applied behind the convolution and its batch normalization.
        batch_norm: Whether a batch normalization follows (folded into the weights in TFLite).
        bias: Whether the weights come with a bias of their own.
        margins: Rows at the top and bottom, columns at the left and right: what `pad` adds, what `slice` cuts off
            before it takes every `strides`-th row and column.
        initializer: Of the weights: `he` (normal, variance 2 / fan-out), or `positive` where weights of both signs
            would leave the few units of a squeeze dead.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    kernel: Pair = (1, 1)
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = "same"
    activation: Fused = "none"
    batch_norm: bool = False
    bias: bool = False
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    initializer: Initializer = "he"

    @property
    def input_shape(self) -> Shape:
        """`(height, width, channels)` of the first input."""
        return self.input_shapes[0]

    @property
    def params(self) -> int:
        """Trainable parameters, batch normalization's scale and offset included."""
        channels_in, channels_out = self.input_shape[2], self.output_shape[2]
        weights = {
            "conv": channels_in * channels_out,
            "dense": channels_in * channels_out,
            "depthwise": channels_out,
        }
        normalized = self.batch_norm or self.kind == "batch_norm"
        return (
            math.prod(self.kernel) * weights.get(self.kind, 0)
            + channels_out * self.bias
            + 2 * channels_out * normalized
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and fully connected layers; other operators count as 0."""
        if self.kind not in ("conv", "depthwise", "dense"):
            return 0
        per_output = 1 if self.kind == "depthwise" else self.input_shape[2]
        return math.prod(self.output_shape) * math.prod(self.kernel) * per_output


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some operators that stand one behind the other, such as a block, wherever they stand.

    Networks of a search share most of their blocks: a family lowers a block once and keeps the part, and what is worked
    out about a part is kept by its identity.

    Attributes:
        operators: Each behind those of them that it reads. What they read from outside is named `ENTRY`; behind the
            part only the last of them is read.
    """

    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A part in its place.

    Attributes:
        part: What stands there.
        prefix: What the names of its operators begin with there.
        source: What it reads as its `ENTRY`.
    """

    part: Part
    prefix: str = ""
    source: str = ENTRY

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators under their own names."""
        if not self.prefix and self.source == ENTRY:
            return self.part.operators
        return tuple(
            replace(
                operator,
                name=f"{self.prefix}{operator.name}",
                inputs=tuple(self.source if name == ENTRY else f"{self.prefix}{name}" for name in operator.inputs),
            )
            for operator in self.part.operators
        )


@dataclass(frozen=True, slots=True)
class Graph:
    """A network.

    Attributes:
        inputs: Name and `(height, width, channels)` of each input.
        placed: The parts of the network, in order.
        outputs: Names of the operators whose results leave the network, in order.
    """

    inputs: tuple[tuple[str, Shape], ...]
    placed: tuple[PlacedPart, ...]
    outputs: tuple[str, ...]

    @property
    def operators(self) -> tuple[Operator, ...]:
        """All operators, each behind those that it reads."""
        return tuple(operator for placed in self.placed for operator in placed.operators)


def pruned(graph: Graph) -> Graph:
    """The same network without the operators that no output depends on."""
    needed, kept = {*graph.outputs}, []
    for operator in reversed(graph.operators):
        if operator.name in needed:
            needed.update(operator.inputs)
            kept.append(operator)
    return Graph(graph.inputs, (PlacedPart(Part(tuple(reversed(kept)))),), graph.outputs)


@dataclass(frozen=True, slots=True)
class Cost:
    """Trainable parameters and multiply-accumulates of one inference (convolutions, FC, squeeze-and-excitation)."""

    params: int
    macs: int


def graph_cost(graph: Graph) -> Cost:
    """Parameters and MACs of a network."""
    operators = [operator for placed in graph.placed for operator in placed.part.operators]
    return Cost(sum(operator.params for operator in operators), sum(operator.macs for operator in operators))


def check_input_shape(input_shape: Shape) -> Shape:
    """`(height, width, channels)` as a tuple of positive integers, or a `SpaceError`."""
    shape = tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise SpaceError(f"an input shape is (height, width, channels), all positive, not {input_shape!r}")
    return shape
