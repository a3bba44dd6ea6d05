"""Decisions and spaces: what a search can choose from, as plain data.

A space knows no controller, no Keras and no phone. Whatever generates choices (an RNN controller, an Optuna
sampler, a loop) speaks in tokens, one integer a decision; whatever consumes them sees architectures only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from search_spaces.errors import SpaceError

Choice = str | int | float
Tokens = tuple[int, ...]
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Decision:
    """One softmax of a controller: pick one of `choices`.

    Attributes:
        name: Unique within its space, e.g. `block3.kernel`.
        choices: The options, all different, in the order of their tokens.
        tag: Decisions of one kind carry one tag, so that a controller can share their embedding and head.
        points_to: Names of the earlier decisions that this one's choices stand for (NAS anchor points, ENAS inputs),
            each once. They belong to the last choices, in order; the choices before them, such as the two inputs of a
            cell, stand for no decision, and a controller learns what to see in each. There cannot be more names than
            choices. One name and two choices are a yes-or-no decision, such as a skip connection: the second choice
            is yes. Yes-or-no decisions that follow one another are taken independently of each other, as long as they
            carry one tag and none points to another of them.
            What a controller attends to is its state as soon as it has read the named decision's choice, so name the
            last decision of a layer or node.
    """

    name: str
    choices: tuple[Choice, ...]
    tag: str
    points_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError(f"decision {self.name!r} has no choices")
        if len(set(self.choices)) != len(self.choices):
            raise SpaceError(f"decision {self.name!r} lists a choice twice: {self.choices}")
        if len(set(self.points_to)) != len(self.points_to):
            raise SpaceError(f"decision {self.name!r} points to a decision twice: {self.points_to}")
        if len(self.points_to) > len(self.choices):
            raise SpaceError(
                f"decision {self.name!r} points to {len(self.points_to)} decisions but has only {len(self.choices)} "
                "choices: every decision pointed to needs a choice of its own"
            )

    def token(self, choice: Choice) -> int:
        """The index of `choice`.

        Raises:
            SpaceError: `choice` is not one of the choices.
        """
        try:
            return self.choices.index(choice)
        except ValueError:
            raise SpaceError(f"decision {self.name!r} has no choice {choice!r}; it has {self.choices}") from None


@dataclass(frozen=True, slots=True)
class Space(Generic[A]):
    """A set of architectures spanned by decisions.

    Attributes:
        name: The space's name in the catalogue.
        decisions: In the order a controller takes them.
        build: One choice a decision -> architecture, in canonical form.
        choose: Architecture -> one choice a decision; raises `SpaceError` for one outside the space.
        lengths: How many decisions, from the first on, spell a whole architecture, in rising order; empty where only
            all of them do. A space that grows, such as that of PNAS, has architectures of several lengths, and its
            tokens are as many as the architecture has decisions.
    """

    name: str
    decisions: tuple[Decision, ...]
    build: Callable[[tuple[Choice, ...]], A]
    choose: Callable[[A], tuple[Choice, ...]]
    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        whole = len(self.decisions)
        if self.lengths and list(self.lengths) != [*sorted({*self.lengths} & {*range(1, whole)}), whole]:
            raise SpaceError(f"the lengths of a space rise from 1 to its {whole} decisions, unlike {self.lengths}")
        earlier: set[str] = set()
        for decision in self.decisions:
            unknown = [name for name in decision.points_to if name not in earlier]
            if unknown:
                raise SpaceError(
                    f"decision {decision.name!r} points to {unknown[0]!r}, which is not an earlier decision"
                )
            earlier.add(decision.name)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of choices of each decision."""
        return tuple(len(decision.choices) for decision in self.decisions)

    @property
    def cardinality(self) -> int:
        """Number of token sequences of full length; several may spell the same architecture."""
        return math.prod(self.sizes)

    def sample(self, rng: np.random.Generator) -> Tokens:
        """Tokens drawn uniformly and independently."""
        return tuple(int(token) for token in rng.integers(self.sizes))

    def choices(self, tokens: Sequence[int]) -> tuple[Choice, ...]:
        """The choice behind each token.

        Raises:
            SpaceError: Wrong number of tokens, or one out of range.
        """
        allowed = self.lengths or (len(self.decisions),)
        if len(tokens) not in allowed:
            raise SpaceError(f"space {self.name!r} takes {' or '.join(map(str, allowed))} tokens, not {len(tokens)}")
        taken = list(zip(self.decisions, tokens, strict=False))
        for decision, token in taken:
            if not 0 <= token < len(decision.choices):
                raise SpaceError(f"{decision.name}: token {token} is not in 0..{len(decision.choices) - 1}")
        return tuple(decision.choices[token] for decision, token in taken)

    def tokens(self, values: Mapping[str, Choice]) -> Tokens:
        """Tokens of a mapping from decision name to choice, such as the parameters of a trial.

        Raises:
            SpaceError: Values are missing, or not among the choices.
        """
        known = sum(decision.name in values for decision in self.decisions)
        taken = self.decisions[:known] if known in self.lengths else self.decisions
        missing = [decision.name for decision in taken if decision.name not in values]
        if missing:
            raise SpaceError(f"space {self.name!r}: no value for {', '.join(missing)}")
        return tuple(decision.token(values[decision.name]) for decision in taken)

    def decode(self, tokens: Sequence[int]) -> A:
        """The architecture that `tokens` spell, in canonical form."""
        return self.build(self.choices(tokens))

    def encode(self, arch: A) -> Tokens:
        """The canonical tokens of `arch`.

        Raises:
            SpaceError: `arch` is not a point of this space; the message names the first decision that has no
                fitting choice.
        """
        chosen = self.choose(arch)
        return tuple(decision.token(choice) for decision, choice in zip(self.decisions, chosen, strict=False))

    def canonical(self, tokens: Sequence[int]) -> Tokens:
        """One spelling for all token sequences that decode to the same architecture."""
        return self.encode(self.decode(tokens))
