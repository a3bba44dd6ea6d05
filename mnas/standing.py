"""How a search stands: its finished trials, the best one and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True, slots=True)
class Finished:
    """One finished trial.

    Attributes:
        number: Of the trial.
        arch_hash: Of its architecture.
        accuracy: Of the TFLite file on the validation split.
        latency_ms: Median.
        reward: What the controller was told.
    """

    number: int
    arch_hash: str
    accuracy: float
    latency_ms: float
    reward: float

    @classmethod
    def of(cls, trial: FrozenTrial) -> Self:
        """A complete trial of the study."""
        accuracy, latency_ms = trial.values
        return cls(trial.number, trial.user_attrs["arch_hash"], accuracy, latency_ms, trial.user_attrs["reward"])


def best(trials: Iterable[Finished]) -> Finished | None:
    """The trial of the highest reward; the earlier of equals."""
    return max(trials, key=lambda trial: (trial.reward, -trial.number), default=None)


def front(trials: Iterable[Finished]) -> list[Finished]:
    """The trials that no other beats in accuracy and latency, the fastest first; the earliest of equals."""
    members: list[Finished] = []
    for trial in sorted(trials, key=lambda trial: (trial.latency_ms, -trial.accuracy, trial.number)):
        if not members or trial.accuracy > members[-1].accuracy:
            members.append(trial)
    return members
