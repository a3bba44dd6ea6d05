"""The keys under which published latency tables list the blocks of an architecture.

ProxylessNAS (Cai et al., ICLR 2019; mobile_trim): one key an inverted residual, a plain key for stem, head and
classifier. TuNAS (Bender et al., CVPR 2020): one choice a layer of a fixed skeleton.
"""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.errors import SpaceError
from search_spaces.graph import Shape, check_input_shape
from search_spaces.mnasnet.architecture import MnasNetArch, skip_acts

_TUNAS_LAYERS = (4, 4, 4, 4, 4, 1)
"""Layers of the blocks of TuNAS' proxylessnas_search space, behind its first separable layer."""


def proxyless_keys(arch: MnasNetArch, input_shape: Shape, classes: int) -> tuple[str, ...]:
    """Keys of stem, blocks, head and classifier, in order.

    Raises:
        SpaceError: The architecture has a layer that such a table has no word for (SE, plain convolutions, pooled
            shortcuts, the hard swish, filters on top).
    """
    if arch.top_filters or "hard_swish" in {arch.activation, *(block.activation for block in arch.blocks)}:
        raise SpaceError("ProxylessNAS tables hold networks of ReLUs without a convolution behind the pooling only")
    height, width, channels = check_input_shape(input_shape)
    keys, shape = [], strided((height, width), arch.stem_stride, arch.stem_filters)
    keys.append(part_key("Conv", (height, width, channels), shape))
    for block in arch.blocks:
        if block.op != "mbconv" or block.se_ratio or block.skip == "pool":
            raise SpaceError("ProxylessNAS tables hold inverted residuals without squeeze-and-excitation only")
        for layer in range(block.layers):
            stride = block.stride if layer == 0 else 1
            made = strided(shape[:2], stride, block.filters)
            skip = skip_acts(block.skip, stride, shape[2], block.filters)
            keys.append(residual_key(shape, made, block.expansion, block.kernel, stride, skip))
            shape = made
    head = (shape[0], shape[1], arch.head_filters)
    return (*keys, part_key("Conv_1", shape, head), classifier_key(head, classes))


def tunas_keys(indices: Sequence[int]) -> tuple[str, ...]:
    """Keys of a point of TuNAS' proxylessnas_search space.

    Args:
        indices: As that project lists them: the stem's filters; kernel and filters of the separable layer; then for
            every layer of a block its kernel (3, 5, 7), its expansion (3, 6) and 1 where the layer is skipped, and
            behind every block its filters; at last the head's filters.

    Raises:
        SpaceError: Not a point of that space.
    """
    expected = 3 + sum(3 * layers + 1 for layers in _TUNAS_LAYERS) + 1
    if len(indices) != expected:
        raise SpaceError(f"a point of proxylessnas_search has {expected} indices, not {len(indices)}")
    place, keys = 3, [f"sep/k{_pick((3, 5, 7), indices[1])}"]
    for block, layers in enumerate(_TUNAS_LAYERS):
        for layer in range(layers):
            kernel, expansion, skipped = indices[place : place + 3]
            if skipped and layer == 0:
                raise SpaceError(f"block {block} skips its first layer, which that space never does")
            choice = "skip" if skipped else f"k{_pick((3, 5, 7), kernel)}_e{_pick((3, 6), expansion)}"
            keys.append(f"b{block}l{layer}/{choice}")
            place += 3
        place += 1
    return tuple(keys)


def part_key(name: str, read: Shape, made: Shape) -> str:
    """The key of a stem or of a part of a head."""
    return f"{name}-input:{shape_text(read)}-output:{shape_text(made)}"


def classifier_key(read: Shape, classes: int) -> str:
    """The key of the classifier."""
    return f"Logits-input:{shape_text(read)}-output:{classes}"


def residual_key(read: Shape, made: Shape, expansion: float, kernel: int, stride: int, skip: bool) -> str:
    """The key of an inverted residual."""
    return (
        f"expanded_conv-input:{shape_text(read)}-output:{shape_text(made)}-expand:{expansion}"
        f"-kernel:{kernel}-stride:{stride}-idskip:{skip:d}"
    )


def strided(size: tuple[int, int] | Shape, stride: int, filters: int) -> Shape:
    """What a padded window of that stride makes."""
    return (-(-size[0] // stride), -(-size[1] // stride), filters)


def shape_text(shape: Shape) -> str:
    """A shape as such keys spell it."""
    return "x".join(map(str, shape))


def _pick(options: tuple[int, ...], index: int) -> int:
    if not 0 <= index < len(options):
        raise SpaceError(f"index {index} is none of the {len(options)} choices {options}")
    return options[index]
