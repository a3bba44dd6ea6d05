"""The search spaces of layered networks: NAS's convolutional one, and the macro space of ENAS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, cast

from search_spaces.decision import Choice, Decision, Space
from search_spaces.errors import SpaceError
from search_spaces.graph import Shape, check_input_shape
from search_spaces.layered.enas_macro import OPS, MacroArch, MacroLayer, canonical
from search_spaces.layered.enas_macro import with_layers as with_macro_layers
from search_spaces.layered.nas_cnn import ConvLayer, NasCnnArch, with_layers
from search_spaces.layered.parameters import EnasMacroParameters, NasCnnParameters

_KERNELS, _STRIDES = (1, 3, 5, 7), (1, 2, 3)


def nas_cnn_space(input_shape: Shape, parameters: NasCnnParameters) -> Space[NasCnnArch]:
    """NAS's convolutional space (Zoph and Le, ICLR 2017, section 4.1 and appendix A): 64 layers to choose from a place.

    The skips of a layer are yes-or-no decisions that attend to the states of the controller behind the filters of
    earlier layers (section 3.3, equation 7).
    """
    check_input_shape(input_shape)
    return Space(
        "nas-cnn",
        tuple(_nas_cnn_decisions(parameters)),
        partial(_build_nas_cnn, parameters),
        partial(_choose_nas_cnn, parameters),
    )


def _nas_cnn_decisions(parameters: NasCnnParameters) -> Iterator[Decision]:
    for number in range(parameters.layers):
        name = f"layer{number}"
        yield Decision(f"{name}.height", _KERNELS, "height")
        yield Decision(f"{name}.width", _KERNELS, "width")
        if parameters.strides:
            yield Decision(f"{name}.stride_height", _STRIDES, "stride_height")
            yield Decision(f"{name}.stride_width", _STRIDES, "stride_width")
        yield Decision(f"{name}.filters", parameters.filters, "filters")
        yield from (_skip(name, one, f"layer{one}.filters") for one in range(number))


def _skip(layer: str, number: int, anchor: str) -> Decision:
    return Decision(f"{layer}.skip{number}", (0, 1), "skip", (anchor,))


def _build_nas_cnn(parameters: NasCnnParameters, choices: tuple[Choice, ...]) -> NasCnnArch:
    values, layers = iter(cast(tuple[int, ...], choices)), list[ConvLayer]()
    for number in range(parameters.layers):
        height, width = islice(values, 2)
        strides = tuple(islice(values, 2)) if parameters.strides else (1, 1)
        filters = next(values)
        layers.append(ConvLayer(height, width, filters, _chosen(islice(values, number)), *strides))
    return NasCnnArch(tuple(layers), parameters.pooled)


def _choose_nas_cnn(parameters: NasCnnParameters, arch: NasCnnArch) -> tuple[Choice, ...]:
    if len(arch.layers) != parameters.layers or arch.pools != parameters.pooled:
        raise SpaceError("the number of layers or the pools are not those of this nas-cnn space")
    chosen: list[Choice] = []
    for number, layer in enumerate(arch.layers):
        strides = (layer.stride_height, layer.stride_width)
        if not parameters.strides and strides != (1, 1):
            raise SpaceError("the layers of this nas-cnn space have no strides")
        chosen += [layer.height, layer.width, *(strides if parameters.strides else ()), layer.filters]
        chosen += _bits(layer.reads, number)
    return tuple(chosen)


def enas_macro_space(input_shape: Shape, parameters: EnasMacroParameters) -> Space[MacroArch]:
    """ENAS's macro space (Pham et al., ICML 2018, section 2.3): an operator of six, and what is joined to its result.

    As in the published code, bit 0 of a layer stands for the stem and bit i for the layer i - 1, while the controller
    attends to its state behind the operator of layer i: the two lie one layer apart.
    """
    check_input_shape(input_shape)
    return Space(
        "enas-macro",
        tuple(_macro_decisions(parameters)),
        partial(_build_macro, parameters),
        partial(_choose_macro, parameters),
    )


def _macro_decisions(parameters: EnasMacroParameters) -> Iterator[Decision]:
    for number in range(parameters.layers):
        name = f"layer{number}"
        yield Decision(f"{name}.op", OPS, "op")
        yield from (_skip(name, one, f"layer{one}.op") for one in range(number))


def _build_macro(parameters: EnasMacroParameters, choices: tuple[Choice, ...]) -> MacroArch:
    values = iter(cast(tuple[Any, ...], choices))
    layers = [MacroLayer(next(values), _chosen(islice(values, number))) for number in range(parameters.layers)]
    return canonical(MacroArch(tuple(layers), parameters.filters, parameters.separable))


def _choose_macro(parameters: EnasMacroParameters, arch: MacroArch) -> tuple[Choice, ...]:
    own = canonical(arch)
    if (len(own.layers), own.filters) != (parameters.layers, parameters.filters):
        raise SpaceError("the number of layers or the filters are not those of this enas-macro space")
    if own.separable and not parameters.separable:
        raise SpaceError("the convolutions of this enas-macro space are not separable")
    chosen: list[Choice] = []
    for number, layer in enumerate(own.layers):
        chosen += [layer.op, *_bits(layer.skips, number)]
    return tuple(chosen)


def _chosen(bits: Iterator[int]) -> tuple[int, ...]:
    return tuple(place for place, bit in enumerate(bits) if bit)


def _bits(chosen: tuple[int, ...], count: int) -> list[int]:
    return [int(place in chosen) for place in range(count)]


def fit_nas_cnn(arch: NasCnnArch, _: Shape, parameters: NasCnnParameters) -> NasCnnArch:
    """A network with as many layers, filters and pools as those of the space."""
    layers = [
        replace(
            layer,
            filters=max(1, round(parameters.width * layer.filters)),
            stride_height=layer.stride_height if parameters.strides else 1,
            stride_width=layer.stride_width if parameters.strides else 1,
        )
        for layer in with_layers(arch, parameters.layers).layers
    ]
    return NasCnnArch(tuple(layers), parameters.pooled)


def fit_macro(arch: MacroArch, _: Shape, parameters: EnasMacroParameters) -> MacroArch:
    """A network with as many layers and filters as those of the space."""
    fitted = with_macro_layers(arch, parameters.layers)
    return replace(fitted, filters=parameters.filters, separable=parameters.separable)


def closest_nas_cnn(space: Space[NasCnnArch], wish: NasCnnArch) -> NasCnnArch:
    """The network of the space that is closest to `wish`, decision by decision."""
    middle = _middle(space)
    values: dict[str, Choice] = {}
    for number, layer in enumerate(with_layers(wish, len(middle.layers)).layers):
        for name in ("height", "width", "stride_height", "stride_width", "filters"):
            values[f"layer{number}.{name}"] = getattr(layer, name)
        values |= {f"layer{number}.skip{one}": bit for one, bit in enumerate(_bits(layer.reads, number))}
    return _nearest(space, values, lambda one, other: abs(cast(int, one) - cast(int, other)))


def closest_macro(space: Space[MacroArch], wish: MacroArch) -> MacroArch:
    """The network of the space that is closest to `wish`, decision by decision."""
    middle = _middle(space)
    values: dict[str, Choice] = {}
    for number, layer in enumerate(with_macro_layers(canonical(wish), len(middle.layers)).layers):
        values[f"layer{number}.op"] = layer.op
        values |= {f"layer{number}.skip{one}": bit for one, bit in enumerate(_bits(layer.skips, number))}
    return _nearest(space, values, lambda one, other: one != other)


def _middle(space: Space[Any]) -> Any:
    return space.decode([size // 2 for size in space.sizes])


def _nearest(space: Space[Any], values: Mapping[str, Choice], distance: Callable[[Choice, Choice], float]) -> Any:
    """The architecture whose choices are nearest to the values wished for."""

    def token(decision: Decision) -> int:
        wished = values[decision.name]
        distances = [distance(choice, wished) for choice in decision.choices]
        return distances.index(min(distances))

    return space.decode([token(decision) for decision in space.decisions])
