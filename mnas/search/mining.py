"""Thousands of networks judged with shared weights: the controller learns from them, the best are worth a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from device_bench.terminal import counted
from device_bench.timing.timing import Timing
from mnas.config import SearchSection
from mnas.controllers.algorithms import Assignment, algorithm
from mnas.latency.timer import usable
from mnas.objectives import Objectives, directions
from mnas.reward import Reward
from mnas.run import sqlite_url
from mnas.search.session import Session
from mnas.search.standing import Finished, front
from mnas.search.trials import batch_of, first_open, open_proposals
from search_spaces import Arch

if TYPE_CHECKING:
    import optuna

Judge = Callable[[Sequence[Arch]], list[float]]
"""Networks -> what each of them is expected to reach when it is trained alone."""

Clock = Callable[[Sequence[Arch], int], list[Timing]]
"""Networks and a number that orders the sessions -> the latency of each."""

_STUDY = "sharing"
_SAID_EVERY = 100


@dataclass(frozen=True, slots=True)
class Mine:
    """A search among networks with shared weights.

    Attributes:
        session: The search whose space, rewards and seed it has.
        settings: Names the algorithm and its batch.
        folder: Keeps its trials and its controller, so that it resumes.
        judge: Tells what networks are worth.
        clock: Tells how fast they are.
    """

    session: Session
    settings: SearchSection
    folder: Path
    judge: Judge
    clock: Clock

    def dig(self, candidates: int) -> list[Finished]:
        """Judges so many networks, those from before a resume included.

        Returns:
            Those that have a latency, with what they are expected to reach alone as their value.
        """
        import optuna

        session, metric = self.session, self.session.run.task.metric
        study = optuna.create_study(
            study_name=_STUDY,
            storage=sqlite_url(self.folder / "candidates.db"),
            directions=directions(maximize=metric.maximize),
            load_if_exists=True,
        )
        chosen = algorithm(self.settings.algorithm)
        batch = self.settings.batch or chosen.batch
        work = Assignment(
            session.space, session.rewards, batch, session.seed, self.folder / "controller.npz", candidates
        )
        sampler_of = chosen.samplers(work)
        said = first_open(study)
        while (first := first_open(study)) < candidates:
            self._batch(study, batch_of(first, batch, candidates), sampler_of)
            if first_open(study) >= said + _SAID_EVERY:
                said = first_open(study)
                session.display.say(f"shared weights: {said} of {counted(candidates, 'network')} judged")
        return self._found(study)

    def arch(self, one: Finished) -> Arch:
        """The network of what `dig` gave."""
        import optuna

        study = optuna.load_study(study_name=_STUDY, storage=sqlite_url(self.folder / "candidates.db"))
        space = self.session.space
        return space.decode(space.tokens(study.get_trials(deepcopy=False)[one.number].params))

    def _batch(
        self, study: optuna.Study, numbers: range, sampler_of: Callable[[int], optuna.samplers.BaseSampler]
    ) -> None:
        import optuna

        proposals = open_proposals(study, self.session.space, numbers, sampler_of)
        arches = [one.arch for one in proposals]
        values, timings = self.judge(arches), self.clock(arches, proposals[0].trial.number)
        for proposal, value, timing in zip(proposals, values, timings, strict=True):
            proposal.trial.set_user_attr("arch_hash", proposal.arch_hash)
            if usable(timing) and timing.median_ms is not None:
                study.tell(proposal.trial, [value, timing.median_ms])
            else:
                proposal.trial.set_user_attr("error", timing.reason)
                study.tell(proposal.trial, state=optuna.trial.TrialState.FAIL)

    def _found(self, study: optuna.Study) -> list[Finished]:
        metric = self.session.run.task.metric
        reward = self.session.rewards[0]
        return [
            Finished(trial.number, trial.user_attrs["arch_hash"], *measured, reward(*measured), metric)
            for trial in study.get_trials(deepcopy=False)
            if trial.state.name == "COMPLETE"
            for measured in [Objectives.of(trial)]
        ]


def worth_training(session: Session, found: Sequence[Finished], known: set[str], count: int) -> list[Finished]:
    """The networks that a training of their own is worth.

    Half of them have the highest rewards, target after target; the others spread over the front, from the fastest to
    the best.

    Args:
        session: Its rewards.
        found: What was judged.
        known: Hashes of networks that are trained already.
        count: How many, at most.
    """
    fresh = list({one.arch_hash: one for one in reversed(found) if one.arch_hash not in known}.values())[::-1]
    chosen: dict[str, Finished] = {}
    by_target = [_ranked(fresh, reward) for reward in session.rewards]
    for place in range(len(fresh)):
        for ranked in by_target:
            if len(chosen) < (count + 1) // 2:
                chosen.setdefault(ranked[place].arch_hash, ranked[place])
    rest = front(one for one in fresh if one.arch_hash not in chosen)
    wanted = min(count - len(chosen), len(rest))
    for place in np.unique(np.linspace(0, len(rest) - 1, wanted).round().astype(int)) if wanted else ():
        chosen[rest[place].arch_hash] = rest[place]
    return list(chosen.values())


def _ranked(networks: Iterable[Finished], reward: Reward) -> list[Finished]:
    return sorted(networks, key=lambda one: -reward(one.value, one.latency_ms))
