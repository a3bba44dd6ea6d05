"""How a search stands: its finished trials, the best one and the Pareto front."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from device_bench.terminal import counted
from mnas.errors import SearchError
from mnas.objectives import Objectives
from mnas.records import FinishedTrial, TrialRecord
from mnas.run import Run
from mnas.tasks import DEFAULT, Metric, task

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

T = TypeVar("T")

_REASONS_SHOWN = 5
_STILL_OPEN = "is still open: run its search again, which evaluates it first"


@dataclass(frozen=True, slots=True)
class Finished:
    """One finished trial.

    Attributes:
        number: Of the trial.
        arch_hash: Of its architecture.
        value: The task's metric of the TFLite file on the validation split.
        latency_ms: Median.
        reward: What the controller was told.
        metric: What `value` is.
    """

    number: int
    arch_hash: str
    value: float
    latency_ms: float
    reward: float
    metric: Metric

    @classmethod
    def of(cls, trial: FrozenTrial, record: FinishedTrial, metric: Metric) -> Self:
        """A complete trial with its record."""
        return cls(trial.number, record.arch_hash, *Objectives.of(trial), record.reward, metric)

    @property
    def gain(self) -> float:
        """The value with the sign that makes more of it better."""
        return self.metric.gain(self.value)

    @property
    def words(self) -> str:
        """Metric and latency for the user."""
        return Objectives(self.value, self.latency_ms).words(self.metric)


def best(trials: Iterable[Finished]) -> Finished | None:
    """The trial of the highest reward; the earlier of equals."""
    return max(trials, key=_rank, default=None)


def _rank(trial: Finished) -> tuple[float, int]:
    return trial.reward, -trial.number


def front(trials: Iterable[Finished]) -> list[Finished]:
    """The trials that no other beats in the metric and latency, the fastest first; the earliest of equals."""
    ordered = sorted(trials, key=lambda trial: (trial.latency_ms, -trial.gain, trial.number))
    return unbeaten(ordered, lambda trial: trial.gain)


def unbeaten(ordered: Iterable[T], gain: Callable[[T], float]) -> list[T]:
    """What gains more than all that comes before it, of networks that are ordered from the fastest to the slowest."""
    members: list[T] = []
    for one in ordered:
        if not members or gain(one) > gain(members[-1]):
            members.append(one)
    return members


def failures(study: optuna.Study) -> str:
    """How many trials have failed, and of what: reasons that differ only in their numbers count as one."""
    reasons = [failure(trial) for trial in study.get_trials(deepcopy=False) if trial.state.name == "FAIL"]
    if not reasons:
        return "no trial failed"
    kinds = Counter(_without_numbers(reason) for reason in reasons)
    examples = {_without_numbers(reason): reason for reason in reversed(reasons)}
    shown = [f"{count} x {examples[kind]}" for kind, count in kinds.most_common(_REASONS_SHOWN)]
    more = f"; {counted(len(kinds) - len(shown), 'other reason')}" if len(kinds) > len(shown) else ""
    trials = counted(len(study.get_trials(deepcopy=False)), "trial")
    return f"{len(reasons)} of {trials} failed: {'; '.join(shown)}{more}"


def failure(trial: FrozenTrial) -> str:
    """Why a trial has failed."""
    return TrialRecord.fitting(trial.user_attrs, task(DEFAULT)).error or "unknown reason"


def _without_numbers(reason: str) -> str:
    return re.sub(r"[0-9a-f]*\d[0-9a-f.]*", "#", reason)


def chosen_trial(run: Run, number: int | None) -> FrozenTrial:
    """The trial of a number, or the one of the highest reward.

    Raises:
        SearchError: There is no such trial, or it is not finished.
    """
    trials = run.study().get_trials(deepcopy=False)
    complete = _complete(trials)
    if number is not None and number < len(trials) and number not in complete:
        failed = trials[number].state.is_finished()
        why = f"failed: {failure(trials[number])}" if failed else _STILL_OPEN
        raise SearchError(f"trial {number} of {run.path} {why}")
    if not complete:
        raise SearchError(f"{run.path} has no finished trial to export")
    if number is None:
        number = max(_finished(run, complete.values()), key=_rank).number
    if number not in complete:
        raise SearchError(
            f"{run.path} has no finished trial {number}: they run from {min(complete)} to {max(complete)}"
        )
    return complete[number]


def front_trials(run: Run) -> list[FrozenTrial]:
    """The trials of `front`, in its order.

    Raises:
        SearchError: No trial is finished.
    """
    complete = _complete(run.study().get_trials(deepcopy=False))
    if not complete:
        raise SearchError(f"{run.path} has no finished trial to export")
    return [complete[one.number] for one in front(_finished(run, complete.values()))]


def _complete(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    return {trial.number: trial for trial in trials if trial.state.name == "COMPLETE"}


def _finished(run: Run, trials: Iterable[FrozenTrial]) -> list[Finished]:
    return [Finished.of(trial, run.finished(trial), run.task.metric) for trial in trials]
