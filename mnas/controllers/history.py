"""What a search has tried so far: the only memory that proposals and updates are functions of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnas.controllers.arrays import Ints
from mnas.controllers.steps import Steps
from search_spaces.decision import Tokens


@dataclass(frozen=True, slots=True)
class Observation:
    """One trial as a controller sees it.

    Attributes:
        number: The trial's number; the order of time.
        tokens: One a step; -1 where the trial did not take the decision.
        key: The canonical spelling.
        rewards: One a goal; ``None`` for a failed, pruned or unfinished trial, which teaches nothing.
        log_prob: Of the tokens when they were proposed; ``None`` when the controller did not propose them.
    """

    number: int
    tokens: Tokens
    key: Tokens
    rewards: tuple[float, ...] | None
    log_prob: float | None = None


class History:
    """Observations in the order of their numbers.

    Args:
        steps: The decisions.
        observations: In any order.
    """

    def __init__(self, steps: Steps, observations: Iterable[Observation]) -> None:
        self.steps = steps
        self.observations = sorted(observations, key=lambda observation: observation.number)
        self.told = [observation for observation in self.observations if observation.rewards is not None]
        self._keys = {observation.key for observation in self.observations}
        partial = [key for key in self._keys if -1 in key]
        self._partial: Ints = np.array(sorted(partial), dtype=np.int64).reshape(-1, len(steps.sizes))
        self._by_key: dict[Tokens, list[Observation]] = {}
        for observation in self.told:
            self._by_key.setdefault(observation.key, []).append(observation)
        self._sorted: dict[int, NDArray[np.float64]] = {}

    def __len__(self) -> int:
        return len(self.observations)

    def plus(self, observation: Observation) -> History:
        """A history with one more observation."""
        return History(self.steps, [*self.observations, observation])

    @property
    def distinct(self) -> int:
        """How many different architectures were tried."""
        return len(self._keys)

    def find(self, key: Tokens) -> Tokens | None:
        """The key of the trial that tried this architecture, ``None`` when there is none.

        A trial that left decisions open matches whatever agrees with those it took: the values it saw decide
        which decisions it goes on to take.
        """
        if key in self._keys:
            return key
        if not len(self._partial):
            return None
        same = ((self._partial == np.array(key)) | (self._partial < 0)).all(axis=1)
        if not same.any():
            return None
        return tuple(int(token) for token in self._partial[int(np.argmax(same))])

    def reward(self, key: Tokens, goal: int = 0) -> float | None:
        """Mean reward of the trials of one architecture; ``None`` when none was told."""
        told = self._by_key.get(key)
        return self._mean(told, goal) if told else None

    def quantile(self, rewards: Sequence[float], goal: int = 0) -> NDArray[np.float64]:
        """Where rewards stand among all told so far, in [0, 1]; equals share their middle. ``[rewards]``."""
        if goal not in self._sorted:
            values = [observation.rewards[goal] for observation in self.told if observation.rewards]
            self._sorted[goal] = np.sort(np.array(values))
        every = self._sorted[goal]
        below = np.searchsorted(every, rewards, side="left")
        not_above = np.searchsorted(every, rewards, side="right")
        return (below + not_above) / (2.0 * max(1, len(every)))

    def told_distinct(self, goal: int = 0) -> list[tuple[Tokens, float]]:
        """Every architecture that was told, by key, with its mean reward; oldest first."""
        return [(key, self._mean(told, goal)) for key, told in self._by_key.items()]

    def best(self, count: int, goal: int = 0) -> list[tuple[Tokens, float]]:
        """The best distinct architectures, best first: tokens as first tried, and mean reward."""
        means = [(told[0], self._mean(told, goal)) for told in self._by_key.values()]
        ranked = sorted(means, key=lambda item: (-item[1], item[0].number))
        return [(observation.tokens, reward) for observation, reward in ranked[:count]]

    @staticmethod
    def _mean(told: Sequence[Observation], goal: int) -> float:
        return math.fsum(observation.rewards[goal] for observation in told if observation.rewards) / len(told)
