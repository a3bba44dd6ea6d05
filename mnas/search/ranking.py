"""Against the winner's curse: train the top few again with new seeds before naming the best, and say how sure that is.

The best of many noisy rewards is best partly by luck. The runs of a contender differ by training noise
alone, so their spread says how much of a lead is luck. Pure functions: a search asks what to train next, trains,
and asks again; what it has recorded is all the state there is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnas.errors import SearchError

_DRAWS = 20_000
_LARGEST_SEED = 2**31 - 1
_NEARLY_SURE = 0.995


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the top few.

    Attributes:
        name: Whatever names an architecture, such as its hash.
        found: Its reward in the search.
        again: Rewards of new trainings, in the order of their runs.
    """

    name: str
    found: float
    again: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Mean of all runs. The first belongs to it: it is as good a measurement as any other."""
        return (self.found + math.fsum(self.again)) / (1 + len(self.again))


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to train again.

    Attributes:
        top: How many contenders start.
        rounds: Each gives one new training to every contender still in; after each the weaker half leaves, until
            ``keep`` are left.
        keep: How many stay to the end, at least 2: a ranking needs a runner-up.
    """

    top: int = 8
    rounds: int = 3
    keep: int = 3

    def __post_init__(self) -> None:
        if self.top < 1 or self.rounds < 0 or self.keep < 2:
            raise SearchError(
                f"confirmation of the top {self.top} in {self.rounds} rounds keeping {self.keep}: "
                "top must be at least 1, rounds 0, keep 2"
            )

    @property
    def trainings(self) -> int:
        """How many trainings it takes when there are enough contenders."""
        total, alive = 0, self.top
        for _ in range(self.rounds):
            total += alive
            alive = max(min(alive, self.keep), math.ceil(alive / 2))
        return total


@dataclass(frozen=True, slots=True)
class Standing:
    """A contender's place.

    Attributes:
        name: As given.
        reward: Mean reward of the new trainings, which nobody selected; the search's own where there is none.
        error: Standard error of the mean of all runs; NaN where no spread is known.
        runs: Trainings in all, the search's included.
        probability: That it is truly the best of the contenders, by their means and the training noise.
    """

    name: str
    reward: float
    error: float
    runs: int
    probability: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ranking, best first, and how far it can be trusted.

    Attributes:
        standings: Best first, by the mean of all runs; those with more runs come before those that left earlier.
        noise: Standard deviation of a reward from training to training; NaN when nothing was trained again.
        loss: Reward that naming the first is expected to cost, were the truth known; NaN likewise.
    """

    standings: tuple[Standing, ...]
    noise: float
    loss: float

    @property
    def sentence(self) -> str:
        """The verdict in words, on one line."""
        first = self.standings[0]
        if math.isnan(self.noise):
            return f"{first.name} was best in the search; nothing was trained again, so nobody knows how much was luck"
        chance = f"{first.probability:.0%}" if first.probability < _NEARLY_SURE else "more than 99%"
        return (
            f"{first.name} is the best of {len(self.standings)} with probability {chance}: "
            f"{first.runs} trainings, standard error {first.error:.2g}, training noise {self.noise:.2g}, "
            f"expected loss of naming it {self.loss:.2g}"
        )


def contenders(rewards: Mapping[str, float], plan: Plan) -> list[Contender]:
    """The top few of a search, best first; equal rewards in the mapping's order."""
    ranked = sorted(rewards.items(), key=lambda item: -item[1])
    return [Contender(name, reward) for name, reward in ranked[: plan.top]]


def next_runs(field: Sequence[Contender], plan: Plan) -> list[str]:
    """Names to train once more now, all of one round; empty when the plan is done.

    A round counts as open until everyone still in has run it, so a search that was stopped asks again and resumes.
    """
    alive = list(field)
    for finished in range(plan.rounds):
        waiting = [one.name for one in alive if len(one.again) <= finished]
        if waiting:
            return waiting
        alive = _survivors(alive, finished + 1, plan)
    return []


def seed_of(base: int, name: str, run: int) -> int:
    """The seed of new training ``run`` (0, 1, ...) of a contender: new for each, the same on every call."""
    words = [base, run, *name.encode()]
    return int(np.random.default_rng([4, *words]).integers(_LARGEST_SEED))


def verdict(field: Sequence[Contender], seed: int = 0) -> Verdict:
    """Ranks contenders.

    The training noise is pooled over contenders. Their true rewards are taken as normal around the mean of all their
    runs, which is what they are after seeing the runs when nothing was known before.

    Raises:
        SearchError: There is nobody to rank.
    """
    if not field:
        raise SearchError("there is nothing to rank: the search has no finished candidate yet, so let it continue")
    order = sorted(field, key=lambda one: (-len(one.again), -one.mean))
    noise = _noise(order)
    runs = np.array([1 + len(one.again) for one in order])
    means = np.array([one.mean for one in order])
    if math.isnan(noise):
        certain = [Standing(one.name, one.found, math.nan, 1, math.nan) for one in order]
        return Verdict(tuple(certain), noise, math.nan)
    errors = noise / np.sqrt(runs)
    truth = means + errors * np.random.default_rng(seed).standard_normal((_DRAWS, len(order)))
    share = np.bincount(truth.argmax(axis=1), minlength=len(order)) / _DRAWS
    loss = float((truth.max(axis=1) - truth[:, 0]).mean())
    standings = tuple(
        Standing(one.name, _unselected(one), float(error), int(count), float(probability))
        for one, error, count, probability in zip(order, errors, runs, share, strict=True)
    )
    return Verdict(standings, noise, loss)


def _survivors(field: Sequence[Contender], rounds: int, plan: Plan) -> list[Contender]:
    """Who goes on after ``rounds`` rounds, judged by the runs up to then."""
    then = [Contender(one.name, one.found, one.again[:rounds]) for one in field]
    keep = max(min(len(field), plan.keep), math.ceil(len(field) / 2))
    names = {one.name for one in sorted(then, key=lambda one: -one.mean)[:keep]}
    return [one for one in field if one.name in names]


def _unselected(one: Contender) -> float:
    return math.fsum(one.again) / len(one.again) if one.again else one.found


def _noise(field: Sequence[Contender]) -> float:
    """Pooled standard deviation of a run; the selected first runs only serve where nothing else varies."""
    for groups in ([one.again for one in field], [(one.found, *one.again) for one in field]):
        varied = [np.array(group) for group in groups if len(group) > 1]
        if varied:
            squares = math.fsum(float(((group - group.mean()) ** 2).sum()) for group in varied)
            return math.sqrt(squares / sum(len(group) - 1 for group in varied))
    return math.nan
