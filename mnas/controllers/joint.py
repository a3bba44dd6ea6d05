"""What our samplers have in common: the parameters of a trial are decided together, as one architecture."""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.reader import draw_alone
from mnas.controllers.trials import Menu
from search_spaces.decision import Tokens


class JointSampler(BaseSampler):
    """A sampler that chooses all tokens of a menu at once; whatever the menu lacks is drawn uniformly.

    Several threads may ask at once; they are served one after the other.

    Args:
        seed: Of every draw, >= 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._lock = threading.Lock()

    @abstractmethod
    def _menu(self, study: Study, trial: FrozenTrial) -> Menu | None:
        """The parameters decided together in this trial; ``None`` while none is known."""

    @abstractmethod
    def _tokens(self, study: Study, trial: FrozenTrial, menu: Menu) -> Tokens:
        """What the trial runs: one token for each step of its menu."""

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the lock, which no copy can share."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The copy gets a lock of its own."""
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that are decided together."""
        with self._lock:
            menu = self._menu(study, trial)
        return {} if menu is None else dict(zip(menu.steps.names, menu.distributions, strict=True))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One architecture."""
        if not search_space:
            return {}
        with self._lock:
            menu = self._menu(study, trial)
            chosen = {} if menu is None else menu.values(self._tokens(study, trial, menu))
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
