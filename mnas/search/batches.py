"""Batches of trials: proposed together, evaluated together, and told in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.terminal import counted
from mnas.config import SearchSection
from mnas.controllers.algorithms import Assignment, algorithm
from mnas.errors import CandidatesWait
from mnas.records import FinishedTrial, TrialRecord
from mnas.reward import rewarded
from mnas.search.evaluator import Candidate, Failed, Waiting, waits
from mnas.search.session import Session
from mnas.search.standing import Finished, failures
from mnas.search.trials import Proposal, batch_of, first_open, open_proposals
from search_spaces import describe

if TYPE_CHECKING:
    import optuna


def evaluate_trials(session: Session, settings: SearchSection) -> None:
    """Finishes the open trials and all new ones up to `search.trials`.

    Raises:
        CandidatesWait: The device was lost, or not fit to time a trained candidate.
    """
    study = session.study
    finished = [Finished.of(*one, session.run.task.metric) for one in session.complete()]
    session.display.begin(settings.trials, finished)
    for proposals in proposed(study, session, settings, session.run.checkpoint, settings.trials):
        _batch(session, proposals)
    _leave_last_update(study)


def proposed(
    study: optuna.Study, session: Session, settings: SearchSection, checkpoint: Path, trials: int
) -> Iterator[list[Proposal]]:
    """The open trials of each batch, until so many are finished; whoever takes a batch finishes it.

    Args:
        study: Where the trials are.
        session: Gives the space, the rewards and the seed.
        settings: Names the algorithm and its batch.
        checkpoint: Where what was learned may be kept.
        trials: How many there are to be.
    """
    chosen = algorithm(settings.algorithm)
    batch = settings.batch or chosen.batch
    work = Assignment(session.space, session.rewards, batch, session.seed, checkpoint, trials)
    sampler_of = chosen.samplers(work)
    while (first := first_open(study)) < trials:
        yield open_proposals(study, session.space, batch_of(first, batch, trials), sampler_of)


def _batch(session: Session, proposals: list[Proposal]) -> None:
    """Evaluates a batch.

    A batch that has to wait ends the search: the next one is a function of what this one teaches.
    """
    outcomes = session.evaluator.evaluate(
        {one.arch_hash: (one.arch, session.run.candidate(one.arch_hash)) for one in proposals},
        seed=proposals[0].trial.number,
    )
    waiting: dict[int, str] = {}
    for proposal in proposals:
        outcome = outcomes[proposal.arch_hash]
        if isinstance(outcome, Waiting):
            waiting[proposal.trial.number] = outcome.reason
        else:
            _tell(session, proposal, outcome)
    if waiting:
        numbers, reasons = ", ".join(map(str, waiting)), "; ".join(dict.fromkeys(waiting.values()))
        raise CandidatesWait(
            f"{len(waiting)} of {counted(len(proposals), 'candidate')} {waits(len(waiting))} "
            f"({'trial' if len(waiting) == 1 else 'trials'} {numbers}: {reasons}); {failures(session.study)}"
        )


def _tell(session: Session, proposal: Proposal, outcome: Candidate | Failed) -> None:
    """Records a trial; a failed one keeps its reason and has no value that the controller could learn from."""
    import optuna

    trial, task = proposal.trial, session.run.task
    described = describe(proposal.arch)
    if isinstance(outcome, Failed):
        _keep(trial, TrialRecord(**described, error=outcome.reason).stored(task))
        session.study.tell(trial, state=optuna.trial.TrialState.FAIL)
        session.display.failed(trial.number, outcome.reason)
        return
    measured = outcome.objectives
    rewards = rewarded(session.rewards, trial.number, *measured)
    record = FinishedTrial(**described, **outcome.facts(), **rewards)
    _keep(trial, record.stored(task))
    session.study.tell(trial, measured)
    session.display.done(Finished(trial.number, record.arch_hash, *measured, record.reward, task.metric))


def _leave_last_update(study: optuna.Study) -> None:
    from mnas.controllers.sampler import ControllerSampler

    if isinstance(study.sampler, ControllerSampler):
        study.sampler.sync(study)


def _keep(trial: optuna.trial.Trial, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        trial.set_user_attr(key, value)
