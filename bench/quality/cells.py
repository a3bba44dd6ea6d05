"""Spaces of cells that are small enough to train whole: what they are, and how each network is trained."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mnas.training.recipe import Recipe
from search_spaces import Space, SpaceChoice
from search_spaces.decision import Tokens

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the images."""


@dataclass(frozen=True, slots=True)
class CellTable:
    """One table of cells.

    Attributes:
        name: Of its file.
        choice: The space.
        source: The images, as a configuration names them.
        image_size: Height and width that they are reduced to; they have one channel.
        validation_share: Share of the images that the accuracy is measured on.
        limit: Images in all; None for all there are.
        recipe: How every network is trained.
        seeds: Trainings of each network.
    """

    name: str
    choice: SpaceChoice
    source: str
    image_size: int
    validation_share: float
    limit: int | None
    recipe: Recipe
    seeds: int

    @property
    def path(self) -> Path:
        """The table."""
        return Path(__file__).with_name(f"{self.name}.csv.gz")

    def space(self) -> Space[Any]:
        """What is searched."""
        return self.choice.space((self.image_size, self.image_size, 1))


DIGITS_CELLS = CellTable(
    name="cells-digits",
    choice=SpaceChoice.of("pnas", {"blocks": 2, "repeats": 1, "filters": 3, "ops": "conv3 max3 identity"}),
    source="digits",
    image_size=8,
    validation_share=0.6,
    limit=None,
    recipe=Recipe(epochs=8, optimizer="sgd", learning_rate=0.05),
    seeds=1,
)
"""One cell of two blocks for both strides, 735 networks, and 21 of one block that a growing search passes."""

FASHION_CELLS = CellTable(
    name="cells-fashion",
    choice=SpaceChoice.of("enas-micro", {"blocks": 1, "repeats": 1, "filters": 4, "ops": "conv3 max3 identity"}),
    source=f"idx:{FASHION}",
    image_size=10,
    validation_share=0.5,
    limit=7500,
    recipe=Recipe(epochs=2, optimizer="sgd", learning_rate=0.05),
    seeds=1,
)
"""A normal and a reduction cell of one block each, 441 networks."""

GROWING_FASHION_CELLS = replace(FASHION_CELLS, name="cells-fashion-pnas", choice=DIGITS_CELLS.choice)
"""The networks of `DIGITS_CELLS` on Fashion-MNIST: cells that grow, on images of which nothing was tuned."""

CELL_TABLES: Mapping[str, CellTable] = {one.name: one for one in (DIGITS_CELLS, FASHION_CELLS, GROWING_FASHION_CELLS)}


def spellings(space: Space[Any]) -> dict[Tokens, Tokens]:
    """All tokens of a space, those of every length included, and the canonical tokens of the network of each."""
    lengths = space.lengths or (len(space.decisions),)
    every = (itertools.product(*map(range, space.sizes[:length])) for length in lengths)
    return {tokens: space.canonical(tokens) for tokens in itertools.chain.from_iterable(every)}
