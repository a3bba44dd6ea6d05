"""Keeps a controller abreast of a study: one update a batch of trials, from a checkpoint or from the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers.blas import one_thread
from mnas.controllers.checkpoint import Saved, fingerprint, identity, load, save
from mnas.controllers.controller import Controller, State
from mnas.controllers.history import History
from mnas.controllers.proposals import Proposals
from mnas.controllers.reader import Reader
from mnas.controllers.settings import Settings
from mnas.controllers.trials import Menu, RewardOf
from mnas.errors import SearchError
from search_spaces.decision import Tokens

_OVERTAKEN = 2  # batches of later trials that may finish before a batch is learned from without its last ones


class Follower:
    """A controller and the study it has learned from so far.

    Args:
        menu: The parameters, when they are known beforehand.
        settings: The algorithm.
        rewards: One a goal; none means the study's one value.
        seed: Of every draw.
        checkpoint: Where the state is kept.
    """

    def __init__(
        self,
        menu: Menu | None,
        settings: Settings,
        rewards: Sequence[RewardOf],
        seed: int,
        checkpoint: Path | None,
    ) -> None:
        self.settings = settings
        self.updates = 0
        self.state: State | None = None
        self._fixed = menu
        self._rewards = tuple(rewards)
        self._seed = seed
        self._path = checkpoint
        self._reader = Reader(menu, rewards)
        self._forget()

    def _forget(self) -> None:
        self.updates, self.state = 0, None
        self._menu: Menu | None = None
        self._controller: Controller | None = None
        self._used: tuple[int, ...] = ()
        self._chain = ""
        self._last: tuple[int, int, Proposals] | None = None

    def advance(self, study: Study, index: int) -> Menu | None:
        """Learns from the batches before ``index`` that are complete.

        Returns:
            The parameters that proposals are made for; ``None`` while none is known.

        Raises:
            SearchError: The study's directions or the checkpoint do not fit.
        """
        trials = study.get_trials(deepcopy=False)
        if self._reader.is_new(study, trials):
            self._forget()
            self._start(self._reader.menu(trials, 0))
            if self._path is not None and self._path.exists():
                self._resume(study, trials, self._path)
        before = self.updates
        with one_thread():
            while self.updates < index and self._is_closed(trials, self.updates):
                self._learn(study, trials)
        if self.updates > before and self._path is not None:
            self._save(self._path)
        return self._menu

    def proposal(self, study: Study, index: int, slot: int) -> tuple[Tokens, float]:
        """What one trial of batch ``index`` shall run, and its log-probability; ``advance`` comes first."""
        if self._menu is None:
            raise SearchError("the controller has no parameters to propose yet: call advance first")
        size = self.settings.batch
        trials = study.get_trials(deepcopy=False)
        if self._last is None or self._last[:2] != (index, self.updates):
            history = self._reader.history(study, trials, self._menu, index * size)
            self._last = (index, self.updates, self._drawn(history, index))
        proposals = self._last[2]
        number = index * size + slot
        if self._is_taken(study, trials, number, tuple(proposals.tokens[slot].tolist())):
            proposals = self._drawn(self._others(study, trials, number), index)
        return tuple(proposals.tokens[slot].tolist()), float(proposals.log_probs[slot])

    def _is_taken(self, study: Study, trials: Sequence[FrozenTrial], number: int, tokens: Tokens) -> bool:
        """Whether another trial has this architecture although it was new when the batch was drawn.

        So it is when somebody enqueued it, or when workers run ahead of the updates and draw from different states.
        """
        if not self.settings.unique or self._menu is None:
            return False
        key = self._menu.steps.key(tokens)
        return any(seen.key == key for seen in self._others(study, trials, number).observations)

    def _others(self, study: Study, trials: Sequence[FrozenTrial], number: int) -> History:
        """All other trials, later ones too: where workers run ahead, numbers are no order of time."""
        if self._menu is None:
            raise SearchError("the controller has no parameters to propose yet: call advance first")
        history = self._reader.history(study, trials, self._menu, len(trials))
        return History(self._menu.steps, [seen for seen in history.observations if seen.number != number])

    def _drawn(self, history: History, index: int) -> Proposals:
        if self._controller is None or self.state is None:
            raise SearchError("the controller has no parameters to propose yet: call advance first")
        with one_thread():
            return self._controller.propose(self.state, history, index)

    def _start(self, menu: Menu | None) -> None:
        """Takes up a menu, keeping what was learned about the parameters it shares with the last."""
        if menu is None or (self._menu is not None and menu == self._menu):
            return
        goals = max(1, len(self._rewards))
        controller = Controller(menu.steps, self.settings, seed=self._seed, goals=goals)
        if self._controller is None or self.state is None:
            self.state = controller.initial()
        else:
            self.state = controller.adopt(self._controller, self.state)
        self._menu, self._controller = menu, controller

    def _is_closed(self, trials: Sequence[FrozenTrial], index: int) -> bool:
        size = self.settings.batch
        end = (index + 1) * size
        if all(trial.state.is_finished() for trial in trials[index * size : end]):
            return True
        return sum(trial.state.is_finished() for trial in trials[end:]) >= _OVERTAKEN * size

    def _learn(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        size = self.settings.batch
        end = (self.updates + 1) * size
        self._start(self._reader.menu(trials, end))
        if self._menu is not None and self._controller is not None and self.state is not None:
            history = self._reader.history(study, trials, self._menu, end)
            batch = [seen for seen in history.observations if seen.number >= end - size]
            self.state = self._controller.update(self.state, history, self.updates, batch)
            told = [seen for seen in batch if seen.rewards is not None]
            for seen in told:
                self._used += (seen.number,)
                self._chain = fingerprint(self._chain, trials[seen.number])
        self.updates += 1

    def _about(self) -> dict[str, Any]:
        steps = None if self._fixed is None else self._fixed.steps
        return identity(steps, self.settings, self._seed)

    def _save(self, path: Path) -> None:
        if self.state is None or self._menu is None:
            return
        rewards = [repr(reward) for reward in self._rewards]
        save(path, Saved(self.state, self.updates, self._used, self._chain, rewards), self._about())

    def _resume(self, study: Study, trials: Sequence[FrozenTrial], path: Path) -> None:
        """Takes up the checkpoint; one made for other rewards is learned again from the trials."""
        saved = load(path, self._about())
        if saved.rewards != [repr(reward) for reward in self._rewards]:
            return
        chain = ""
        for number in saved.used:
            chain = fingerprint(chain, trials[number]) if number < len(trials) else ""
        menu = self._reader.menu(trials, saved.updates * self.settings.batch)
        short = len(trials) < saved.updates * self.settings.batch
        if menu is None or short or chain != saved.chain:
            raise SearchError(
                f"checkpoint {path} was not made by this study's trials: give another path, or delete it and the "
                "controller is rebuilt from the trials"
            )
        self._start(menu)
        if self._controller is None or len(saved.state.weights) != self._controller.policy.weight_count:
            # Parameters were discovered in an order that only the running search saw.
            self._forget()
            self._start(self._reader.menu(trials, 0))
            return
        self.state, self.updates = saved.state, saved.updates
        self._used, self._chain = saved.used, saved.chain
