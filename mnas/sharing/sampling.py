"""Which networks a step of a training with shared weights trains: a function of the seed and the step alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mnas.sharing.schedule import warmup
from search_spaces import Space
from search_spaces.decision import Tokens
from search_spaces.shared import SharedGraph

Sampling = Literal["uniform", "sandwich"]

_RANDOM_SLICES = 2
"""Networks between the largest and the smallest in a sandwich (AttentiveNAS's code: 2)."""


@dataclass(frozen=True, slots=True)
class Sampler:
    """Chooses the networks of each step.

    Attributes:
        space: The decisions.
        graph: The networks in one.
        sampling: `uniform`: one network, every choice equally likely (Guo et al., Single Path One-Shot, ECCV 2020).
            `sandwich`: the largest, the smallest, and two such ones (Yu et al., BigNAS, ECCV 2020, section 3.1).
        share: Share of the steps over which the warm-ups fade.
        seed: Of every draw.
    """

    space: Space[Any]
    graph: SharedGraph[Any]
    sampling: Sampling
    share: float
    seed: int

    def networks(self, step: int, steps: int) -> list[list[Tokens]]:
        """The networks of a step, those that are taken in one together; in a sandwich the first teaches the others.

        In a warm-up of filters every network is as wide as the space allows. In one of operators it has all operators
        at once, each place giving the mean of what they make.
        """
        rng = np.random.default_rng([self.seed, 5, step])
        widest, every = rng.random(2) < warmup(step, steps, self.share)
        drawn = self._drawn(rng, bool(widest))
        if self.sampling == "uniform":
            return [self._mixed(drawn) if every else [drawn]]
        ends = [self.space.encode(one) for one in (self.graph.largest, self.graph.smallest)]
        between = [drawn, *(self._drawn(rng, bool(widest)) for _ in range(_RANDOM_SLICES - 1))]
        return [[one] for one in (*ends, *between)]

    def _drawn(self, rng: np.random.Generator, widest: bool) -> Tokens:
        tokens = self.space.sample(rng)
        return tuple(
            len(decision.choices) - 1 if widest and decision.tag in self.graph.width_tags else token
            for decision, token in zip(self.space.decisions, tokens, strict=True)
        )

    def _mixed(self, drawn: Tokens) -> list[Tokens]:
        """A network with each operator in all places, and with whatever else `drawn` has."""
        places = {row for row, one in enumerate(self.space.decisions) if one.tag in self.graph.operator_tags}
        count = max((self.space.sizes[place] for place in places), default=1)
        return [
            tuple(number % self.space.sizes[row] if row in places else token for row, token in enumerate(drawn))
            for number in range(count)
        ]
