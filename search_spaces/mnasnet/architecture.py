"""Architectures of the MnasNet family as frozen data: block by block, independent of the input's size."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from search_spaces.errors import SpaceError
from search_spaces.graph import Shape, check_input_shape

Op = Literal["conv", "mbconv"]
Skip = Literal["none", "identity", "pool"]
Activation = Literal["relu", "relu6", "hard_swish"]
Squeeze = Literal["input", "expanded"]

SMALLEST_MAP = 3
"""The last feature map is kept at least this high and wide by `fit` (MnasNet at 96 pixels ends at 3 x 3)."""


@dataclass(frozen=True, slots=True)
class Block:
    """`layers` equal layers; the first one takes the stride and the change of filters.

    Attributes:
        op: `conv` is a plain convolution; `mbconv` expands by 1x1, filters depthwise and projects linearly by
            1x1 (with expansion 1 it is the depthwise-separable convolution).
        kernel: Height and width of the spatial kernel.
        expansion: Factor of `mbconv`'s inner width; 1 for `conv`. Where it is not a whole number, the inner width is
            rounded to a multiple of 8, as MobileNetV3's is.
        se_ratio: Squeeze-and-excitation width over the layer's *input* filters; 0 leaves it out.
        skip: What is added around a layer: its input (`identity`, where stride is 1 and filters stay), its
            3x3-average-pooled input (`pool`, where filters stay), or nothing.
        filters: Output filters.
        layers: How often the layer is repeated.
        stride: Of the first layer.
        activation: Of its layers; None for that of the network.
    """

    op: Op
    kernel: int
    expansion: float
    se_ratio: float
    skip: Skip
    filters: int
    layers: int
    stride: int
    activation: Activation | None = None

    def __post_init__(self) -> None:
        if self.op not in get_args(Op) or self.skip not in get_args(Skip):
            raise SpaceError(f"unknown op {self.op!r} or skip {self.skip!r} in a block")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise SpaceError(f"a block's kernel must be odd and positive, not {self.kernel}")
        if not min(self.expansion, self.filters, self.layers) >= 1 or self.stride not in (1, 2):
            raise SpaceError(f"impossible block: {self}")
        if not 0 <= self.se_ratio <= 1:
            raise SpaceError(f"a block's se_ratio must be between 0 and 1, not {self.se_ratio}")
        if not self.expansion < math.inf:
            raise SpaceError(f"a block's expansion must be finite, not {self.expansion}")
        if self.activation is not None:
            _check_activation(self.activation)
        if not isinstance(self.expansion, int) and self.expansion.is_integer():
            object.__setattr__(self, "expansion", int(self.expansion))  # one spelling, in JSON too

    def inner(self, filters_in: int) -> int:
        """The width of an `mbconv` between its 1x1 convolutions."""
        wide = filters_in * self.expansion
        return wide if isinstance(wide, int) else round_filters(wide)


def _check_activation(activation: Activation) -> None:
    if activation not in get_args(Activation):
        raise SpaceError(f"unknown activation {activation!r}; known: {', '.join(get_args(Activation))}")


@dataclass(frozen=True, slots=True)
class MnasNetArch:
    """A stem convolution (3x3), blocks, a 1x1 head, global pooling and a classifier.

    Source: Tan et al., MnasNet (CVPR 2019), section 4.1 and figure 7; the same form holds MobileNetV2,
    ProxylessNAS and FBNet, and with the last three attributes MobileNetV3 (Howard et al., ICCV 2019, tables 1 and 2).

    Attributes:
        stem_filters: Of the stem.
        blocks: In order.
        head_filters: Of the 1x1 convolution behind the blocks.
        stem_stride: Of the stem.
        activation: Of the stem, the head, and all blocks that do not have their own.
        squeeze: What `se_ratio` is a ratio of. `expanded`: of the inner width, rounded to a multiple of 8, with a hard
            sigmoid as the gate.
        top_filters: Of a 1x1 convolution with a bias behind the global pooling; 0 leaves it out.
    """

    stem_filters: int
    blocks: tuple[Block, ...]
    head_filters: int
    stem_stride: int = 2
    activation: Activation = "relu"
    squeeze: Squeeze = "input"
    top_filters: int = 0

    def __post_init__(self) -> None:
        if min(self.stem_filters, self.head_filters) < 1 or self.stem_stride not in (1, 2) or not self.blocks:
            raise SpaceError("an architecture needs a stem of stride 1 or 2, at least one block, and a head")
        _check_activation(self.activation)
        if self.squeeze not in get_args(Squeeze) or self.top_filters < 0:
            raise SpaceError(f"impossible squeeze {self.squeeze!r} or filters on top: {self.top_filters}")


def skip_acts(skip: Skip, stride: int, filters_in: int, filters_out: int) -> bool:
    """Whether a layer of this stride and these filters really has the shortcut."""
    if skip == "identity":
        return stride == 1 and filters_in == filters_out
    return skip == "pool" and filters_in == filters_out


def canonical(arch: MnasNetArch) -> MnasNetArch:
    """The one spelling of a network.

    Shortcuts that cannot act are `none`, a plain convolution has expansion 1, a block has an activation only where it
    is another one than the network's.
    """
    blocks, filters_in = [], arch.stem_filters
    for block in arch.blocks:
        acts = skip_acts(block.skip, block.stride, filters_in, block.filters) or (
            block.layers > 1 and skip_acts(block.skip, 1, block.filters, block.filters)
        )
        skip = block.skip if acts else "none"
        expansion = block.expansion if block.op == "mbconv" else 1
        activation = None if block.activation == arch.activation else block.activation
        if (skip, expansion, activation) != (block.skip, block.expansion, block.activation):
            block = replace(block, skip=skip, expansion=expansion, activation=activation)
        blocks.append(block)
        filters_in = block.filters
    squeezed = any(block.se_ratio for block in blocks)
    return replace(arch, blocks=tuple(blocks), squeeze=arch.squeeze if squeezed else "input")


def round_filters(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor` that is not below 90 % of `filters` (MobileNetV2's and MnasNet's rule)."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


def scale(arch: MnasNetArch, width: float, depth: float = 1.0) -> MnasNetArch:
    """Makes a network wider or deeper.

    Args:
        arch: The network.
        width: Factor on the filters of the stem and the blocks; the head stays (MnasNet's depth multiplier).
        depth: Factor on the layers of each block, rounded, at least one.
    """
    if width != 1:
        blocks = tuple(replace(block, filters=round_filters(block.filters * width)) for block in arch.blocks)
        arch = replace(arch, stem_filters=round_filters(arch.stem_filters * width), blocks=blocks)
    blocks = tuple(replace(block, layers=max(1, round(block.layers * depth))) for block in arch.blocks)
    return replace(arch, blocks=blocks)


def fit(arch: MnasNetArch, input_shape: Shape) -> MnasNetArch:
    """Turns the earliest strides into 1 until the last feature map keeps `SMALLEST_MAP` pixels a side.

    At 224 pixels nothing changes; at 32 the stem and the first strided block keep the resolution, as is usual
    for CIFAR-sized images.

    Raises:
        SpaceError: The image is under 8 pixels high or wide.
    """
    height, width, _ = check_input_shape(input_shape)
    if min(height, width) < 8:
        raise SpaceError(f"input {height}x{width} is too small: a network of this family needs at least 8x8 pixels")
    allowed = int(math.log2(min(height, width) / SMALLEST_MAP))
    strides = [arch.stem_stride, *(block.stride for block in arch.blocks)]
    surplus = sum(stride == 2 for stride in strides) - allowed
    for index, stride in enumerate(strides):
        if surplus > 0 and stride == 2:
            strides[index] = 1
            surplus -= 1
    blocks = tuple(replace(block, stride=stride) for block, stride in zip(arch.blocks, strides[1:], strict=True))
    return replace(arch, stem_stride=strides[0], blocks=blocks)


_USUAL = (("squeeze", "input"), ("top_filters", 0))


def to_dict(arch: MnasNetArch) -> dict[str, Any]:
    """The architecture as JSON values, without what only MobileNetV3 has; `from_dict` reads them back."""
    blocks = [
        {key: value for key, value in asdict(block).items() if (key, value) != ("activation", None)}
        for block in arch.blocks
    ]
    rest = {key: value for key, value in asdict(arch).items() if (key, value) not in _USUAL}
    return {**rest, "blocks": blocks}


def from_dict(data: dict[str, Any]) -> MnasNetArch:
    """The architecture behind what `to_dict` gave.

    Raises:
        SpaceError: A key is missing or unknown, or a value is one that no architecture has.
    """
    rest = dict(data)
    try:
        blocks = tuple(Block(**_known(block, Block)) for block in rest.pop("blocks"))
        return MnasNetArch(blocks=blocks, **_known(rest, MnasNetArch))
    except (TypeError, KeyError, AttributeError) as error:
        raise SpaceError(f"not an architecture: {error}") from None


def _known(data: dict[str, Any], kind: type) -> dict[str, Any]:
    unknown = data.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise SpaceError(f"not an architecture: unknown key {sorted(unknown)[0]!r} in {kind.__name__}")
    return data
