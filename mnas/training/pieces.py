"""Candidates of a search that start from the pieces of one trained parent, as far as they fit.

Layers meet by name, `block3.layer2.expand`. Where both have a place for a channel, the candidate's is the parent's; a
larger kernel gives its centre to a smaller one, and a smaller kernel becomes the centre of a larger one with zeros
around it (as in Once-for-all: Cai et al., ICLR 2020, section 3). What the parent lacks starts as it was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mnas.errors import SearchError
from mnas.training.transfer import Parent, Taken
from mnas.training.weight_files import Layer, variables
from search_spaces.front import FRONT

if TYPE_CHECKING:
    import tf_keras

_STEM = "stem"


def fitting_pieces(model: tf_keras.Model, parent: Parent, labels: Sequence[str] = ()) -> Taken:
    """Fills a network with what fits of a parent's weights.

    Args:
        model: Any network of the parent's family; it has no front.
        parent: The weights; their front, if they have one, is folded into the stem, which is exact but for the border.
        labels: Names of the classes, in order; the parent's classifier is taken if its classes are as many and no
            others.

    Raises:
        SearchError: None of the network's layers is one of the parent's.
    """
    expected, stored = variables(model), _folded(parent)
    mine, theirs = tuple(labels), parent.weights.labels
    renamed = bool(mine and theirs and mine != theirs)
    heads = [name for name, layer in expected.items() if "kernel" in layer and len(layer["kernel"].shape) == 2]
    for name in heads:
        if renamed or _classes(stored.get(name)) != _classes(expected[name]):
            stored.pop(name, None)
    fitting = [name for name, layer in expected.items() if layer.keys() == stored.get(name, {}).keys()]
    if not fitting:
        raise SearchError(f"no layer of {parent.place} has a place in this network: give weights of the same family")
    for name in fitting:
        for variable, array in stored[name].items():
            expected[name][variable].assign(_piece(array, expected[name][variable].numpy()))
    fresh = tuple(name for name in expected if name not in fitting)
    kept: Literal["kept", "new"] = "kept" if set(heads) <= set(fitting) else "new"
    return Taken(parent.source, parent.place, parent.weights.digest, len(fitting), fresh, kept)


def _classes(head: Mapping[str, Any] | None) -> int | None:
    return int(head["kernel"].shape[-1]) if head else None


def _piece(array: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """What of `array` fits into the shape of `drawn`; the rest is as drawn, zeros around a kernel."""
    made = drawn.copy()
    both = tuple(slice(0, min(*sizes)) for sizes in zip(array.shape, drawn.shape, strict=True))
    if array.ndim == 4:
        mine, theirs = zip(*map(_centres, drawn.shape[:2], array.shape[:2]), strict=True)
        made[(slice(None), slice(None), *both[2:])] = 0
        made[(*mine, *both[2:])] = array[(*theirs, *both[2:])]
    else:
        made[both] = array[both]
    return made


def _centres(mine: int, theirs: int) -> tuple[slice, slice]:
    """The places, in a kernel of each size, of what both have around their centres."""
    size = min(mine, theirs)
    first, second = (mine - size) // 2, (theirs - size) // 2
    return slice(first, first + size), slice(second, second + size)


def _folded(parent: Parent) -> dict[str, Layer]:
    """The layers with the front in the first convolution and its normalization."""
    layers = dict(parent.weights.layers)
    front = layers.pop(FRONT, None)
    if front is None or _STEM not in layers or f"{_STEM}.norm" not in layers:
        return layers
    kernel, norm = layers[_STEM]["kernel"], layers[f"{_STEM}.norm"]
    scale, shift = front["kernel"][0, 0, :, 0], front["bias"]
    moved = norm["moving_mean"] - np.einsum("hwio,i->o", kernel, shift)
    layers[_STEM] = {**layers[_STEM], "kernel": kernel * scale[:, np.newaxis]}
    layers[f"{_STEM}.norm"] = {**norm, "moving_mean": moved}
    return layers
