"""Weights that a network starts from: those of the same network elsewhere, with a new head where classes differ.

`mnas.search.parents.open_parent` reads them; the network is then built from `Parent.fronted(graph)` and filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from mnas.errors import SearchError, quoted
from mnas.training.weight_files import Layer, Weights, variables
from search_spaces import Graph
from search_spaces.front import FRONT, normalized

if TYPE_CHECKING:
    import tf_keras

Kind = Literal["convolution", "depthwise convolution", "fully connected layer", "batch normalization"]
_DENSE: Kind = "fully connected layer"
_ANOTHER = "the weights of another network"


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """Weights to start from, and where they are from.

    Attributes:
        source: As it was asked for.
        place: The file that was read.
        weights: Its layers.
        front: Scale and shift of images in [0, 1] that the weights were trained with, if they have no front of their
            own.
    """

    source: str
    place: str
    weights: Weights
    front: tuple[float, float] | None = None

    @property
    def has_front(self) -> bool:
        """Whether a network needs a front for these weights."""
        return self.front is not None or FRONT in self.weights.layers

    def fronted(self, graph: Graph) -> Graph:
        """The network with the front that these weights need, or as it is."""
        return normalized(graph) if self.has_front else graph


@dataclass(frozen=True, slots=True)
class Taken:
    """What a network has of its parent; a card and a log tell it.

    Attributes:
        source: As it was asked for.
        place: The file that was read.
        digest: `Weights.digest` of it.
        layers: How many layers with weights were taken, in whole or in part.
        fresh: Names of those that start anew.
        head: Whether the classifier was taken.
    """

    source: str
    place: str
    digest: str
    layers: int
    fresh: tuple[str, ...]
    head: Literal["kept", "new"]


def initial_weights(model: tf_keras.Model, parent: Parent, labels: Sequence[str] = ()) -> Taken:
    """Fills a network with the weights of the same network, trained elsewhere.

    Layers are found by their names, and where the file has others by their order among layers of their kind. The
    classifier is taken if it tells as many classes apart and neither side names others; else it stays as it is.

    Args:
        model: Built from `parent.fronted(graph)`.
        parent: The weights.
        labels: Names of the classes, in order.

    Raises:
        SearchError: The weights are those of another network; the line names the first layer that differs.
    """
    expected = variables(model)
    if (FRONT in expected) != parent.has_front:
        raise ValueError("the network is not built from what Parent.fronted gave")
    heads = [name for name, layer in expected.items() if _kind(layer) == _DENSE]
    rest = {name: layer for name, layer in expected.items() if name not in (FRONT, *heads)}
    kept = _head(expected, heads, parent, labels)
    filled = _matched(rest, parent) | kept
    if FRONT in expected:
        filled |= {FRONT: _front(expected[FRONT], parent)}
        model.get_layer(FRONT).trainable = False
    for name, layer in filled.items():
        for variable, array in layer.items():
            expected[name][variable].assign(array)
    fresh = tuple(name for name in heads if name not in kept)
    head: Literal["kept", "new"] = "new" if fresh else "kept"
    return Taken(parent.source, parent.place, parent.weights.digest, len(filled), fresh, head)


def freeze_up_to(model: tf_keras.Model, block: str) -> None:
    """Keeps a network as it is from its input to the end of a block; batch normalizations there use their statistics.

    Args:
        model: Built from a graph, whose operators are named `BLOCK` or `BLOCK.REST`.
        block: The last block to stay, such as `stem`, `block3`, or `head` for all but the classifier.

    Raises:
        SearchError: There is no such block.
    """
    names = dict.fromkeys(_block(layer) for layer in model.layers if layer.weights)
    blocks = [name for name in names if name != FRONT]
    if block not in blocks:
        raise SearchError(f"no block {quoted(block)} to freeze up to: the blocks are {', '.join(blocks)}")
    frozen = {FRONT, *blocks[: blocks.index(block) + 1]}
    for layer in model.layers:
        if _block(layer) in frozen:
            layer.trainable = False


def _block(layer: Any) -> str:
    return str(layer.name).partition(".")[0]


def _kind(layer: Mapping[str, Any]) -> Kind:
    """What a layer computes, by its variables."""
    if "kernel" not in layer:
        return "batch normalization"
    shape = tuple(layer["kernel"].shape)
    if len(shape) == 2:
        return _DENSE
    return "depthwise convolution" if shape[3] == 1 and shape[2] > 1 else "convolution"


def _matched(expected: Mapping[str, Mapping[str, Any]], parent: Parent) -> dict[str, Layer]:
    """Layer -> the arrays of the parent for it; the first that does not fit is named."""
    heads = {name for name, layer in parent.weights.layers.items() if _kind(layer) == _DENSE}
    stored = {name: layer for name, layer in parent.weights.layers.items() if name not in (FRONT, *heads)}
    by_name = expected.keys() <= stored.keys()
    queues: dict[Kind, Iterator[str]] = {}
    for kind in get_args(Kind):
        queues[kind] = iter([name for name, layer in stored.items() if _kind(layer) == kind])
    matched = {}
    for name, layer in expected.items():
        theirs = name if by_name else next(queues[_kind(layer)], None)
        if theirs is None:
            raise SearchError(f"{parent.place} holds {_ANOTHER}: it has no {_kind(layer)} for {name}")
        matched[name] = _fitted(name, layer, theirs, stored.pop(theirs), parent.place)
    if stored:
        raise SearchError(f"{parent.place} holds {_ANOTHER}: its {next(iter(stored))} has no place in this one")
    return matched


def _fitted(name: str, expected: Mapping[str, Any], theirs: str, stored: Layer, place: str) -> Layer:
    """The arrays of one layer; a kernel for three colours becomes one for grey, to the same effect on grey images."""
    if expected.keys() != stored.keys():
        lacking = sorted(expected.keys() ^ stored.keys())[0]
        raise SearchError(f"{place} holds {_ANOTHER}: {name} and its {theirs} differ in {lacking}")
    fitted = {}
    for variable, array in stored.items():
        shape = tuple(expected[variable].shape)
        if variable == "kernel" and shape[2:3] == (1,) and array.shape == (*shape[:2], 3, *shape[3:]):
            array = array.sum(axis=2, keepdims=True)
        if array.shape != shape:
            raise SearchError(
                f"{place} holds {_ANOTHER}: {name}/{variable} is {list(shape)} here and "
                f"{list(array.shape)} there ({theirs})"
            )
        fitted[variable] = array
    return fitted


def _head(
    expected: Mapping[str, Mapping[str, Any]], heads: Sequence[str], parent: Parent, labels: Iterable[str]
) -> dict[str, Layer]:
    """The classifiers that can be taken."""
    theirs = [name for name, layer in parent.weights.layers.items() if _kind(layer) == _DENSE]
    others = tuple(labels) and parent.weights.labels and tuple(labels) != parent.weights.labels
    if others or len(theirs) != len(heads):
        return {}
    pairs = {name: parent.weights.layers[name if name in theirs else theirs[i]] for i, name in enumerate(heads)}
    same = all(
        {variable: array.shape for variable, array in layer.items()}
        == {variable: tuple(one.shape) for variable, one in expected[name].items()}
        for name, layer in pairs.items()
    )
    return pairs if same else {}


def _front(front: Mapping[str, Any], parent: Parent) -> Layer:
    """The numbers of the front: the parent's own, or those of the public network."""
    if parent.front is None:
        return _fitted(FRONT, front, FRONT, parent.weights.layers[FRONT], parent.place)
    factor, shift = parent.front
    return {"kernel": np.full(front["kernel"].shape, factor), "bias": np.full(front["bias"].shape, shift)}
