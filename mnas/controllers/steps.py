"""The decisions a controller takes, seen as bare steps: names, sizes, tags and what makes two of them one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from search_spaces.decision import Space, Tokens

_REMEMBERED = 1 << 16


@dataclass(frozen=True, slots=True)
class Steps:
    """One softmax a step.

    Attributes:
        names: One a step, distinct.
        sizes: Number of choices per step.
        tags: Steps of one tag and size are of one kind.
        canonical: Maps tokens to one spelling an architecture; ``None`` when every spelling is its own.
        points_to: For each step the earlier steps that it points to, by index, in the sense of
            `search_spaces.decision.Decision.points_to`; ``()`` where no step points.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    tags: tuple[str, ...]
    canonical: Callable[[Sequence[int]], Tokens] | None = field(default=None, compare=False)
    points_to: tuple[tuple[int, ...], ...] = ()

    @property
    def cardinality(self) -> int:
        """Number of token sequences."""
        return math.prod(self.sizes)

    def points(self, step: int) -> tuple[int, ...]:
        """The steps that a step points to."""
        return self.points_to[step] if self.points_to else ()

    def yes_or_no(self, step: int) -> bool:
        """Whether a step takes the one that it points to, or not."""
        return self.sizes[step] == 2 and len(self.points(step)) == 1

    def key(self, tokens: Sequence[int]) -> Tokens:
        """The canonical spelling of whole tokens; tokens with a -1 (not suggested) are kept as they are."""
        plain = tuple(tokens)
        return plain if self.canonical is None or -1 in plain else self.canonical(plain)


class Remembered:
    """A canonical form that remembers: building an architecture only to spell it again is dear, and most recur.

    Args:
        spell: The function to remember, which depends on nothing but its argument.
    """

    def __init__(self, spell: Callable[[Sequence[int]], Tokens]) -> None:
        self._spell = spell
        self._known: dict[Tokens, Tokens] = {}

    def __call__(self, tokens: Sequence[int]) -> Tokens:
        """The canonical tokens."""
        plain = tuple(tokens)
        if plain not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[plain] = tuple(int(token) for token in self._spell(plain))
        return self._known[plain]

    def __reduce__(self) -> tuple[type[Remembered], tuple[Callable[[Sequence[int]], Tokens]]]:
        """Copies start with nothing remembered."""
        return Remembered, (self._spell,)


def steps_of(space: Space[Any]) -> Steps:
    """The steps of a search space."""
    names = tuple(decision.name for decision in space.decisions)
    pointing = any(decision.points_to for decision in space.decisions)
    return Steps(
        names=names,
        sizes=tuple(len(decision.choices) for decision in space.decisions),
        tags=tuple(decision.tag for decision in space.decisions),
        canonical=Remembered(space.canonical),
        points_to=tuple(tuple(map(names.index, decision.points_to)) for decision in space.decisions if pointing),
    )
