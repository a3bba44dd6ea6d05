"""Block strings, the published notation of the MnasNet family: `r3_k5_s22_e3_i24_o40_se0.25`.

rN repeats, kN kernel, sAB strides, eN expansion, iN input filters, oN output filters, seX squeeze-and-excitation
ratio, `noskip`. Tokens are added for what the published models do not use: `conv` (a plain convolution), `pool` (an
average-pooled shortcut), and `re`, `re6` or `hs` (ReLU, ReLU6 or hard swish in this block alone). A whole network is
written with words for what is around the blocks, wherever it differs from the published models: `stem16`, `stem16_s11`
(without stride), `head640`, `relu6`, and for MobileNetV3 `hard_swish`, `se-expanded` (squeeze-and-excitation by the
expanded filters) and `top1280` (a convolution behind the pooling).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from search_spaces.errors import SpaceError
from search_spaces.mnasnet.architecture import Activation, Block, MnasNetArch, Op, Skip

_TOKEN = re.compile(r"(se|[rkseio])([0-9.]+)")
_ACTIVATIONS: dict[str, Activation] = {"re": "relu", "re6": "relu6", "hs": "hard_swish"}
_FLAGS = {"noskip", "pool", "conv", *_ACTIVATIONS}
_STEM = re.compile(r"stem(\d{1,6})(?:_s(11|22))?")
_HEAD = re.compile(r"head(\d{1,6})")
_TOP = re.compile(r"top(\d{1,6})")
_SQUEEZE = "se-expanded"


def to_block_strings(arch: MnasNetArch) -> list[str]:
    """One string per block."""
    strings, filters_in = [], arch.stem_filters
    for block in arch.blocks:
        parts = [
            f"r{block.layers}",
            f"k{block.kernel}",
            f"s{block.stride}{block.stride}",
            f"e{block.expansion:g}",
        ]
        parts += [f"i{filters_in}", f"o{block.filters}"]
        if block.se_ratio:
            parts.append(f"se{block.se_ratio:g}")
        if block.skip != "identity":
            parts.append({"none": "noskip", "pool": "pool"}[block.skip])
        if block.op == "conv":
            parts.append("conv")
        parts += [token for token, activation in _ACTIVATIONS.items() if activation == block.activation]
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


def from_notation(text: str) -> MnasNetArch:
    """A whole network in words: its block strings, and `stem16`, `head640` or `relu6` where they are not the usual.

    Raises:
        SpaceError: No block, a word twice, or as `from_block_strings`.
    """
    blocks, around = [], dict[str, int | str]()
    for word in text.split():
        found = _around(word)
        if not found:
            blocks.append(word)
        elif around.keys() & found.keys():
            raise SpaceError(f"{word!r} says again what an earlier word says")
        around |= found
    rest = {name: around.pop(name) for name in ("stem_stride", "top_filters", "squeeze") if name in around}
    return replace(from_block_strings(blocks, **around), **rest)  # type: ignore[arg-type]


def _around(word: str) -> dict[str, int | str]:
    """What a word says of the network around its blocks, by the names of `from_block_strings`."""
    if stem := _STEM.fullmatch(word):
        return {"stem_filters": int(stem[1]), "stem_stride": int((stem[2] or "2")[0])}
    if head := _HEAD.fullmatch(word):
        return {"head_filters": int(head[1])}
    if top := _TOP.fullmatch(word):
        return {"top_filters": int(top[1])}
    if word == _SQUEEZE:
        return {"squeeze": "expanded"}
    return {"activation": word} if word in get_args(Activation) else {}


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
        repeats, kernel, declared, filters = (int(values[key]) for key in "rkio")
        strides, se_ratio = {int(digit) for digit in values["s"]}, float(values.get("se", 0))
        expansion = float(values["e"])
    except ValueError:
        raise SpaceError(f"block string {text!r}: a number is malformed") from None
    if len(strides) != 1:
        raise SpaceError(f"block string {text!r}: strides of height and width must be equal")
    if declared != filters_in:
        if repeats > 1:
            raise SpaceError(f"block string {text!r}: declares {declared} input filters, but {filters_in} reach it")
        skip = "none"
    own = [token for token in _ACTIVATIONS if token in values]
    if len(own) > 1:
        raise SpaceError(f"block string {text!r}: more than one activation")
    activation = _ACTIVATIONS[own[0]] if own else None
    return Block(op, kernel, expansion, se_ratio, skip, filters, repeats, strides.pop(), activation)
