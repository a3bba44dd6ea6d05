"""Layered networks in text: a line per layer, its skips as the bits of its paper.

    nas-cnn pools 2
    3x3 36
    3x3/2x1 48 1
    5x5 36 0 1

Of each layer the kernel, its strides where it has some, the filters, and a bit for each earlier layer. Networks of ENAS
are as in its published code: of each layer the number of the operator, then a bit for the stem and for each earlier
layer but the last.

    enas-macro filters 36 separable
    0
    3 0
    1 1 0
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from search_spaces.errors import ForeignNotation, SpaceError
from search_spaces.layered.enas_macro import OPS, MacroArch, MacroLayer
from search_spaces.layered.nas_cnn import ConvLayer, NasCnnArch

_WINDOW = re.compile(r"(\d{1,3})x(\d{1,3})(?:/(\d{1,3})x(\d{1,3}))?")
_MACRO = re.compile(r"enas-macro filters (\d{1,6})( separable)?((?: \d+)+)")
_POOLS = re.compile(r"nas-cnn(?: pools((?: \d{1,3})+))?(?= |$)")


def nas_cnn_lines(arch: NasCnnArch) -> list[str]:
    """The notation of a network, line by line."""
    pools = " ".join(map(str, arch.pools))
    lines = [f"nas-cnn pools {pools}" if pools else "nas-cnn"]
    for number, layer in enumerate(arch.layers):
        strides = (layer.stride_height, layer.stride_width)
        window = f"{layer.height}x{layer.width}" + ("" if strides == (1, 1) else f"/{strides[0]}x{strides[1]}")
        lines.append(" ".join([window, str(layer.filters), *_bits(layer.reads, number)]))
    return lines


def parse_nas_cnn(text: str) -> NasCnnArch:
    """The network behind its notation.

    Raises:
        ForeignNotation: It is not a notation of this family.
        SpaceError: It is, but of no network.
    """
    plain = _of_family(text, "nas-cnn")
    header = _POOLS.match(plain)
    rest = plain[header.end() :] if header else ""
    pools = tuple(map(int, ((header and header[1]) or "").split()))
    layers: list[ConvLayer] = []
    for words in _layers(rest.split()):
        window, numbers = _WINDOW.fullmatch(words[0]), _numbers(words[1:])
        if window is None or not numbers:
            raise SpaceError(f"a layer is a kernel, filters and bits, as in `3x3 36 0 1`, not {' '.join(words)[:60]!r}")
        height, width, down, across = (int(one or 1) for one in window.groups())
        layers.append(ConvLayer(height, width, numbers[0], _chosen(len(layers), numbers[1:]), down, across))
    return NasCnnArch(tuple(layers), pools)


def macro_lines(arch: MacroArch) -> list[str]:
    """The notation of a network, line by line."""
    header = f"enas-macro filters {arch.filters}" + (" separable" if arch.separable else "")
    layers = [
        " ".join([str(OPS.index(layer.op)), *_bits(layer.skips, number)]) for number, layer in enumerate(arch.layers)
    ]
    return [header, *layers]


def parse_macro(text: str) -> MacroArch:
    """The network behind its notation; bars between layers may stand as in the published code.

    Raises:
        ForeignNotation: It is not a notation of this family.
        SpaceError: It is, but of no network.
    """
    plain = _of_family(text.replace("|", " "), "enas-macro")
    found = _MACRO.fullmatch(plain)
    if found is None:
        raise SpaceError(f"expected `enas-macro filters 36 separable 0 3 0 1 1 0`, not {plain[:60]!r}")
    return MacroArch(arc([int(word) for word in found[3].split()]), int(found[1]), bool(found[2]))


def arc(numbers: Sequence[int]) -> tuple[MacroLayer, ...]:
    """The layers behind the numbers of an arc of ENAS.

    Raises:
        SpaceError: They are not those of an arc.
    """
    layers: list[MacroLayer] = []
    left = list(numbers)
    while left:
        op, *bits = left[: len(layers) + 1]
        if op >= len(OPS):
            raise SpaceError(f"layer {len(layers)} of an arc has operator {op}; they are numbered 0 to {len(OPS) - 1}")
        layers.append(MacroLayer(OPS[op], _chosen(len(layers), bits)))
        del left[: len(bits) + 1]
    return tuple(layers)


def _of_family(text: str, name: str) -> str:
    plain = " ".join(text.split())
    if plain.partition(" ")[0] != name:
        raise ForeignNotation(f"not a network of the family {name}: its notation begins with {name}")
    return plain


def _layers(words: Sequence[str]) -> list[list[str]]:
    """The words of each layer, which begins with its kernel."""
    found: list[list[str]] = []
    for word in words:
        if "x" in word or not found:
            found.append([word])
        else:
            found[-1].append(word)
    return found


def _numbers(words: Sequence[str]) -> list[int]:
    return [int(word) for word in words if word.isdecimal()] if all(word.isdecimal() for word in words) else []


def _chosen(number: int, bits: Sequence[int]) -> tuple[int, ...]:
    if len(bits) != number or {*bits} - {0, 1}:
        raise SpaceError(f"layer {number} has a bit for each of {number} that it may read, not {list(bits)}")
    return tuple(place for place, bit in enumerate(bits) if bit)


def _bits(chosen: tuple[int, ...], count: int) -> list[str]:
    return [str(int(place in chosen)) for place in range(count)]
