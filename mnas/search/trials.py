"""The trials of a batch: new ones asked for, and those that an earlier process left open taken up again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces import Arch, Space, arch_hash

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial


@dataclass(frozen=True, slots=True)
class Proposal:
    """An open trial and the architecture it stands for."""

    trial: Trial
    arch: Arch
    arch_hash: str


def batch_of(first: int, batch: int, trials: int) -> range:
    """Trial numbers of the batch around trial `first`: batches begin at multiples of `batch`, wherever a run ends."""
    begin = first // batch * batch
    return range(begin, min(begin + batch, trials))


def first_open(study: optuna.Study) -> int:
    """The lowest trial number that is not finished."""
    trials = study.get_trials(deepcopy=False)
    return next((trial.number for trial in trials if not trial.state.is_finished()), len(trials))


def open_proposals(
    study: optuna.Study, space: Space[Arch], numbers: range, sampler_of: Callable[[int], BaseSampler]
) -> list[Proposal]:
    """The trials of `numbers` that are not finished; missing ones are asked for, in order.

    A trial that a killed process left open keeps what it has suggested; the sampler adds what is missing. A
    controller adds what it would have then; a sampler of Optuna may not, in that one trial.

    Args:
        study: Where the trials are.
        space: What they choose from.
        numbers: Of the trials of one batch.
        sampler_of: Trial number -> the sampler that proposes it.
    """
    import optuna

    known = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    proposals = []
    for number in numbers:
        if number in known and known[number].state.is_finished():
            continue
        study.sampler = sampler_of(number)
        if number in known and known[number].state == optuna.trial.TrialState.RUNNING:
            trial = optuna.trial.Trial(study, known[number]._trial_id)
        else:
            trial = study.ask()
        values = _suggested(space, trial)
        arch = space.decode(space.tokens(values))
        proposals.append(Proposal(trial, arch, arch_hash(arch)))
    return proposals


def _suggested(space: Space[Arch], trial: Trial) -> dict[str, Any]:
    """The choices of a trial: of the decisions that its sampler takes together, if an architecture can have so many."""
    values: dict[str, Any] = {}
    for place, decision in enumerate(space.decisions):
        # Optuna asks the sampler which these are at the first suggestion.
        if place and place in space.lengths and place == len(trial.relative_search_space or ()):
            break
        values[decision.name] = trial.suggest_categorical(decision.name, decision.choices)
    return values
