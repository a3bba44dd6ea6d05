"""Regularized evolution (Real et al. 2019, algorithm 1), the field's standard baseline, as an Optuna sampler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.history import History, Observation
from mnas.controllers.joint import JointSampler
from mnas.controllers.reader import Reader
from mnas.controllers.steps import Steps
from mnas.controllers.trials import Menu, menu_of
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
        halves: Whether a mutation is first drawn to be one of a hidden state (of what a block reads) or of an operator,
            each as often (section 3); if not, all decisions are as likely. Decisions that point to earlier ones, and
            those of their tag, are the hidden states; a space without them has operators only.
        identity: How often a mutation changes nothing, and the parent is evaluated again.
    """

    population: int = 20
    tournament: int = 10
    unique: bool = True
    halves: bool = False
    identity: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.identity < 1:
            raise SearchError(f"evolution identity is {self.identity}: it is a share from 0 to below 1")
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
            history, (self._mutated(steps, parent.tokens, 1 + attempt // 20, rng) for attempt in range(_TRIES))
        )

    def _mutated(self, steps: Steps, tokens: Tokens, changes: int, rng: np.random.Generator) -> Tokens:
        """Other choices for ``changes`` decisions drawn with replacement."""
        if self.identity and rng.random() < self.identity:
            return tokens
        result = list(tokens)
        kinds = _hidden_states_and_operators(steps) if self.halves else [_open(steps)]
        for _ in range(changes if kinds[0] else 0):
            kind = kinds[int(rng.integers(len(kinds)))]
            step = kind[int(rng.integers(len(kind)))]
            result[step] = (result[step] + 1 + int(rng.integers(steps.sizes[step] - 1))) % steps.sizes[step]
        return tuple(result)

    def _first_new(self, history: History, candidates: Iterable[Tokens]) -> Tokens:
        tokens: Tokens = ()
        for tokens in candidates:
            if not self.unique or history.find(history.steps.key(tokens)) is None:
                return tokens
        return tokens


def _random(steps: Steps, rng: np.random.Generator) -> Tokens:
    return tuple(int(token) for token in rng.integers(steps.sizes))


def _open(steps: Steps) -> list[int]:
    return [step for step, size in enumerate(steps.sizes) if size > 1]


def _hidden_states_and_operators(steps: Steps) -> list[list[int]]:
    """The decisions of each kind of mutation; a kind that has none is left out."""
    pointing = {tag for step, tag in enumerate(steps.tags) if steps.points(step)}
    kinds = [[step for step in _open(steps) if (steps.tags[step] in pointing) == hidden] for hidden in (True, False)]
    return [kind for kind in kinds if kind] or [[]]


AMOEBANET = Evolution(population=100, tournament=25, unique=False, halves=True, identity=0.05)
"""As published (Real et al. 2019, section 3 and appendix): the best of 25 out of a population of 100 is the parent, of
which one hidden state or one operator mutates. That 5 % of the mutations change nothing is quoted from memory."""


class EvolutionSampler(JointSampler):
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
        super().__init__(seed)
        self.evolution = evolution or Evolution()
        self.batch = batch
        self._reader = Reader(None if space is None else menu_of(space), () if reward is None else (reward,))

    def _menu(self, study: Study, trial: FrozenTrial) -> Menu | None:
        trials = study.get_trials(deepcopy=False)
        self._reader.is_new(study, trials)
        return self._reader.menu(trials, self._known(trial.number))

    def _tokens(self, study: Study, trial: FrozenTrial, menu: Menu) -> Tokens:
        """A batch is drawn from its start, so that no two of it are alike."""
        tokens: Tokens = ()
        known = self._known(trial.number)
        history = self._reader.history(study, study.get_trials(deepcopy=False), menu, known)
        for sibling in range(known, trial.number + 1):
            tokens = self.evolution.propose(history.steps, history, np.random.default_rng([self.seed, 3, sibling]))
            history = history.plus(Observation(sibling, tokens, history.steps.key(tokens), None))
        return tokens

    def _known(self, number: int) -> int:
        return number // self.batch * self.batch
