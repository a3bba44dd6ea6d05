"""One search at work: what all of its steps share, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnas.records import FinishedTrial
from mnas.reward import Reward
from mnas.run import Run
from mnas.search.display import Display
from mnas.search.evaluator import Evaluator
from search_spaces import Arch, Space

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True)
class Session:
    """What a search has when it proposes, judges, records and ends.

    Attributes:
        run: Where everything is kept.
        space: The decisions.
        rewards: One for each target.
        study: The trials.
        evaluator: Judges and times networks.
        display: Receives what happens.
        seed: Of every draw.
    """

    run: Run
    space: Space[Arch]
    rewards: tuple[Reward, ...]
    study: optuna.Study
    evaluator: Evaluator
    display: Display
    seed: int

    def complete(self) -> list[tuple[optuna.trial.FrozenTrial, FinishedTrial]]:
        """The trials that have a metric and a latency, each with its record."""
        import optuna

        trials = self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
        return [(trial, self.run.finished(trial)) for trial in trials]
