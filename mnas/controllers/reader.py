"""Reads a study for a sampler: the menu and the observations up to a trial number, each trial converted once."""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.history import History, Observation
from mnas.controllers.trials import Menu, RewardOf, learned_menu, observe, scorer
from mnas.errors import SearchError


class Reader:
    """A sampler's view of one study.

    Args:
        menu: The parameters, when they are known beforehand.
        rewards: See ``scorer``.
    """

    def __init__(self, menu: Menu | None, rewards: Sequence[RewardOf]) -> None:
        self._fixed = menu
        self._rewards = tuple(rewards)
        self._storage: weakref.ref[BaseStorage] | None = None
        self._study_id = -1
        self._first: tuple[object, ...] | None = None
        self._menu: Menu | None = None
        self._finished: dict[int, Observation] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the storage, which no copy can point to: the copy reads its study anew."""
        return {**self.__dict__, "_storage": None}

    def is_new(self, study: Study, trials: Sequence[FrozenTrial]) -> bool:
        """Whether this is another study than last time; what was remembered of that one is forgotten.

        A study is known by its storage, its number there, and its first trial: addresses and numbers are used again
        once a storage or a study is gone.
        """
        begin = next((trial for trial in trials[:1] if trial.state.is_finished()), None)
        first = None if begin is None else (begin._trial_id, begin.datetime_start, begin.datetime_complete)
        same_place = self._storage is not None and self._storage() is study._storage
        if same_place and self._study_id == study._study_id and self._first in (None, first):
            self._first = first
            return False
        self._storage, self._study_id, self._first = weakref.ref(study._storage), study._study_id, first
        self._menu, self._finished = None, {}
        return True

    def menu(self, trials: Sequence[FrozenTrial], below: int) -> Menu | None:
        """The parameters known from finished trials with a smaller number, unless they are fixed."""
        if self._fixed is not None:
            return self._fixed
        return learned_menu([trial for trial in trials[:below] if trial.state.is_finished()])

    def history(self, study: Study, trials: Sequence[FrozenTrial], menu: Menu, below: int) -> History:
        """All trials with a smaller number, as observations."""
        if menu is not self._menu and (self._menu is None or menu != self._menu):
            self._menu, self._finished = menu, {}
        score: Callable[[Sequence[float]], tuple[float, ...]] = scorer(self._rewards, study.directions)
        observations = []
        for trial in trials[:below]:
            seen = self._finished.get(trial.number)
            if seen is None:
                seen = observe(trial, menu, score)
                if trial.state.is_finished():
                    self._finished[trial.number] = seen
            if any(token >= 0 for token in seen.tokens):
                observations.append(seen)
        return History(menu.steps, observations)


def uniform(rng: np.random.Generator, distribution: BaseDistribution) -> object:
    """A value drawn uniformly (on a logarithmic scale where the distribution asks for it)."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    if isinstance(distribution, IntDistribution):
        if distribution.log:
            low, high = np.log(distribution.low - 0.5), np.log(distribution.high + 0.5)
            return int(np.clip(round(np.exp(rng.uniform(low, high))), distribution.low, distribution.high))
        count = (distribution.high - distribution.low) // distribution.step + 1
        return distribution.low + distribution.step * int(rng.integers(count))
    if isinstance(distribution, FloatDistribution):
        return _uniform_float(rng, distribution)
    raise SearchError(f"a {type(distribution).__name__} cannot be sampled: use a categorical, integer or float one")


def _uniform_float(rng: np.random.Generator, distribution: FloatDistribution) -> float:
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is not None:
        count = round((high - low) / step) + 1
        return float(min(high, low + step * int(rng.integers(count))))
    if distribution.log:
        return float(np.clip(np.exp(rng.uniform(np.log(low), np.log(high))), low, high))
    return float(rng.uniform(low, high))


def draw_alone(seed: int, number: int, name: str, distribution: BaseDistribution) -> Any:
    """A uniform draw that is a function of the sampler's seed, the trial's number and the parameter's name."""
    return uniform(np.random.default_rng([seed, 2, number, zlib.crc32(name.encode())]), distribution)
