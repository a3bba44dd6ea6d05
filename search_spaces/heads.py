"""What stands behind the features of a network: given by the task, appended by the family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from search_spaces.builder import GraphBuilder
from search_spaces.errors import SpaceError
from search_spaces.graph import ENTRY, Part, Shape


class Head(Protocol):
    """Turns features into what a task asks for."""

    def append(self, graph: GraphBuilder, features: str) -> tuple[str, ...]:
        """Appends its operators behind `features`, a map, and returns the names of the network's outputs."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Global average pooling, a fully connected layer and a softmax.

    Attributes:
        classes: Width of the softmax.
        bias: Whether the fully connected layer has one.
    """

    classes: int
    bias: bool = True

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise SpaceError(f"a classifier needs at least one class, not {self.classes}")

    def append(self, graph: GraphBuilder, features: str) -> tuple[str, ...]:
        """See `Head.append`."""
        return (graph.extend(_classifier(self.classes, self.bias, graph.shape(features)), "", features),)


def without_bias(head: Head) -> Head:
    """The same head, a classifier without the bias of its fully connected layer."""
    return replace(head, bias=False) if isinstance(head, Classifier) else head


@lru_cache(maxsize=1024)
def _classifier(classes: int, bias: bool, shape: Shape) -> Part:
    graph = GraphBuilder({ENTRY: shape})
    logits = graph.dense("classifier", graph.global_pool("pool", ENTRY), classes, bias=bias)
    graph.activation("softmax", logits, "softmax")
    return graph.part()
