"""How a search stands: its finished trials, the best one and the Pareto front."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_REASONS_SHOWN = 5


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


def failures(study: optuna.Study) -> str:
    """How many trials have failed, and of what: reasons that differ only in their numbers count as one."""
    reasons = [
        str(trial.user_attrs.get("error", "unknown reason"))
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name == "FAIL"
    ]
    if not reasons:
        return "no trial failed"
    kinds = Counter(_without_numbers(reason) for reason in reasons)
    examples = {_without_numbers(reason): reason for reason in reversed(reasons)}
    shown = [f"{count} x {examples[kind]}" for kind, count in kinds.most_common(_REASONS_SHOWN)]
    more = f"; {len(kinds) - len(shown)} other reasons" if len(kinds) > len(shown) else ""
    return f"{len(reasons)} of {len(study.get_trials(deepcopy=False))} trials failed: {'; '.join(shown)}{more}"


def _without_numbers(reason: str) -> str:
    return re.sub(r"[0-9a-f]*\d[0-9a-f.]*", "#", reason)
