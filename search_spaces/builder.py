"""Writes a graph operator by operator: names are checked, shapes follow from what is read.

graph = GraphBuilder({"image": (32, 32, 3)})
left = graph.conv("left", "image", 16, kernel=3, activation="relu")
right = graph.pool("right", left, "max_pool", kernel=3)
graph.add("sum", left, right)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from search_spaces.errors import SpaceError
from search_spaces.graph import Fused, Graph, Initializer, Kind, Operator, Padding, Pair, Part, PlacedPart, Shape

Size = int | Pair
"""One number for both directions, or height and width."""


class GraphBuilder:
    """Operators listed so far. Every method appends one and returns its name."""

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
        """Begins with what the operators may read, `name -> (height, width, channels)`."""
        self._inputs = dict(inputs)
        self._shapes = dict(inputs)
        self._placed: list[PlacedPart] = []
        self._open: list[Operator] = []

    def part(self) -> Part:
        """All operators as one part, for other builders to extend their graphs with."""
        return Part(tuple(operator for placed in self._closed() for operator in placed.operators))

    def graph(self, *outputs: str) -> Graph:
        """The whole network, whose results are `outputs`."""
        for name in outputs:
            self.shape(name)
        return Graph(tuple(self._inputs.items()), tuple(self._closed()), outputs)

    def _closed(self) -> list[PlacedPart]:
        if self._open:
            self._placed.append(PlacedPart(Part(tuple(self._open))))
            self._open = []
        return self._placed

    def shape(self, name: str) -> Shape:
        """`(height, width, channels)` of an input or of what an operator makes.

        Raises:
            SpaceError: Nothing of that name is listed yet.
        """
        if name not in self._shapes:
            raise SpaceError(f"the graph has no operator or input {name!r} to read")
        return self._shapes[name]

    def extend(self, part: Part, prefix: str, source: str) -> str:
        """Appends a part that another builder has listed behind an input `ENTRY` of the shape of `source`.

        Args:
            part: Its last operator alone can be read behind it.
            prefix: Put in front of the names of its operators.
            source: What it reads.

        Returns:
            The name of its last operator.

        Raises:
            SpaceError: The name is taken, or `source` is not there or has another shape.
        """
        first, last = part.operators[0], part.operators[-1]
        name = f"{prefix}{last.name}"
        if self.shape(source) != first.input_shape:
            raise SpaceError(f"{prefix}{first.name} reads {first.input_shape}, but {source} is {self.shape(source)}")
        if name in self._shapes:
            raise SpaceError(f"the graph has an operator or input {name!r} already")
        self._closed().append(PlacedPart(part, prefix, source))
        self._shapes[name] = last.output_shape
        return name

    def conv(
        self,
        name: str,
        source: str,
        filters: int,
        kernel: Size = 1,
        strides: Size = 1,
        *,
        padding: Padding = "same",
        dilation: Size = 1,
        activation: Fused | Kind = "none",
        batch_norm: bool = True,
        bias: bool = False,
        initializer: Initializer = "he",
    ) -> str:
        """A convolution, its batch normalization and its activation, which is an operator of its own if it must be."""
        return self._window(
            name,
            "conv",
            source,
            filters,
            kernel,
            strides,
            padding=padding,
            dilation=dilation,
            activation=activation,
            batch_norm=batch_norm,
            bias=bias,
            initializer=initializer,
        )

    def depthwise(
        self,
        name: str,
        source: str,
        kernel: Size = 3,
        strides: Size = 1,
        *,
        padding: Padding = "same",
        dilation: Size = 1,
        activation: Fused | Kind = "none",
        batch_norm: bool = True,
    ) -> str:
        """A depthwise convolution of multiplier 1, its batch normalization and its activation."""
        return self._window(
            name,
            "depthwise",
            source,
            self.shape(source)[2],
            kernel,
            strides,
            padding=padding,
            dilation=dilation,
            activation=activation,
            batch_norm=batch_norm,
        )

    def pool(
        self, name: str, source: str, kind: Kind, kernel: Size, strides: Size = 1, *, padding: Padding = "same"
    ) -> str:
        """An `average_pool` (over the pixels inside the map) or a `max_pool`."""
        return self._window(name, kind, source, self.shape(source)[2], kernel, strides, padding=padding)

    def global_pool(self, name: str, source: str) -> str:
        """The mean of each channel, as a map of one pixel."""
        return self._simple(name, "global_pool", (source,), (1, 1, self.shape(source)[2]))

    def dense(self, name: str, source: str, units: int, *, bias: bool = True) -> str:
        """A fully connected layer over all that `source` holds."""
        if self.shape(source)[:2] != (1, 1):
            raise SpaceError(f"{name} reads {source}, which is a map and not a vector: pool it first")
        return self._append(Operator(name, "dense", (source,), (self.shape(source),), (1, 1, units), bias=bias))

    def add(self, name: str, left: str, right: str) -> str:
        """The sum of two tensors of one shape."""
        if self.shape(left) != self.shape(right):
            raise SpaceError(f"{name} cannot add {self.shape(left)} and {self.shape(right)}")
        return self._simple(name, "add", (left, right), self.shape(left))

    def multiply(self, name: str, features: str, gate: str) -> str:
        """The product of two tensors of one shape, or of a map and one number per channel."""
        shape = self.shape(features)
        if self.shape(gate) not in (shape, (1, 1, shape[2])):
            raise SpaceError(f"{name} cannot multiply {shape} and {self.shape(gate)}")
        return self._simple(name, "multiply", (features, gate), shape)

    def concat(self, name: str, *sources: str) -> str:
        """The channels of several maps of one size, one behind the other."""
        shapes = [self.shape(source) for source in sources]
        if len({shape[:2] for shape in shapes}) != 1:
            raise SpaceError(f"{name} cannot join maps of different sizes: {shapes}")
        return self._simple(name, "concat", sources, (*shapes[0][:2], sum(shape[2] for shape in shapes)))

    def batch_norm(self, name: str, source: str) -> str:
        """A batch normalization on its own, as pre-activation networks have it."""
        return self._simple(name, "batch_norm", (source,), self.shape(source))

    def activation(self, name: str, source: str, kind: Kind) -> str:
        """`relu`, `relu6`, `sigmoid`, `tanh`, `hard_sigmoid`, `hard_swish` or `softmax` on its own."""
        return self._simple(name, kind, (source,), self.shape(source))

    def pad(self, name: str, source: str, margins: tuple[int, int, int, int]) -> str:
        """Zeros around a map: rows at the top and bottom, columns at the left and right."""
        height, width, channels = self.shape(source)
        shape = (height + margins[0] + margins[1], width + margins[2] + margins[3], channels)
        return self._append(Operator(name, "pad", (source,), (self.shape(source),), shape, margins=margins))

    def slice(self, name: str, source: str, margins: tuple[int, int, int, int], strides: Size = 1) -> str:
        """Cuts rows and columns off a map, then takes every `strides`-th of those that are left."""
        (height, width, channels), (down, across) = self.shape(source), _pair(strides)
        rows, columns = height - margins[0] - margins[1], width - margins[2] - margins[3]
        if rows < 1 or columns < 1:
            raise SpaceError(f"{name} cuts {margins} off a map of {height}x{width}, which leaves nothing")
        shape = (-(-rows // down), -(-columns // across), channels)
        return self._append(
            Operator(name, "slice", (source,), (self.shape(source),), shape, strides=(down, across), margins=margins)
        )

    def _simple(self, name: str, kind: Kind, sources: tuple[str, ...], shape: Shape) -> str:
        return self._append(Operator(name, kind, sources, tuple(map(self.shape, sources)), shape))

    def _append(self, operator: Operator) -> str:
        if operator.name in self._shapes:
            raise SpaceError(f"the graph has an operator or input {operator.name!r} already")
        if min(operator.output_shape) < 1:
            raise SpaceError(f"{operator.name} would make {operator.output_shape} of {operator.input_shape}")
        self._open.append(operator)
        self._shapes[operator.name] = operator.output_shape
        return operator.name

    def _window(
        self,
        name: str,
        kind: Kind,
        source: str,
        channels: int,
        kernel: Size,
        strides: Size,
        *,
        padding: Padding,
        dilation: Size = 1,
        activation: Fused | Kind = "none",
        batch_norm: bool = False,
        bias: bool = False,
        initializer: Initializer = "he",
    ) -> str:
        """An operator that moves a window over a map."""
        kernel, strides, dilation = _pair(kernel), _pair(strides), _pair(dilation)
        height, width, _ = read = self.shape(source)
        if padding == "valid":
            height -= dilation[0] * (kernel[0] - 1)
            width -= dilation[1] * (kernel[1] - 1)
        made = (-(-height // strides[0]), -(-width // strides[1]), channels)
        window = (kernel, strides, dilation, padding)
        fused = cast(Fused, activation) if activation in get_args(Fused) else "none"
        last = self._append(
            Operator(name, kind, (source,), (read,), made, *window, fused, batch_norm, bias, initializer=initializer)
        )
        return last if fused == activation else self.activation(f"{name}.act", last, cast(Kind, activation))


def _pair(size: Size) -> Pair:
    return (size, size) if isinstance(size, int) else size
