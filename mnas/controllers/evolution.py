"""Regularized evolution (Real et al. 2019, algorithm 1), the field's standard baseline, as an Optuna sampler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.history import History, Observation
from mnas.controllers.reader import Reader, draw_alone
from mnas.controllers.steps import Steps
from mnas.controllers.trials import menu_of
from mnas.errors import SearchError
from mnas.reward import Reward
from search_spaces.decision import Space, Tokens

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Evolution:
    """Mutates the best of a random few of the newest architectures; the oldest die.

    Attributes:
        population: How many of the newest told trials live.
        tournament: How many of them compete to be the parent.
        unique: Never propose an architecture twice; the published algorithm does.
    """

    population: int = 20
    tournament: int = 10
    unique: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.tournament <= self.population:
            raise SearchError(
                f"evolution tournament is {self.tournament}: it must be from 1 to the population, {self.population}"
            )

    def propose(self, steps: Steps, history: History, rng: np.random.Generator) -> Tokens:
        """The next architecture, given all trials before it."""
        living = history.told[-self.population :]
        if len(history.told) < self.population or any(-1 in seen.tokens for seen in living):
            return self._first_new(history, (_random(steps, rng) for _ in range(_TRIES)))
        chosen = rng.choice(len(living), size=self.tournament, replace=False)
        parent = max((living[index] for index in sorted(chosen)), key=lambda seen: (seen.rewards or (0.0,))[0])
        # One decision; where all its neighbours are known, two, then more.
        return self._first_new(
            history, (_mutated(steps, parent.tokens, 1 + attempt // 20, rng) for attempt in range(_TRIES))
        )

    def _first_new(self, history: History, candidates: Iterable[Tokens]) -> Tokens:
        tokens: Tokens = ()
        for tokens in candidates:
            if not self.unique or history.find(history.steps.key(tokens)) is None:
                return tokens
        return tokens


def _random(steps: Steps, rng: np.random.Generator) -> Tokens:
    return tuple(int(token) for token in rng.integers(steps.sizes))


def _mutated(steps: Steps, tokens: Tokens, changes: int, rng: np.random.Generator) -> Tokens:
    """Other choices for ``changes`` decisions drawn with replacement."""
    result = list(tokens)
    open_steps = [step for step, size in enumerate(steps.sizes) if size > 1]
    for _ in range(changes if open_steps else 0):
        step = open_steps[int(rng.integers(len(open_steps)))]
        result[step] = (result[step] + 1 + int(rng.integers(steps.sizes[step] - 1))) % steps.sizes[step]
    return tuple(result)


class EvolutionSampler(BaseSampler):
    """Regularized evolution over categorical (and short integer) parameters.

    What a trial runs is a function of the seed, its number and the trials of earlier batches: a search can
    stop anywhere and go on as if it had not.

    Args:
        space: The decisions and their canonical form; ``None`` learns the parameters from the trials.
        reward: As for ``ControllerSampler``.
        seed: Of every draw, >= 0.
        batch: Trials that are proposed without knowing each other's outcome: as many as run at once.
        evolution: Population, tournament and whether an architecture is evaluated twice.

    Raises:
        SearchError: A setting is out of range; when sampling, a study that does not fit.
    """

    def __init__(
        self,
        space: Space[Any] | None = None,
        *,
        reward: Reward | None = None,
        seed: int = 0,
        batch: int = 1,
        evolution: Evolution | None = None,
    ) -> None:
        if seed < 0 or batch < 1:
            raise SearchError(f"evolution seed is {seed} and batch {batch}: they must be at least 0 and 1")
        self.evolution = evolution or Evolution()
        self.seed = seed
        self.batch = batch
        self._reader = Reader(None if space is None else menu_of(space), () if reward is None else (reward,))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that are inherited together."""
        trials = study.get_trials(deepcopy=False)
        self._reader.is_new(study, trials)
        menu = self._reader.menu(trials, self._known(trial.number))
        return {} if menu is None else dict(zip(menu.steps.names, menu.distributions, strict=True))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One architecture."""
        if not search_space:
            return {}
        trials = study.get_trials(deepcopy=False)
        self._reader.is_new(study, trials)
        menu = self._reader.menu(trials, self._known(trial.number))
        chosen: dict[str, Any] = {}
        if menu is not None:
            tokens = self._tokens(self._reader.history(study, trials, menu, self._known(trial.number)), trial.number)
            chosen = {name: menu.value(step, tokens[step]) for step, name in enumerate(menu.steps.names)}
        return {
            name: chosen[name]
            if name in chosen and distribution._contains(distribution.to_internal_repr(chosen[name]))
            else self.sample_independent(study, trial, name, distribution)
            for name, distribution in search_space.items()
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A uniform draw: a function of the seed, the trial's number and the parameter's name."""
        return draw_alone(self.seed, trial.number, param_name, param_distribution)

    def _known(self, number: int) -> int:
        return number // self.batch * self.batch

    def _tokens(self, history: History, number: int) -> Tokens:
        """What trial ``number`` runs: its batch is drawn from the start, so that no two of it are alike."""
        tokens: Tokens = ()
        for sibling in range(self._known(number), number + 1):
            tokens = self.evolution.propose(history.steps, history, np.random.default_rng([self.seed, 3, sibling]))
            history = history.plus(Observation(sibling, tokens, history.steps.key(tokens), None))
        return tokens
