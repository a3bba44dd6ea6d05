"""What can be built: decisions, spaces and architectures, their operators and costs, and their Keras models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.builder import GraphBuilder
from search_spaces.catalog import (
    FAMILIES,
    Arch,
    SpaceChoice,
    arch_hash,
    canonical,
    closest,
    cost,
    describe,
    drawing,
    extras,
    families,
    family,
    family_of,
    from_json,
    from_notation,
    lower,
    operators,
    published,
    published_names,
    restack,
    scale,
    space,
    to_json,
)
from search_spaces.decision import Choice, Decision, Space, Tokens
from search_spaces.drawing import Box, Drawing
from search_spaces.errors import SpaceError
from search_spaces.family import Family
from search_spaces.graph import Cost, Graph, Operator, Shape
from search_spaces.heads import Classifier, Head
from search_spaces.training_extras import Extras

if TYPE_CHECKING:
    from search_spaces.keras_models import as_if_trained as as_if_trained
    from search_spaces.keras_models import build_graph as build_graph
    from search_spaces.keras_models import build_model as build_model

__all__ = [
    "FAMILIES",
    "Arch",
    "Box",
    "Choice",
    "Classifier",
    "Cost",
    "Decision",
    "Drawing",
    "Extras",
    "Family",
    "Graph",
    "GraphBuilder",
    "Head",
    "Operator",
    "Shape",
    "Space",
    "SpaceChoice",
    "SpaceError",
    "Tokens",
    "arch_hash",
    "as_if_trained",
    "build_graph",
    "build_model",
    "canonical",
    "closest",
    "cost",
    "describe",
    "drawing",
    "extras",
    "families",
    "family",
    "family_of",
    "from_json",
    "from_notation",
    "lower",
    "operators",
    "published",
    "published_names",
    "restack",
    "scale",
    "space",
    "to_json",
]

_WITH_KERAS = ("as_if_trained", "build_graph", "build_model")


def __getattr__(name: str) -> object:
    # Keras is imported by whoever builds a model, not by whoever only counts one.
    if name in _WITH_KERAS:
        from search_spaces import keras_models

        return getattr(keras_models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
