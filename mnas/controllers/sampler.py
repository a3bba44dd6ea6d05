"""The controller as an Optuna sampler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.checkpoint import begun_with
from mnas.controllers.controller import State
from mnas.controllers.follower import Follower
from mnas.controllers.joint import JointSampler
from mnas.controllers.settings import Settings, settings_for
from mnas.controllers.trials import LOG_PROB, TOKENS, Menu, menu_of
from mnas.errors import SearchError
from mnas.reward import Reward
from search_spaces.decision import Space, Tokens


class ControllerSampler(JointSampler):
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
        algorithm: ``"ppo"``, ``"ppo-plain"``, ``"ppo-gp"``, ``"ppo-paper"``, ``"reinforce"``, ``"reinforce-nas"`` or
            ``"enas"``.
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
        super().__init__(seed)
        self.rewards = (reward,) if isinstance(reward, Reward) else tuple(reward or ())
        menu = None if space is None else menu_of(space)
        path = None if checkpoint is None else Path(checkpoint)
        self.settings = begun_with(path, settings or settings_for(algorithm, space))
        self._follower = Follower(menu, self.settings, self.rewards, seed, path)

    def sync(self, study: Study) -> State | None:
        """Learns from every complete batch, writes the checkpoint and returns the state.

        Sampling does so on its own; call it when a search ends, to leave its last update on disk.
        """
        with self._lock:
            self._follower.advance(study, len(study.get_trials(deepcopy=False)) // self.settings.batch)
            return self._follower.state

    def _menu(self, study: Study, trial: FrozenTrial) -> Menu | None:
        return self._follower.advance(study, trial.number // self.settings.batch)

    def _tokens(self, study: Study, trial: FrozenTrial, menu: Menu) -> Tokens:
        """The trial's share of its batch; what was proposed stays with the trial, for the update."""
        index, slot = divmod(trial.number, self.settings.batch)
        tokens, log_prob = self._follower.proposal(study, index, slot)
        storage, trial_id = study._storage, trial._trial_id
        storage.set_trial_system_attr(trial_id, LOG_PROB, log_prob)
        storage.set_trial_system_attr(trial_id, TOKENS, list(tokens))
        return tokens
