"""Networks of the convolutional space of NAS (Zoph and Le, ICLR 2017, section 3.3) as frozen data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from search_spaces.errors import SpaceError
from search_spaces.layered.values import MOST_FILTERS, MOST_LAYERS, checked_number, checked_numbers, only_keys, reading

MOST_KERNEL, MOST_STRIDE = 15, 4


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """A convolution, a batch normalization and a ReLU.

    Attributes:
        height: Of the kernel.
        width: Of the kernel.
        filters: Of the convolution.
        reads: The numbers of the earlier layers that it reads, in rising order; none means that it reads the image.
        stride_height: Of the convolution.
        stride_width: Of the convolution.
    """

    height: int
    width: int
    filters: int
    reads: tuple[int, ...] = ()
    stride_height: int = 1
    stride_width: int = 1


@dataclass(frozen=True, slots=True)
class NasCnnArch:
    """Layers that each read the image or a choice of the layers before; what nobody reads goes to the head.

    Attributes:
        layers: In order.
        pools: Behind which layers, counted from 1, a pool halves all maps that later layers read.
    """

    layers: tuple[ConvLayer, ...]
    pools: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.layers) <= MOST_LAYERS:
            raise SpaceError(f"a network of layers has from 1 to {MOST_LAYERS} of them, not {len(self.layers)}")
        if list(self.pools) != sorted({*self.pools} & {*range(1, len(self.layers))}):
            raise SpaceError(f"pools stand behind the layers 1 to {len(self.layers) - 1}, each once, not {self.pools}")
        for number, layer in enumerate(self.layers):
            _check(number, layer)

    @property
    def unread(self) -> tuple[int, ...]:
        """The numbers of the layers that no layer reads, the last among them: the head reads these."""
        read = {one for layer in self.layers for one in layer.reads}
        return tuple(number for number in range(len(self.layers)) if number not in read)


def _check(number: int, layer: ConvLayer) -> None:
    limits = {
        "height": MOST_KERNEL,
        "width": MOST_KERNEL,
        "filters": MOST_FILTERS,
        "stride_height": MOST_STRIDE,
        "stride_width": MOST_STRIDE,
    }
    for name, most in limits.items():
        if not 1 <= getattr(layer, name) <= most:
            raise SpaceError(f"layer {number}: {name} is from 1 to {most}, not {getattr(layer, name)}")
    if list(layer.reads) != sorted({*layer.reads} & {*range(number)}):
        raise SpaceError(f"layer {number} reads layers before it, each once and in order, not {layer.reads}")


def scale(arch: NasCnnArch, width: float, depth: float = 1.0) -> NasCnnArch:
    """Makes a network wider or deeper: `width` is a factor on the filters, `depth` one on the layers.

    Layers are cut off at the end; further ones are like the last, each reading the one before.
    """
    count = min(MOST_LAYERS, max(1, round(len(arch.layers) * depth)))
    layers = [
        replace(layer, filters=min(MOST_FILTERS, max(1, round(layer.filters * width))))
        for layer in with_layers(arch, count).layers
    ]
    return NasCnnArch(tuple(layers), tuple(one for one in arch.pools if one < count))


def with_layers(arch: NasCnnArch, count: int) -> NasCnnArch:
    """The network with so many layers: the first of its own, and at the end copies of the last."""
    own = arch.layers[:count]
    more = tuple(
        replace(own[-1], reads=(number - 1,), stride_height=1, stride_width=1) for number in range(len(own), count)
    )
    return NasCnnArch((*own, *more), tuple(one for one in arch.pools if one < count))


def to_dict(arch: NasCnnArch) -> dict[str, Any]:
    """The architecture as JSON values; `from_dict` reads them back."""
    return {"layers": [asdict(layer) for layer in arch.layers], "pools": list(arch.pools)}


def from_dict(data: dict[str, Any]) -> NasCnnArch:
    """Reads what `to_dict` wrote.

    Raises:
        SpaceError: A key is missing or unknown, or a value is one that no architecture has.
    """
    with reading():
        only_keys(data, ("layers", "pools"))
        return NasCnnArch(tuple(map(_layer, data["layers"])), checked_numbers(data["pools"]))


def _layer(values: Any) -> ConvLayer:
    names = [field.name for field in fields(ConvLayer)]
    only_keys(values, names)
    numbers = {name: checked_number(values[name]) for name in names if name != "reads"}
    return ConvLayer(reads=checked_numbers(values["reads"]), **numbers)
