"""MnasNet architectures block by block, the way figure 7 of the paper (Tan et al., CVPR 2019) draws them."""

from __future__ import annotations

from search_spaces.drawing import Box, Drawing, Look
from search_spaces.graph import Shape
from search_spaces.mnasnet.architecture import Block, MnasNetArch
from search_spaces.mnasnet.block_strings import to_block_strings

_BY = "\N{MULTIPLICATION SIGN}"


def drawing(arch: MnasNetArch, input_shape: Shape) -> Drawing:
    """The stem, the blocks and the head of `arch`, with the shapes of their maps."""
    height, width = (-(-side // arch.stem_stride) for side in input_shape[:2])
    boxes = [
        Box(f"Conv k3{_BY}3", "conv", (height, width, arch.stem_filters), note=_stride(arch.stem_stride)),
    ]
    for block, text in zip(arch.blocks, to_block_strings(arch), strict=True):
        height, width = -(-height // block.stride), -(-width // block.stride)
        name, look = _named(block)
        boxes.append(Box(name, look, (height, width, block.filters), block.layers, _note(block), text))
    boxes.append(Box(f"Conv k1{_BY}1", "conv", (height, width, arch.head_filters)))
    if arch.top_filters:
        boxes.append(Box(f"Conv k1{_BY}1", "conv", (1, 1, arch.top_filters), note="behind the pooling"))
    return tuple(boxes)


def _named(block: Block) -> tuple[str, Look]:
    kernel = f"k{block.kernel}{_BY}{block.kernel}{', SE' if block.se_ratio else ''}"
    if block.op == "conv":
        return f"Conv {kernel}", "conv"
    if block.expansion == 1:
        return f"SepConv {kernel}", "separable"
    return f"MBConv{block.expansion:g} {kernel}", "wide" if block.expansion > 3 else "narrow"


def _note(block: Block) -> str:
    words = [f"SE ratio {block.se_ratio:g}" if block.se_ratio else "", _stride(block.stride)]
    words.append("" if block.activation is None else block.activation.replace("_", " "))
    words.append({"none": "no skip", "pool": "pooled skip", "identity": ""}[block.skip])
    return " \N{MIDDLE DOT} ".join(filter(None, words))


def _stride(stride: int) -> str:
    return f"stride {stride}" if stride > 1 else ""
