"""One search at work: what all of its steps share, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnas.reward import Reward
from mnas.run import Run
from mnas.search.display import Display
from mnas.search.evaluator import Evaluator
from mnas.search.standing import Finished
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
    seed: int = 0

    def complete(self) -> list[optuna.trial.FrozenTrial]:
        """The trials that have a metric and a latency."""
        import optuna

        return self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])

    def finished(self) -> list[Finished]:
        """The same as the record of a trial tells them."""
        return [Finished.of(trial, self.run) for trial in self.complete()]
