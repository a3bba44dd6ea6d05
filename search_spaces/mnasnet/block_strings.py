"""Block strings, the published notation of the MnasNet family: `r3_k5_s22_e3_i24_o40_se0.25`.

rN repeats, kN kernel, sAB strides, eN expansion, iN input filters, oN output filters, seX squeeze-and-excitation
ratio, `noskip`. Two tokens are added for what the published models do not use: `conv` (a plain convolution) and
`pool` (an average-pooled shortcut).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from search_spaces.errors import SpaceError
from search_spaces.mnasnet.architecture import Activation, Block, MnasNetArch, Op, Skip

_TOKEN = re.compile(r"(se|[rkseio])([0-9.]+)")
_FLAGS = {"noskip", "pool", "conv"}


def to_block_strings(arch: MnasNetArch) -> list[str]:
    """One string per block."""
    strings, filters_in = [], arch.stem_filters
    for block in arch.blocks:
        parts = [
            f"r{block.layers}",
            f"k{block.kernel}",
            f"s{block.stride}{block.stride}",
            f"e{block.expansion}",
        ]
        parts += [f"i{filters_in}", f"o{block.filters}"]
        if block.se_ratio:
            parts.append(f"se{block.se_ratio:g}")
        if block.skip != "identity":
            parts.append({"none": "noskip", "pool": "pool"}[block.skip])
        if block.op == "conv":
            parts.append("conv")
        strings.append("_".join(parts))
        filters_in = block.filters
    return strings


def from_block_strings(
    strings: str | Iterable[str], stem_filters: int = 32, head_filters: int = 1280, activation: Activation = "relu"
) -> MnasNetArch:
    """The architecture behind block strings, listed or in one text with blanks between them.

    A single layer whose declared input filters are not those that reach it gets no shortcut, as in the published
    `mnasnet-small`.

    Raises:
        SpaceError: A token is unknown, doubled or missing, or a repeated block declares input filters that do not
            reach it; the message quotes the string.
    """
    blocks, filters_in = [], stem_filters
    for text in strings.split() if isinstance(strings, str) else strings:
        block = _parse(text, filters_in)
        blocks.append(block)
        filters_in = block.filters
    return MnasNetArch(stem_filters, tuple(blocks), head_filters, activation=activation)


def _parse(text: str, filters_in: int) -> Block:
    values: dict[str, str] = {}
    for token in text.strip().split("_"):
        match = _TOKEN.fullmatch(token)
        key, value = match.groups() if match else (token, "")
        if (not match and token not in _FLAGS) or key in values:
            raise SpaceError(f"block string {text!r}: unknown or doubled token {token!r}")
        values[key] = value
    missing = [key for key in "rkseio" if key not in values]
    if missing:
        raise SpaceError(f"block string {text!r}: no {missing[0]}… token")
    skip: Skip = "none" if "noskip" in values else "pool" if "pool" in values else "identity"
    op: Op = "conv" if "conv" in values else "mbconv"
    try:
        repeats, kernel, expansion, declared, filters = (int(values[key]) for key in "rkeio")
        strides, se_ratio = {int(digit) for digit in values["s"]}, float(values.get("se", 0))
    except ValueError:
        raise SpaceError(f"block string {text!r}: a number is malformed") from None
    if len(strides) != 1:
        raise SpaceError(f"block string {text!r}: strides of height and width must be equal")
    if declared != filters_in:
        if repeats > 1:
            raise SpaceError(f"block string {text!r}: declares {declared} input filters, but {filters_in} reach it")
        skip = "none"
    return Block(op, kernel, expansion, se_ratio, skip, filters, repeats, strides.pop())
