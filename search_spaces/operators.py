"""An architecture as its list of operators: the one source of parameters, MACs, Keras layers and table keys."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from search_spaces.architecture import Block, MnasNetArch, Shape, check_input_shape, skip_acts
from search_spaces.errors import SpaceError

Kind = Literal["conv", "depthwise", "dense", "average_pool", "global_pool", "add", "multiply", "sigmoid", "softmax"]
Fused = Literal["none", "relu", "relu6"]

IMAGE = "image"
"""What an operator names as its input when it reads the image itself."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of a network.

    Attributes:
        name: Unique within the network, `block3.layer1.expand`; also the name of the Keras layer.
        kind: What it computes. `conv` and `depthwise` pad to `same`; `global_pool` keeps its 1x1 map.
        inputs: Names of the operators it reads, or `IMAGE`.
        input_shape: `(height, width, channels)` of its first input.
        output_shape: `(height, width, channels)`; a vector of n is `(1, 1, n)`.
        kernel: Height and width of the window.
        stride: In both directions.
        activation: Applied behind the convolution and its batch normalization, fused in TFLite.
        batch_norm: Whether a batch normalization follows (folded into the weights in TFLite).
        bias: Whether the weights come with a bias of their own.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    activation: Fused = "none"
    batch_norm: bool = False
    bias: bool = False

    @property
    def params(self) -> int:
        """Trainable parameters, batch normalization's scale and offset included."""
        channels_in, channels_out = self.input_shape[2], self.output_shape[2]
        weights = {
            "conv": channels_in * channels_out,
            "dense": channels_in * channels_out,
            "depthwise": channels_out,
        }
        return (
            math.prod(self.kernel) * weights.get(self.kind, 0)
            + channels_out * self.bias
            + 2 * channels_out * self.batch_norm
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and fully connected layers; other operators count as 0."""
        if self.kind not in ("conv", "depthwise", "dense"):
            return 0
        per_output = 1 if self.kind == "depthwise" else self.input_shape[2]
        return math.prod(self.output_shape) * math.prod(self.kernel) * per_output


@dataclass(frozen=True, slots=True)
class Cost:
    """Trainable parameters and multiply-accumulates of one inference (convolutions, FC, squeeze-and-excitation)."""

    params: int
    macs: int


def cost(arch: MnasNetArch, input_shape: Shape, classes: int) -> Cost:
    """Parameters and MACs of `arch` on one image of `input_shape` `(height, width, channels)`."""
    listed = operators(arch, input_shape, classes)
    return Cost(sum(operator.params for operator in listed), sum(operator.macs for operator in listed))


def operators(arch: MnasNetArch, input_shape: Shape, classes: int) -> tuple[Operator, ...]:
    """The operators of `arch`, each behind those it reads; the last one is the softmax over `classes`.

    Raises:
        SpaceError: A malformed input shape, or fewer than one class.
    """
    if classes < 1:
        raise SpaceError(f"a classifier needs at least one class, not {classes}")
    trace = _Trace(check_input_shape(input_shape), arch.activation)
    trace.conv("stem", arch.stem_filters, 3, arch.stem_stride)
    for index, block in enumerate(arch.blocks, start=1):
        for layer in range(1, block.layers + 1):
            _layer(trace, f"block{index}.layer{layer}", block, block.stride if layer == 1 else 1)
    trace.conv("head", arch.head_filters, 1)
    trace.append("pool", "global_pool", (1, 1, arch.head_filters))
    trace.append("classifier", "dense", (1, 1, classes), bias=True)
    trace.append("softmax", "softmax", (1, 1, classes))
    return tuple(trace.listed)


@dataclass(slots=True)
class _Trace:
    """Operators listed so far; each new one reads the last one unless told otherwise."""

    shape: Shape
    act: Fused
    last: str = IMAGE
    listed: list[Operator] = field(default_factory=list)

    def append(
        self,
        name: str,
        kind: Kind,
        output_shape: Shape,
        *,
        others: tuple[str, ...] = (),
        kernel: int = 1,
        stride: int = 1,
        activation: Fused = "none",
        batch_norm: bool = False,
        bias: bool = False,
    ) -> None:
        self.listed.append(
            Operator(
                name,
                kind,
                (self.last, *others),
                self.shape,
                output_shape,
                (kernel, kernel),
                stride,
                activation,
                batch_norm,
                bias,
            )
        )
        self.last, self.shape = name, output_shape

    def strided(self, filters: int, stride: int) -> Shape:
        return (-(-self.shape[0] // stride), -(-self.shape[1] // stride), filters)

    def conv(self, name: str, filters: int, kernel: int, stride: int = 1, *, linear: bool = False) -> None:
        activation: Fused = "none" if linear else self.act
        shape = self.strided(filters, stride)
        self.append(name, "conv", shape, kernel=kernel, stride=stride, activation=activation, batch_norm=True)

    def depthwise(self, name: str, kernel: int, stride: int) -> None:
        shape = self.strided(self.shape[2], stride)
        self.append(name, "depthwise", shape, kernel=kernel, stride=stride, activation=self.act, batch_norm=True)


def _layer(trace: _Trace, name: str, block: Block, stride: int) -> None:
    source, shape_in = trace.last, trace.shape
    filters_in = shape_in[2]
    if block.op == "mbconv":
        if block.expansion > 1:
            trace.conv(f"{name}.expand", filters_in * block.expansion, 1)
        trace.depthwise(f"{name}.depthwise", block.kernel, stride)
    else:
        trace.conv(f"{name}.conv", block.filters, block.kernel, stride)
    if block.se_ratio:
        _squeeze_excite(trace, name, max(1, int(filters_in * block.se_ratio)))
    if block.op == "mbconv":
        trace.conv(f"{name}.project", block.filters, 1, linear=True)
    if skip_acts(block.skip, stride, filters_in, block.filters):
        if block.skip == "pool":
            output, shape_out = trace.last, trace.shape
            trace.last, trace.shape = source, shape_in
            trace.append(f"{name}.pool", "average_pool", shape_out, kernel=3, stride=stride)
            source, trace.last = trace.last, output
        trace.append(f"{name}.add", "add", trace.shape, others=(source,))


def _squeeze_excite(trace: _Trace, name: str, width: int) -> None:
    """Hu et al. (CVPR 2018); both convolutions carry a bias, the first a ReLU, the gate is a sigmoid."""
    features, shape = trace.last, trace.shape
    trace.append(f"{name}.se.pool", "global_pool", (1, 1, shape[2]))
    trace.append(f"{name}.se.reduce", "conv", (1, 1, width), activation="relu", bias=True)
    trace.append(f"{name}.se.expand", "conv", (1, 1, shape[2]), bias=True)
    trace.append(f"{name}.se.gate", "sigmoid", (1, 1, shape[2]))
    gate, trace.last, trace.shape = trace.last, features, shape
    trace.append(f"{name}.se.scale", "multiply", shape, others=(gate,))
