"""Thousands of networks judged with shared weights: the controller learns from them, the best are worth a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from device_bench.terminal import counted
from device_bench.timing.timing import Timing
from mnas.config import SearchSection
from mnas.errors import SearchError
from mnas.latency.timer import usable
from mnas.objectives import Objectives, directions
from mnas.reward import Reward
from mnas.run import Run, sqlite_url
from mnas.search.batches import proposed
from mnas.search.session import Session
from mnas.search.standing import unbeaten
from mnas.search.trials import Proposal
from mnas.tasks import Metric
from search_spaces import Arch, Space, arch_hash

if TYPE_CHECKING:
    import optuna

Judge = Callable[[Sequence[Arch]], list[float]]
"""Networks -> what each of them is expected to reach when it is trained alone."""

Clock = Callable[[Sequence[Arch], int], list[Timing]]
"""Networks and a number that orders the sessions -> the latency of each."""

_STUDY, _FILE = "sharing", "candidates.db"
_SAID_EVERY = 100


@dataclass(frozen=True, slots=True)
class Judged:
    """A network that was judged with shared weights.

    Attributes:
        arch: The network.
        value: What it is expected to reach alone.
        latency_ms: Median.
    """

    arch: Arch
    value: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Mine:
    """A search among networks with shared weights.

    Attributes:
        session: The search whose space, rewards and seed it has.
        settings: Names the algorithm and its batch.
        judge: Tells what networks are worth.
        clock: Tells how fast they are.
    """

    session: Session
    settings: SearchSection
    judge: Judge
    clock: Clock

    def dig(self, candidates: int) -> list[Judged]:
        """Judges so many networks, those from before a resume included; gives those that have a latency."""
        import optuna

        session, folder = self.session, self.session.run.sharing
        study = optuna.create_study(
            study_name=_STUDY,
            storage=sqlite_url(folder / _FILE),
            directions=directions(maximize=session.run.task.metric.maximize),
            load_if_exists=True,
        )
        for proposals in proposed(study, session, self.settings, folder / "controller.npz", candidates):
            self._batch(study, proposals)
            first, done = proposals[0].trial.number, proposals[-1].trial.number + 1
            if done // _SAID_EVERY > first // _SAID_EVERY:
                session.display.say(f"{done} of {counted(candidates, 'network')} judged with shared weights")
        return _judged(study, session.space)

    def _batch(self, study: optuna.Study, proposals: list[Proposal]) -> None:
        import optuna

        arches = [one.arch for one in proposals]
        values, timings = self.judge(arches), self.clock(arches, proposals[0].trial.number)
        for proposal, value, timing in zip(proposals, values, timings, strict=True):
            if usable(timing) and timing.median_ms is not None:
                study.tell(proposal.trial, [value, timing.median_ms])
            else:
                proposal.trial.set_user_attr("error", timing.reason)
                study.tell(proposal.trial, state=optuna.trial.TrialState.FAIL)


def judged(run: Run) -> list[Judged]:
    """The networks that a search has judged with shared weights.

    Raises:
        SearchError: There are none yet.
    """
    import optuna

    file = run.sharing / _FILE
    if not file.exists():
        raise SearchError(f"{run.path} has judged no network with shared weights yet: let its search continue")
    space = run.config.space.choice.space(run.task.open(run.path / "data").input_shape)
    return _judged(optuna.load_study(study_name=_STUDY, storage=sqlite_url(file)), space)


def _judged(study: optuna.Study, space: Space[Arch]) -> list[Judged]:
    return [
        Judged(space.decode(space.tokens(trial.params)), *Objectives.of(trial))
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name == "COMPLETE"
    ]


def worth_training(
    found: Sequence[Judged], known: set[str], count: int, rewards: Sequence[Reward], metric: Metric
) -> list[Arch]:
    """The networks that a training of their own is worth.

    Half of them have the highest rewards, target after target; the others spread over the front of the rest.

    Args:
        found: What was judged.
        known: Hashes of networks that are trained already.
        count: How many, at most.
        rewards: One for each target.
        metric: What the values are.
    """
    fresh = {name: one for one in reversed(found) if (name := arch_hash(one.arch)) not in known}
    by_target = [sorted(fresh, key=lambda name: -_rewarded(fresh[name], reward)) for reward in rewards]
    in_turn = dict.fromkeys(name for names in zip(*by_target, strict=True) for name in names)
    best = list(in_turn)[: (count + 1) // 2]
    rest = spread([one for name, one in fresh.items() if name not in best], count - len(best), metric)
    return [*(fresh[name].arch for name in best), *(one.arch for one in rest)]


def spread(found: Sequence[Judged], count: int, metric: Metric) -> list[Judged]:
    """Different networks from the fastest to the best: of the front, and of the fronts behind it as far as needed."""
    left = list({arch_hash(one.arch): one for one in reversed(found)}.values())[::-1]
    chosen: list[Judged] = []
    while left and len(chosen) < count:
        members = _front(left, metric)
        wanted = min(count - len(chosen), len(members))
        places = np.linspace(0, len(members) - 1, wanted).round().astype(int)
        chosen += [members[place] for place in places]
        left = [one for one in left if one not in members]
    return sorted(chosen, key=lambda one: one.latency_ms)


def _front(found: Sequence[Judged], metric: Metric) -> list[Judged]:
    ordered = sorted(found, key=lambda one: (one.latency_ms, -metric.gain(one.value)))
    return unbeaten(ordered, lambda one: metric.gain(one.value))


def _rewarded(one: Judged, reward: Reward) -> float:
    return reward(one.value, one.latency_ms)
