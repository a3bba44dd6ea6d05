"""The decisions a controller takes, seen as bare steps: names, sizes, tags and what makes two of them one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from search_spaces.decision import Space

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """One softmax a step.

    Attributes:
        names: One a step, distinct.
        sizes: Number of choices a step.
        tags: Steps of one tag and size are of one kind.
        canonical: Maps tokens to one spelling an architecture; ``None`` when every spelling is its own.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    tags: tuple[str, ...]
    canonical: Callable[[Sequence[int]], Tokens] | None = field(default=None, compare=False)

    @property
    def cardinality(self) -> int:
        """Number of token sequences."""
        return math.prod(self.sizes)

    def key(self, tokens: Sequence[int]) -> Tokens:
        """The canonical spelling of whole tokens; tokens with a -1 (not suggested) are kept as they are."""
        plain = tuple(int(token) for token in tokens)
        if self.canonical is None or -1 in plain:
            return plain
        return tuple(int(token) for token in self.canonical(plain))


def steps_of(space: Space) -> Steps:
    """The steps of a search space."""
    return Steps(
        names=tuple(decision.name for decision in space.decisions),
        sizes=tuple(len(decision.choices) for decision in space.decisions),
        tags=tuple(decision.tag for decision in space.decisions),
        canonical=space.canonical,
    )
