"""Networks of the macro space of ENAS (Pham et al., ICML 2018, section 2.3) as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.layered.values import MOST_FILTERS, MOST_LAYERS, checked_number, checked_numbers, only_keys, reading

OPS = ("conv3", "sep3", "conv5", "sep5", "avg3", "max3")
"""The operators in the order of the published code, whose arcs number them."""

LEAST_LAYERS = 3
"""A third of the layers stands in front of each halving."""


@dataclass(frozen=True, slots=True)
class MacroLayer:
    """A layer: its operator, and what it reads beside the layer in front of it.

    Attributes:
        op: One of `OPS`.
        skips: What is joined to its result, in rising order: 0 is the stem, and i the layer number i - 1.
    """

    op: str
    skips: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MacroArch:
    """A stem and layers, two of which are followed by a halving of all maps and a doubling of all filters.

    Attributes:
        layers: In order; each reads the one before, the first the stem.
        filters: Of the first third.
        separable: Whether `sep3` and `sep5` are depthwise-separable. The published code of found networks makes full
            convolutions of them, which the published numbers of parameters are of.
    """

    layers: tuple[MacroLayer, ...]
    filters: int
    separable: bool = True

    def __post_init__(self) -> None:
        if not LEAST_LAYERS <= len(self.layers) <= MOST_LAYERS:
            raise SpaceError(f"a macro network has from {LEAST_LAYERS} to {MOST_LAYERS} layers, not {len(self.layers)}")
        if not 1 <= self.filters <= MOST_FILTERS:
            raise SpaceError(f"a macro network has from 1 to {MOST_FILTERS} filters, not {self.filters}")
        for number, layer in enumerate(self.layers):
            if layer.op not in OPS:
                raise SpaceError(f"layer {number}: unknown operator {layer.op!r}; known: {', '.join(OPS)}")
            if list(layer.skips) != sorted({*layer.skips} & {*range(number)}):
                raise SpaceError(
                    f"layer {number} joins some of 0, the stem, to {number - 1}, each once and in order, not "
                    f"{layer.skips}"
                )

    @property
    def halvings(self) -> tuple[int, int]:
        """The numbers of the layers behind which all maps are halved."""
        third = len(self.layers) // 3
        return third - 1, 2 * third - 1


def canonical(arch: MacroArch) -> MacroArch:
    """The one spelling of a network: without separable operators it does not matter what they would be."""
    separable = arch.separable and any(layer.op.startswith("sep") for layer in arch.layers)
    if arch.separable:
        return replace(arch, separable=separable)
    layers = tuple(replace(layer, op=layer.op.replace("sep", "conv")) for layer in arch.layers)
    return replace(arch, layers=layers)


def scale(arch: MacroArch, width: float, depth: float = 1.0) -> MacroArch:
    """Makes a network wider or deeper: `width` is a factor on the filters, `depth` one on the layers.

    Layers are cut off at the end; further ones are like the last, without skips.
    """
    count = min(MOST_LAYERS, max(LEAST_LAYERS, round(len(arch.layers) * depth)))
    filters = min(MOST_FILTERS, max(1, round(arch.filters * width)))
    return replace(with_layers(arch, count), filters=filters)


def with_layers(arch: MacroArch, count: int) -> MacroArch:
    """The network with so many layers: the first of its own, and at the end copies of the last without skips."""
    more = (MacroLayer(arch.layers[-1].op),) * (count - len(arch.layers))
    return replace(arch, layers=(*arch.layers[:count], *more))


def to_dict(arch: MacroArch) -> dict[str, Any]:
    """The architecture as JSON values; `from_dict` reads them back."""
    layers = [{"op": layer.op, "skips": list(layer.skips)} for layer in arch.layers]
    return {"layers": layers, "filters": arch.filters, "separable": arch.separable}


def from_dict(data: dict[str, Any]) -> MacroArch:
    """Reads what `to_dict` wrote.

    Raises:
        SpaceError: A key is missing or unknown, or a value is one that no architecture has.
    """
    with reading():
        only_keys(data, ("layers", "filters", "separable"))
        if type(data["separable"]) is not bool:
            raise ValueError(f"{data['separable']!r} is neither true nor false")
        layers = tuple(map(_layer, data["layers"]))
        return MacroArch(layers, checked_number(data["filters"]), data["separable"])


def _layer(values: Any) -> MacroLayer:
    only_keys(values, ("op", "skips"))
    return MacroLayer(values["op"], checked_numbers(values["skips"]))
