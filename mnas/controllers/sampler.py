"""The controller as an Optuna sampler."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.controller import State
from mnas.controllers.follower import Follower
from mnas.controllers.reader import draw_alone
from mnas.controllers.settings import Settings, settings_for
from mnas.controllers.trials import LOG_PROB, TOKENS, Menu, menu_of
from mnas.errors import SearchError
from mnas.reward import Reward
from search_spaces.decision import Space


class ControllerSampler(BaseSampler):
    """Proposes architectures by an LSTM policy that learns from the study's trials.

    Trials are taken in batches by their number. The state after an update is a function of the seed and the trials up
    to it; the proposals of a batch are a function of that state, the trials before the batch and the trial's number.
    So any process that sees the study gives the same proposals, with or without a checkpoint, which only saves the
    time of learning again. Exactly so when a batch is told before the next is asked for; with more workers than
    that a batch is proposed from the newest state there is.

    Without a space the parameters are learned from the trials: all categorical ones and integers of up to 64
    values, conditional ones included. Everything else, and all of the first batch, is drawn uniformly.

    Failed and pruned trials are not learned from; their architectures are not proposed again.

    Args:
        space: The decisions, and which spellings are one architecture; ``None`` learns them from the trials.
        algorithm: ``"ppo"``, ``"ppo-paper"``, ``"reinforce"`` or ``"ppo-gp"``.
        reward: Makes one number of (accuracy, latency in ms), for a study with directions maximize, minimize. Several
            rewards, such as several targets, are served by one controller, trial by trial in turn. ``None``: the
            study's one value is improved in its direction.
        seed: Of every draw, >= 0.
        checkpoint: A file for the controller's state, written after every update.
        settings: Overrides the algorithm's settings.

    Raises:
        SearchError: An unknown algorithm; when sampling, a study or a checkpoint that does not fit.
    """

    def __init__(
        self,
        space: Space[Any] | None = None,
        *,
        algorithm: str = "ppo",
        reward: Reward | Sequence[Reward] | None = None,
        seed: int = 0,
        checkpoint: Path | str | None = None,
        settings: Settings | None = None,
    ) -> None:
        if seed < 0:
            raise SearchError(f"controller seed is {seed}: it must not be negative")
        self.settings = settings or settings_for(algorithm)
        self.seed = seed
        self.rewards = (reward,) if isinstance(reward, Reward) else tuple(reward or ())
        menu = None if space is None else menu_of(space)
        path = None if checkpoint is None else Path(checkpoint)
        self._follower = Follower(menu, self.settings, self.rewards, seed, path)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the lock, which no copy can share."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The copy gets a lock of its own."""
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that the controller decides together."""
        with self._lock:
            menu = self._follower.advance(study, trial.number // self.settings.batch)
        return {} if menu is None else dict(zip(menu.steps.names, menu.distributions, strict=True))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One architecture: the trial's share of its batch."""
        if not search_space:
            return {}
        with self._lock:
            menu = self._follower.advance(study, trial.number // self.settings.batch)
            chosen = {} if menu is None else self._propose(study, trial, menu)
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

    def sync(self, study: Study) -> State | None:
        """Learns from every complete batch, writes the checkpoint and returns the state.

        Sampling does so on its own; call it when a search ends, to leave its last update on disk.
        """
        with self._lock:
            self._follower.advance(study, len(study.get_trials(deepcopy=False)) // self.settings.batch)
            return self._follower.state

    def _propose(self, study: Study, trial: FrozenTrial, menu: Menu) -> dict[str, Any]:
        index, slot = divmod(trial.number, self.settings.batch)
        tokens, log_prob = self._follower.proposal(study, index, slot)
        storage, trial_id = study._storage, trial._trial_id
        storage.set_trial_system_attr(trial_id, LOG_PROB, log_prob)
        storage.set_trial_system_attr(trial_id, TOKENS, list(tokens))
        return {name: menu.value(step, tokens[step]) for step, name in enumerate(menu.steps.names)}
