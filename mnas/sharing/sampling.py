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

    def networks(self, step: int, steps: int) -> list[Tokens]:
        """The networks of a step; in a sandwich the first teaches the others.

        In a warm-up of filters every network is as wide as the space allows. In one of operators there are as many
        networks as an operator has alternatives, and each alternative is in one of them, so that all get to learn;
        TuNAS runs all of them in one network and averages what they give.
        """
        rng = np.random.default_rng([self.seed, 5, step])
        widest, every = rng.random(2) < warmup(step, steps, self.share)
        if self.sampling == "sandwich":
            ends = [self.space.encode(one) for one in (self.graph.largest, self.graph.smallest)]
            return [*ends, *(self._drawn(rng, bool(widest)) for _ in range(_RANDOM_SLICES))]
        return self._fair(rng, bool(widest)) if every else [self._drawn(rng, bool(widest))]

    def _drawn(self, rng: np.random.Generator, widest: bool) -> Tokens:
        tokens = self.space.sample(rng)
        return tuple(
            len(decision.choices) - 1 if widest and decision.tag in self.graph.width_tags else token
            for decision, token in zip(self.space.decisions, tokens, strict=True)
        )

    def _fair(self, rng: np.random.Generator, widest: bool) -> list[Tokens]:
        """Networks that have each operator of each place once, or equally often."""
        places = [row for row, one in enumerate(self.space.decisions) if one.tag in self.graph.operator_tags]
        count = max((self.space.sizes[place] for place in places), default=1)
        drawn = [list(self._drawn(rng, widest)) for _ in range(count)]
        for place in places:
            for number, token in enumerate(rng.permutation(count)):
                drawn[number][place] = int(token) % self.space.sizes[place]
        return [tuple(one) for one in drawn]
