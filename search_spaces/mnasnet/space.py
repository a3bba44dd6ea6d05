"""MnasNet's factorized hierarchical search space (Tan et al., CVPR 2019, section 4.1).

Each block takes its own operator, kernel, squeeze-and-excitation ratio, shortcut, filters and number of layers;
all layers of a block are equal. Filters and layers are relative to MobileNetV2's, so that one set of decisions
serves every width, depth, image size and number of classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from search_spaces.decision import Choice, Decision, Space
from search_spaces.errors import SpaceError
from search_spaces.graph import Shape
from search_spaces.mnasnet.architecture import Block, MnasNetArch, Op, Skip, canonical, fit, round_filters, scale
from search_spaces.mnasnet.published import PUBLISHED

OPS: dict[str, tuple[Op, float]] = {
    "conv": ("conv", 1),
    "sepconv": ("mbconv", 1),
    "mbconv3": ("mbconv", 3),
    "mbconv6": ("mbconv", 6),
}
_MORE_LAYERS = (-1, 0, 1)
_LARGEST_FACTOR, _MOST_FILTERS = 32, 65_536
FIELDS: dict[str, tuple[Choice, ...]] = {
    "op": tuple(OPS),
    "kernel": (3, 5),
    "se_ratio": (0.0, 0.25),
    "skip": ("none", "identity", "pool"),
    "filters": (0.75, 1.0, 1.25),
    "layers": _MORE_LAYERS,
}
"""The decisions of one block: 4 * 2 * 2 * 3 * 3 * 3 = 432 choices; filters are factors, layers differences."""

Menus = tuple[dict[Choice, int], ...]
"""Choice -> filters, for each block."""

_BlockChoices = tuple[str, int, float, Skip, float, int]


@dataclass(frozen=True, slots=True)
class MnasNetParameters:
    """What a search may set of this space.

    Attributes:
        width: Factor for the filters of the stem and the blocks.
        depth: Factor for MobileNetV2's layers per block; the result is rounded and at least 1.
        stem_filters: Filters of the first convolution, before width is applied.
        head_filters: Filters of the 1x1 convolution before the classifier; width does not change them.
    """

    width: float = 1.0
    depth: float = 1.0
    stem_filters: int = 32
    head_filters: int = 1280

    def __post_init__(self) -> None:
        for name in ("width", "depth"):
            if not 0 < getattr(self, name) < math.inf:
                raise SpaceError(f"{name} must be positive, not {getattr(self, name)}")
            if getattr(self, name) > _LARGEST_FACTOR:
                raise SpaceError(f"{name} must be at most {_LARGEST_FACTOR}, not {getattr(self, name)}")
        for name in ("stem_filters", "head_filters"):
            if not 1 <= getattr(self, name) <= _MOST_FILTERS:
                raise SpaceError(f"{name} must be from 1 to {_MOST_FILTERS}, not {getattr(self, name)}")


def mnasnet_space(input_shape: Shape, parameters: MnasNetParameters) -> Space[MnasNetArch]:
    """The factorized hierarchical space around MobileNetV2's seven blocks.

    Args:
        input_shape: `(height, width, channels)` of the images; small images lose the earliest strides.
        parameters: How wide and deep.

    Raises:
        SpaceError: An image too small for the space.
    """
    skeleton, menus = skeleton_and_menus(input_shape, parameters)
    decisions = tuple(
        Decision(f"block{index}.{name}", choices, tag=name)
        for index in range(1, len(skeleton.blocks) + 1)
        for name, choices in FIELDS.items()
    )
    return Space("mnasnet", decisions, partial(_build, skeleton, menus), partial(_choose, skeleton, menus))


def skeleton_and_menus(input_shape: Shape, parameters: MnasNetParameters) -> tuple[MnasNetArch, Menus]:
    """The network in the middle of the space, with the strides of all, and the menu of filters of each block.

    Raises:
        SpaceError: An image too small for the space.
    """
    base = PUBLISHED["mobilenet-v2"]()
    centre = replace(
        base, stem_filters=parameters.stem_filters, head_filters=parameters.head_filters, activation="relu"
    )
    skeleton = fit(scale(centre, parameters.width, parameters.depth), input_shape)
    return skeleton, tuple(_filters_menu(block.filters, parameters.width) for block in base.blocks)


def most_layers(layers: int) -> int:
    """Of a block that has so many in the middle of the space."""
    return max(1, layers + max(_MORE_LAYERS))


def fit_reference(arch: MnasNetArch, input_shape: Shape, parameters: MnasNetParameters) -> MnasNetArch:
    """A published network as wide and deep as the space, with strides for the images.

    Raises:
        SpaceError: Images too small.
    """
    scaled = scale(arch, parameters.width, parameters.depth)
    return replace(fit(scaled, input_shape), head_filters=parameters.head_filters)


def respelled(arch: MnasNetArch) -> MnasNetArch:
    """The same network as the space spells networks: with ReLUs, and without what only MobileNetV3 has."""
    blocks = tuple(replace(block, activation=None) for block in arch.blocks)
    return replace(arch, blocks=blocks, activation="relu", squeeze="input", top_filters=0)


def closest(space: Space[MnasNetArch], wish: MnasNetArch) -> MnasNetArch:
    """The network of the space that is closest to `wish`, block by block; its middle where those do not pair up."""
    base = space.decode([size // 2 for size in space.sizes])
    if len(wish.blocks) != len(base.blocks):
        return base
    blocks: list[Block] = []
    for own, wished in zip(base.blocks, wish.blocks, strict=True):
        options: list[Block] = [own]
        for name in ("op", "expansion", "kernel", "se_ratio", "skip", "filters", "layers"):
            options = [replace(one, **{name: getattr(wished, name)}) for one in options] + options
        rest = base.blocks[len(blocks) + 1 :]
        fitting = (one for one in options if _inside(space, replace(base, blocks=(*blocks, one, *rest))))
        blocks.append(next(fitting, own))
    return replace(base, blocks=tuple(blocks))


def _inside(space: Space[MnasNetArch], arch: MnasNetArch) -> bool:
    try:
        space.encode(arch)
    except SpaceError:
        return False
    return True


def _filters_menu(filters: int, width: float) -> dict[Choice, int]:
    """Choice -> filters of a block."""
    return {factor: round_filters(filters * width * float(factor)) for factor in FIELDS["filters"]}


def _build(skeleton: MnasNetArch, menus: Menus, choices: tuple[Choice, ...]) -> MnasNetArch:
    blocks = []
    for index, (base, menu) in enumerate(zip(skeleton.blocks, menus, strict=True)):
        of_block = cast(_BlockChoices, choices[index * len(FIELDS) : (index + 1) * len(FIELDS)])
        name, kernel, se_ratio, skip, factor, more = of_block
        op, expansion = OPS[name]
        layers = max(1, base.layers + more)
        blocks.append(Block(op, kernel, expansion, se_ratio, skip, menu[factor], layers, base.stride))
    return canonical(replace(skeleton, blocks=tuple(blocks)))


def _choose(skeleton: MnasNetArch, menus: Menus, arch: MnasNetArch) -> tuple[Choice, ...]:
    if len(arch.blocks) != len(skeleton.blocks):
        raise SpaceError(f"the mnasnet space has {len(skeleton.blocks)} blocks, not {len(arch.blocks)}")
    if replace(arch, blocks=skeleton.blocks) != skeleton:
        raise SpaceError("the stem, the head or the activation is not that of this mnasnet space")
    names = {value: name for name, value in OPS.items()}
    chosen: list[Choice] = []
    for index, (block, base, menu) in enumerate(zip(canonical(arch).blocks, skeleton.blocks, menus, strict=True), 1):
        if block.stride != base.stride:
            raise SpaceError(f"block {index} of this mnasnet space has stride {base.stride}, not {block.stride}")
        if block.activation is not None:
            raise SpaceError(f"block {index} of this mnasnet space has no activation of its own")
        factors = [factor for factor, filters in menu.items() if filters == block.filters]
        mores = [more for more in _MORE_LAYERS if max(1, base.layers + more) == block.layers]
        fitting: dict[str, Choice | None] = {
            "op": names.get((block.op, block.expansion)),
            "kernel": block.kernel if block.kernel in FIELDS["kernel"] else None,
            "se_ratio": block.se_ratio if block.se_ratio in FIELDS["se_ratio"] else None,
            "skip": block.skip,
            "filters": factors[0] if factors else None,
            "layers": mores[0] if mores else None,
        }
        for name, choice in fitting.items():
            if choice is None:
                raise SpaceError(f"block{index}.{name} of the architecture is not a choice of the mnasnet space")
            chosen.append(choice)
    return tuple(chosen)
