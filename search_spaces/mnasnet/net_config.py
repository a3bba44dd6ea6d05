"""The net definitions (JSON) that ProxylessNAS and Once-for-all publish, in the words of their latency tables.

A definition lists layers one by one: `first_conv`, `blocks` of an inverted residual (or `ZeroLayer`: none) and a
`shortcut`, then the head. ProxylessNAS (Cai et al., ICLR 2019) calls an inverted residual by its expansion,
Once-for-all (Cai et al., ICLR 2020) by its inner filters, squeeze-and-excitation and h-swish.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from search_spaces.errors import SpaceError
from search_spaces.graph import Shape
from search_spaces.mnasnet.block_keys import classifier_key, part_key, residual_key, strided

Dialect = Literal["proxyless", "ofa"]
_MOST = 1_000_000


def definition_keys(definition: Any, image_size: int, dialect: Dialect) -> tuple[str, ...]:
    """The keys of a defined net's parts, in order.

    Args:
        definition: The parsed JSON.
        image_size: Height and width of the input.
        dialect: Whose table the keys are for.

    Raises:
        SpaceError: It is no such definition, or has a layer that such tables do not know.
    """
    try:
        return _Net(definition, dialect).keys((image_size, image_size, 3))
    except (KeyError, TypeError, AttributeError) as error:
        raise SpaceError(f"this is not a net definition of ProxylessNAS or Once-for-all: {error!r}") from error


class _Net:
    def __init__(self, definition: Mapping[str, Any], dialect: Dialect) -> None:
        self.definition = definition
        self.dialect = dialect

    def keys(self, image: Shape) -> tuple[str, ...]:
        definition = self.definition
        shape = _convolved(image, definition["first_conv"])
        keys = [part_key("Conv", image, shape)]
        for block in definition["blocks"]:
            # Its name changed between the two projects.
            layer = block["mobile_inverted_conv"] if "mobile_inverted_conv" in block else block["conv"]
            if layer is None or layer["name"] == "ZeroLayer":
                continue
            made = _convolved(shape, layer)
            keys.append(self._residual(layer, shape, made, skip=block["shortcut"] is not None))
            shape = made
        for name, made in self._head(shape):
            keys.append(part_key(name, shape, made))
            shape = made
        return (*keys, classifier_key(shape, _size(definition["classifier"], "out_features")))

    def _head(self, shape: Shape) -> list[tuple[str, Shape]]:
        """Once-for-all pools before its last convolution, ProxylessNAS behind it."""
        mix, expand = self.definition["feature_mix_layer"], self.definition.get("final_expand_layer")
        if expand is None:
            return [("Conv_1", _convolved(shape, mix))]
        wide = _convolved(shape, expand)
        pooled = (1, 1, wide[2])
        return [("Conv_1", wide), ("AvgPool2D", pooled), ("Conv_2", _convolved(pooled, mix))]

    def _residual(self, layer: Mapping[str, Any], shape: Shape, made: Shape, *, skip: bool) -> str:
        if not layer["name"].startswith("MB"):
            name = layer["name"] if layer["name"].isprintable() else ascii(layer["name"])
            raise SpaceError(f"latency tables of inverted residuals do not know a {name}")
        inner = _size(layer, "mid_channels") if layer.get("mid_channels") else _expanded(shape[2], layer)
        gated, swish = bool(layer.get("use_se")), layer.get("act_func") == "h_swish"
        kernel, stride = _size(layer, "kernel_size"), _size(layer, "stride")
        if self.dialect == "ofa":
            return f"{residual_key(shape, made, inner, kernel, stride, skip)}-se:{gated:d}-hs:{swish:d}"
        if gated or swish:
            raise SpaceError("ProxylessNAS tables know neither squeeze-and-excitation nor h-swish")
        return residual_key(shape, made, round(inner / shape[2]), kernel, stride, skip)


def _convolved(shape: Shape, layer: Mapping[str, Any]) -> Shape:
    return strided(shape, _size(layer, "stride") if "stride" in layer else 1, _size(layer, "out_channels"))


def _expanded(channels: int, layer: Mapping[str, Any]) -> int:
    ratio = layer["expand_ratio"]
    if isinstance(ratio, bool) or not 0 < ratio <= _MOST:
        raise SpaceError(f"this is not a net definition: expand_ratio is {ratio!r}, not a number above 0")
    return round(channels * ratio)


def _size(layer: Mapping[str, Any], key: str) -> int:
    """A number of filters, pixels or classes."""
    value = layer[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST:
        raise SpaceError(f"this is not a net definition: {key} is {value!r}, not a whole number above 0")
    return value
