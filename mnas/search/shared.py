"""A search that trains once: shared weights rank the networks, and only the best few get a training of their own.

1. The weights of all networks are trained together.
2. Some random networks are trained alone, to see whether the shared weights rank networks as such trainings do.
3. The search's algorithm proposes networks; shared weights and the device, or its table, judge them.
4. The best few are trained alone. These, and those of step 2, are the trials of the search: their accuracies are those
   of networks that were trained alone, as in any other search.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from device_bench.timing.timing import Timing
from mnas.config import Config
from mnas.controllers.warm_start import enqueue
from mnas.errors import CandidatesWait, RunFailed, SearchError
from mnas.executors import Executor, JobError, WorkerLost
from mnas.executors.events import Job
from mnas.files import read_json, write_json
from mnas.latency.timer import Asked, Timer
from mnas.records import Ranked, Trust
from mnas.run import Run
from mnas.search.batches import evaluate_trials
from mnas.search.mining import Mine, worth_training
from mnas.search.session import Session
from mnas.search.standing import failures
from mnas.sharing.jobs import JudgeShared, Supernet, TrainShared
from mnas.sharing.trust import trust
from mnas.tasks import Data
from mnas.training.jobs import CompileCandidate
from search_spaces import Arch, Shape, Space, arch_hash, from_json, to_json
from search_spaces.signatures import signatures

T = TypeVar("T")

_NAME = "shared weights"

_LONGER = 10
"""Epochs of the shared weights over those of a candidate alone."""

_PATIENCE = 100
"""Draws for each network that is wanted."""


def check_sharing(config: Config, shape: Shape) -> None:
    """Refuses what no search with shared weights can be run with, before anything is on disk.

    Raises:
        SearchError: A space without shared weights, or fewer trials than are to be trained alone.
    """
    if config.search.evaluate != "shared":
        return
    settings = config.sharing
    config.space.choice.shared(shape, config.task.record.head(2))
    alone = settings.check + settings.best
    if alone > config.search.trials:
        raise SearchError(
            f'search.evaluate = "shared" trains sharing.check + sharing.best = {alone} networks alone, and '
            f"search.trials = {config.search.trials} allows fewer: raise it, or lower the two"
        )


@dataclass(frozen=True, slots=True)
class SharedSearch:
    """One search with shared weights.

    Attributes:
        session: The search.
        config: Of the search.
        data: What its networks read.
        timer: Times networks.
        workers: Gives the executor.
    """

    session: Session
    config: Config
    data: Data
    timer: Timer
    workers: Callable[[], Executor]

    def evaluate(self) -> None:
        """Finishes the trials of the search.

        Raises:
            RunFailed: The shared weights cannot be trained, or no network can be judged with them.
            CandidatesWait: As `evaluate_trials`.
        """
        say, settings = self.session.display.say, self.config.sharing
        check = drawn(self.session.space, settings.check, self.session.seed)
        training = self._begin()
        if self.timer.shares_cores:
            self._end(training)  # else it would disturb the timing of the networks that come next
        self._alone(check)
        self._end(training)
        found = self._trusted(check)
        say(found.words())
        if found.reason:
            say(f"these shared weights are not used: {found.reason}. From here on every candidate is trained alone")
            evaluate_trials(self.session, self.config.search)
            return
        best = self._best(found, {arch_hash(one) for one in check})
        say(f"training alone the best {len(best)} of the networks judged with shared weights")
        self._alone(best)

    @property
    def _folder(self) -> Path:
        return self.session.run.sharing

    @property
    def _supernet(self) -> Supernet:
        return supernet_of(self.session.run)

    def _begin(self) -> Future[float] | None:
        """Starts the training; None where it has ended before."""
        supernet = self._supernet
        if supernet.trained:
            return None
        steps = supernet.recipe.epochs * supernet.recipe.steps_per_epoch(len(self.data.train))
        self.session.display.say(f"training the shared weights: {steps} steps")
        return self.workers().submit(TrainShared(supernet), _NAME)

    def _end(self, training: Future[float] | None) -> None:
        """Waits for the training, which is resumed once if its worker dies."""
        if training is not None:
            self._result(_NAME, TrainShared(self._supernet), training)

    def _results(self, jobs: Mapping[str, Job[T]]) -> dict[str, T]:
        """What jobs return."""
        futures = {name: self.workers().submit(job, name) for name, job in jobs.items()}
        return {name: self._result(name, jobs[name], future) for name, future in futures.items()}

    def _result(self, name: str, job: Job[T], future: Future[T]) -> T:
        """What a job returns; it is done once more if its worker dies."""
        try:
            try:
                return future.result()
            except WorkerLost:
                return self.workers().submit(job, name).result()
        except JobError as error:
            raise RunFailed(f"{name}: {error}") from error

    def _alone(self, arches: Sequence[Arch]) -> None:
        """Makes networks trials of the search, each trained alone."""
        study = self.session.study
        enqueue(study, self.session.space, arches)
        trials = len(study.get_trials(deepcopy=False))
        evaluate_trials(self.session, self.config.search.model_copy(update={"trials": trials}))

    def _shared(self, arches: Sequence[Arch]) -> list[float]:
        """Values of networks with shared weights, a part of them per worker."""
        settings, count = self.config.sharing, self.workers().workers
        parts = [tuple(map(to_json, arches[start::count])) for start in range(min(count, len(arches)))]
        jobs = {
            f"{_NAME} {number}": JudgeShared(self._supernet, part, settings.calibration, settings.judged)
            for number, part in enumerate(parts)
        }
        values = [0.0] * len(arches)
        for start, result in enumerate(self._results(jobs).values()):
            values[start::count] = result
        return values

    def _trusted(self, check: Sequence[Arch]) -> Trust:
        """How the shared weights rank the networks that were trained alone."""
        run = self.session.run
        if (found := run.trust) is not None:
            return found
        alone = {record.arch_hash: (trial.values[0], record.macs) for trial, record in self.session.complete()}
        known = {name: arch for arch in check if (name := arch_hash(arch)) in alone}
        if not known:
            raise RunFailed(
                f"none of the networks that were trained alone has succeeded; {failures(self.session.study)}"
            )
        shared = self._shared(list(known.values()))
        networks = [
            Ranked(hash=name, shared=value, value=alone[name][0], macs=alone[name][1])
            for name, value in zip(known, shared, strict=True)
        ]
        found = trust(networks, run.task.metric, self.session.seed)
        found.write(run.sharing / "trust.json", run.task)
        return found

    def _best(self, found: Trust, known: set[str]) -> list[Arch]:
        """The networks that a training of their own is worth, chosen once."""
        path = self._folder / "best.json"
        if path.exists():
            return [from_json(json.dumps(one)) for one in read_json(path)]
        mine = Mine(
            session=self.session,
            settings=self.config.search,
            judge=lambda arches: [found.expected(value) for value in self._shared(arches)],
            clock=self._latencies,
        )
        settings, session = self.config.sharing, self.session
        found_there = mine.dig(settings.candidates)
        best = worth_training(found_there, known, settings.best, session.rewards, session.run.task.metric)
        write_json(path, [json.loads(to_json(one)) for one in best])
        return best

    def _latencies(self, arches: Sequence[Arch], seed: int) -> list[Timing]:
        """Latencies of untrained networks: predicted from their operators, or measured on twins."""
        predicted = [self.timer.predicted(self._signatures(arch)) for arch in arches]
        asked: Asked = {
            name: (arch, self._folder / "timed" / name)
            for arch, timing in zip(arches, predicted, strict=True)
            if timing is None
            for name in [arch_hash(arch)]
        }
        fresh = {name: arch for name, (arch, folder) in asked.items() if self.timer.known((arch, folder)) is None}
        twins = self._results({name: self._twin(arch) for name, arch in fresh.items()})
        measured = self.timer.timed(asked, seed, twins)
        if self.timer.lost:
            raise CandidatesWait(f"networks with shared weights wait for their timing: {self.timer.lost}")
        return [timing or measured[arch_hash(arch)] for arch, timing in zip(arches, predicted, strict=True)]

    def _signatures(self, arch: Arch) -> tuple[str, ...]:
        head = self.session.run.task.head(self.data.outputs)
        return signatures(arch, self.data.input_shape, head, self.config.latency.precision)

    def _twin(self, arch: Arch) -> CompileCandidate:
        run = self.session.run
        return CompileCandidate(to_json(arch), run.path / "data", self.config.latency.precision, task=run.task.name)


def supernet_of(run: Run) -> Supernet:
    """The shared weights of a search, trained or not."""
    config = run.config
    settings = config.sharing
    recipe = replace(
        config.train,
        epochs=settings.epochs or _LONGER * config.train.epochs,
        optimizer=settings.optimizer,
        learning_rate=settings.learning_rate,
    )
    return Supernet(
        choice=config.space.choice,
        data=run.path / "data",
        recipe=recipe,
        sampling=settings.sampling,
        share=settings.warmup_share,
        seed=config.search.seed,
        folder=run.sharing,
        task=run.task.name,
    )


def drawn(space: Space[Any], count: int, seed: int) -> list[Arch]:
    """Different networks, each choice equally likely; fewer where the space has no more."""
    rng, found = np.random.default_rng([seed, 8]), dict[str, Arch]()
    for _ in range(_PATIENCE * count):
        if len(found) == count:
            break
        arch = space.decode(space.sample(rng))
        found.setdefault(arch_hash(arch), arch)
    return list(found.values())
