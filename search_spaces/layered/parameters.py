"""What searches may set of the spaces of layered networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search_spaces.errors import SpaceError
from search_spaces.layered.enas_macro import LEAST_LAYERS
from search_spaces.layered.values import MOST_FILTERS, MOST_LAYERS

_WIDEST = 64.0


@dataclass(frozen=True, slots=True)
class NasCnnParameters:
    """What a search may set of NAS's convolutional space.

    Attributes:
        layers: How many, at most 100; the paper began with 6 and added 2 per 1,600 networks.
        width: Factor on the filters to choose from, which are 24, 36, 48 and 64.
        strides: Whether each layer also decides on its strides, from 1 to 3.
        pools: How many pools, evenly spread behind layers, halve all maps; the paper had up to 2.
    """

    layers: int = 8
    width: float = 1.0
    strides: bool = False
    pools: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= MOST_LAYERS:
            raise SpaceError(f"layers must be from 1 to {MOST_LAYERS}, not {self.layers}")
        if not (math.isfinite(self.width) and 0 < self.width <= _WIDEST):
            raise SpaceError(f"width must be above 0 and at most {_WIDEST:g}, not {self.width}")
        if len(set(self.filters)) < len(_FILTERS):
            raise SpaceError(f"width {self.width} leaves no four different numbers of filters")
        if not 0 <= self.pools < self.layers:
            raise SpaceError(f"pools must be from 0 to one less than the layers, not {self.pools}")

    @property
    def filters(self) -> tuple[int, ...]:
        """The numbers of filters to choose from."""
        return tuple(max(1, round(self.width * one)) for one in _FILTERS)

    @property
    def pooled(self) -> tuple[int, ...]:
        """Behind which layers, counted from 1, pools stand."""
        return tuple(max(1, turn * self.layers // (self.pools + 1)) for turn in range(1, self.pools + 1))


_FILTERS = (24, 36, 48, 64)


@dataclass(frozen=True, slots=True)
class EnasMacroParameters:
    """What a search may set of ENAS's macro space.

    Attributes:
        layers: How many, from 3 to 100; the paper searched 12.
        filters: Of the first third of the layers; each of the two halvings doubles them.
        separable: Whether the separable convolutions are; the published code of found networks makes full ones.
    """

    layers: int = 12
    filters: int = 36
    separable: bool = True

    def __post_init__(self) -> None:
        if not LEAST_LAYERS <= self.layers <= MOST_LAYERS:
            raise SpaceError(f"layers must be from {LEAST_LAYERS} to {MOST_LAYERS}, not {self.layers}")
        if not 1 <= self.filters <= MOST_FILTERS:
            raise SpaceError(f"filters must be from 1 to {MOST_FILTERS}, not {self.filters}")
