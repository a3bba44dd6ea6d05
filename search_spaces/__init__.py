"""What can be built: decisions, spaces and architectures, their operators and costs, and their Keras models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.architecture import (
    Block,
    MnasNetArch,
    Shape,
    arch_hash,
    canonical,
    fit,
    from_json,
    scale,
    to_json,
)
from search_spaces.block_strings import describe, from_block_strings, to_block_strings
from search_spaces.catalog import SPACES, space
from search_spaces.decision import Choice, Decision, Space, Tokens
from search_spaces.errors import SpaceError
from search_spaces.operators import Cost, Operator, cost, operators
from search_spaces.published import PUBLISHED, published

if TYPE_CHECKING:
    from search_spaces.keras_models import build_model as build_model

__all__ = [
    "PUBLISHED",
    "SPACES",
    "Block",
    "Choice",
    "Cost",
    "Decision",
    "MnasNetArch",
    "Operator",
    "Shape",
    "Space",
    "SpaceError",
    "Tokens",
    "arch_hash",
    "build_model",
    "canonical",
    "cost",
    "describe",
    "fit",
    "from_block_strings",
    "from_json",
    "operators",
    "published",
    "scale",
    "space",
    "to_block_strings",
    "to_json",
]


def __getattr__(name: str) -> object:
    # Keras is imported by whoever builds a model, not by whoever only counts one.
    if name == "build_model":
        from search_spaces.keras_models import build_model

        return build_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
