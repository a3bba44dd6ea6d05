"""A family: a kind of architecture, and everything that the toolkit asks of it.

Nothing outside `search_spaces` names a family. Its record is all that a new one needs: searches, latency tables,
exports and reports then work on it. Families of other packages join through the entry-point group `mnas.families`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from search_spaces.decision import Space
from search_spaces.drawing import Drawing
from search_spaces.graph import Graph, Shape
from search_spaces.heads import Head
from search_spaces.shared import SharedGraph
from search_spaces.training_extras import Extras

A = TypeVar("A")
P = TypeVar("P")

GROUP = "mnas.families"
"""The entry-point group: each entry gives a `Family`, and its name is the family's."""


def _as_it_is(arch: A, input_shape: Shape) -> A:
    return arch


def _no_extras(arch: Any, input_shape: Shape, head: Head) -> Extras:
    return Extras()


@dataclass(frozen=True, slots=True)
class Family(Generic[A, P]):
    """One kind of architecture.

    Attributes:
        name: As `space.name` of a configuration and `type` in an architecture's JSON have it.
        architecture: The class of its architectures: frozen, hashable, compared by value.
        parameters: A frozen dataclass of what a search may set, each with a default and a line under `Attributes:` of
            its docstring; raises `SpaceError` for impossible values.
        space: Input shape and parameters -> the space.
        to_dict: Architecture -> JSON values.
        from_dict: The reverse; raises `SpaceError` for anything else.
        canonical: The one spelling of all that compute the same.
        lower: Architecture, input shape and head -> graph.
        fit: A published architecture, input shape and parameters -> the same as wide, deep and strided as the space.
        respell: A fitted architecture -> as near to it as the space can spell, for a search to start from.
        scale: Architecture, factor on the filters, factor on the layers -> a wider or deeper one.
        closest: Space and architecture -> an architecture of the space near it.
        drawing: Architecture and input shape -> what a report draws of it, without inputs and head.
        lines: Architecture -> its published notation, line by line; empty where there is none.
        parse: The published notation of a whole network, in one text -> its architecture; raises `ForeignNotation` for
            a text that is not in it at all, `SpaceError` for one with a mistake. None where there is none.
        strided: Architecture and input shape -> the same with strides that leave small images their pixels.
        restack: Architecture, N, channels of the last map and input shape -> the same cells, N of them in front of,
            between and behind the reductions, as wide as that, on a stem for images of that shape (the papers' `N@P`);
            None where networks of the family have no cells to stack.
        extras: Architecture, input shape and head -> what its training has beside what ships.
        shared: Input shape, parameters of a space and head -> all networks of the space in one graph that shares their
            weights; None where the family has none.
        published: Name -> maker of a published architecture.
        table_keys: Kind of a published latency table -> architecture, input shape and classes -> the keys under which
            such tables list its parts.
        definition_keys: Kind of a published latency table -> a net definition of its authors (parsed JSON) and image
            size -> those keys.
    """

    name: str
    architecture: type[A]
    parameters: type[P]
    space: Callable[[Shape, P], Space[A]]
    to_dict: Callable[[A], dict[str, Any]]
    from_dict: Callable[[dict[str, Any]], A]
    canonical: Callable[[A], A]
    lower: Callable[[A, Shape, Head], Graph]
    fit: Callable[[A, Shape, P], A]
    respell: Callable[[A], A]
    scale: Callable[[A, float, float], A]
    closest: Callable[[Space[A], A], A]
    drawing: Callable[[A, Shape], Drawing]
    lines: Callable[[A], list[str]]
    parse: Callable[[str], A] | None = None
    strided: Callable[[A, Shape], A] = _as_it_is
    restack: Callable[[A, int, int, Shape], A] | None = None
    extras: Callable[[A, Shape, Head], Extras] = _no_extras
    shared: Callable[[Shape, P, Head], SharedGraph[A]] | None = None
    published: Mapping[str, Callable[[], A]] = field(default_factory=dict)
    table_keys: Mapping[str, Callable[[A, Shape, int], tuple[str, ...]]] = field(default_factory=dict)
    definition_keys: Mapping[str, Callable[[Any, int], tuple[str, ...]]] = field(default_factory=dict)
