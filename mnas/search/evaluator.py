"""Candidate -> the task's metric and latency: trained once, measured once, whatever happens in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.errors import BenchError, TransportError
from device_bench.timing.timing import Timing
from mnas.config import Config
from mnas.errors import RunFailed, SearchError
from mnas.executors import Executor, JobCancelled, JobError, WorkerLost
from mnas.files import read_json, write_json
from mnas.latency.cache import LatencyCache, cache_key
from mnas.latency.source import LatencySource
from mnas.run import Run
from mnas.search.background import Background
from mnas.tasks import Data, task_facts
from mnas.training.evaluation import Evaluation
from mnas.training.jobs import CompileCandidate, EvaluateCandidate
from search_spaces import Arch, arch_hash, to_json

_MEASUREMENTS = 2
"""How often in a row a network that came out throttled or failed is measured."""

_FIRST_REST_S = 5.0
"""How long a device that was not fit rests first; each rest is twice as long as the one before."""

_TRAININGS = 2
"""How often a network is trained whose worker dies: the first time the machine may have been short of memory."""

_POLL_S = 0.2

Asked = Mapping[str, tuple[Arch, Path]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluated network."""

    evaluation: Evaluation
    timing: Timing

    @property
    def value(self) -> float:
        """The metric of the TFLite file on the validation split."""
        return self.evaluation.value

    @property
    def latency_ms(self) -> float:
        """Median."""
        assert self.timing.median_ms is not None
        return self.timing.median_ms

    def facts(self) -> dict[str, Any]:
        """What `mnas.records.Network` has of it beside the architecture."""
        evaluation = self.evaluation
        return {
            "value_float": evaluation.value_float,
            "params": evaluation.params,
            "macs": evaluation.macs,
            "size_bytes": evaluation.size_bytes,
            "train_s": evaluation.seconds,
            "latency": self.timing,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A network that could not be evaluated, and why, in one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trained network that the device was not fit to time, and why; nothing is known against the network."""

    reason: str


Outcome = Candidate | Failed | Waiting


class Evaluator:
    """Trains in workers and times on the device; what lies in a candidate's folder is not done again."""

    def __init__(
        self,
        run: Run,
        config: Config,
        workers: Callable[[], Executor],
        latency: LatencySource,
        dataset: Data,
        *,
        cache: LatencyCache | None = None,
        say: Callable[[str], None],
    ) -> None:
        """Prepares; nothing runs yet.

        Args:
            run: Where everything is kept.
            config: Of the search.
            workers: Gives the executor, always the same one; not called before there is work.
            latency: Where networks are timed.
            dataset: The data.
            cache: Latencies that searches share.
            say: Receives what is worth a line.
        """
        self.dataset = dataset
        self._run = run
        self._config = config
        self._workers = workers
        self._latency = latency
        self._say = say
        self._stopped = threading.Event()
        self._lost = ""
        self._cache = cache

    def evaluate(self, asked: Asked, *, seed: int) -> dict[str, Outcome]:
        """Metric and latency of some networks.

        What the device was not fit to time is timed again after a rest, for as long as `latency.patience_s` allows.

        Args:
            asked: Name -> architecture and the folder that keeps what is found.
            seed: Orders the timing sessions.

        Returns:
            For every name a candidate, the reason why there is none, or the reason why its timing has to wait.

        Raises:
            BenchError: The device refuses what is asked.
            RunFailed: As `trained`.
        """
        if self._latency.beside_training:
            trained, timed = self._side_by_side(asked, seed)
        else:
            trained, timed = self.trained(asked), {}
        whole = {name: asked[name] for name, result in trained.items() if isinstance(result, Evaluation)}
        timed |= self._timed({name: one for name, one in whole.items() if name not in timed}, seed)
        outcomes = {name: _joined(trained[name], timed.get(name), self._lost) for name in asked}
        for rest_s in rests(self._config.latency.patience_s):
            waiting = {name: one.reason for name, one in outcomes.items() if isinstance(one, Waiting)}
            if self._lost or not waiting:
                break
            self._say(f"{next(iter(waiting.values()))}: timing {len(waiting)} again in {rest_s:.3g} s")
            time.sleep(rest_s)
            timed = self._timed({name: asked[name] for name in waiting}, seed)
            outcomes |= {name: _joined(trained[name], timed.get(name), self._lost) for name in waiting}
        return outcomes

    def submit(self, job: Any, name: str) -> Future[Any]:
        """Runs another job on the workers."""
        return self._workers().submit(job, name)

    def trained(self, asked: Asked, seeds: Mapping[str, int] | None = None) -> dict[str, Evaluation | Failed]:
        """Trains networks without timing them.

        Args:
            asked: Name -> architecture and the folder that keeps what is found.
            seeds: Name -> seed of its training, where that is not the search's.

        Raises:
            RunFailed: No worker can run or survives a training, or the disk is full.
        """
        jobs = {
            name: self._training(one, self._config.search.seed if seeds is None else seeds[name])
            for name, one in asked.items()
        }
        done: dict[str, Evaluation | Failed] = {
            name: evaluation for name, job in jobs.items() if (evaluation := job.found()) is not None
        }
        fresh = jobs.keys() - done.keys()
        lost: dict[str, str] = {}
        for _ in range(_TRAININGS):
            missing = {name: job for name, job in jobs.items() if name not in done}
            for name, result in self._results({name: self.submit(job, name[:12]) for name, job in missing.items()}):
                if isinstance(result, WorkerLost):
                    lost[name] = str(result)
                else:
                    done[name] = Failed(str(result)) if isinstance(result, JobError) else result
        given_up = {name: Failed(lost[name]) for name in jobs if name not in done}
        if len(given_up) == len(fresh) > 1:
            raise RunFailed(f"no training comes to its end, is the machine short of memory? {lost[min(fresh)]}")
        return done | given_up

    def _training(self, one: tuple[Arch, Path], seed: int) -> EvaluateCandidate:
        arch, folder = one
        return EvaluateCandidate(
            arch_json=to_json(arch),
            folder=folder,
            data=self._run.path / "data",
            recipe=self._config.train,
            precision=self._config.latency.precision,
            seed=seed,
            task=self._run.task.name,
        )

    def _side_by_side(self, asked: Asked, seed: int) -> tuple[dict[str, Evaluation | Failed], dict[str, Timing]]:
        """Trains while the device times what needs no training: untrained twins, and files trained earlier.

        Whatever ends the training, ctrl-C included, waits for the device to be given back as it was.
        """
        timing = Background(lambda: self._timed(asked, seed, self._twins(asked)), "latency")
        try:
            timing.start()
            return self.trained(asked), timing.result()
        except BaseException:
            self._stopped.set()
            self._latency.stop()
            timing.wait()
            raise

    def _twins(self, asked: Asked) -> dict[str, bytes]:
        """Untrained twins of what is not trained yet; they run as fast."""
        section = self._config
        jobs = {
            name: CompileCandidate(
                arch_json=to_json(one[0]),
                data=self._run.path / "data",
                precision=section.latency.precision,
                task=self._run.task.name,
            )
            for name, one in asked.items()
            if self._known(one) is None and self._training(one, section.search.seed).found() is None
        }
        results = self._results({name: self.submit(job, name[:12]) for name, job in jobs.items()})
        return {name: result for name, result in results if not isinstance(result, JobError)}

    def _timed(self, asked: Asked, seed: int, twins: Mapping[str, bytes] | None = None) -> dict[str, Timing]:
        """Latencies of the files in the folders, or of their twins; what has neither gets none."""
        known = {name: timing for name, one in asked.items() if (timing := self._known(one)) is not None}
        fresh = dict(twins or {})
        for name in asked.keys() - known.keys() - fresh.keys():
            path = asked[name][1] / "model.tflite"
            if path.exists():
                fresh[name] = path.read_bytes()
        rng = np.random.default_rng([self._config.search.seed, seed])
        for _ in range(_MEASUREMENTS):
            bad = {name: fresh[name] for name in asked if name in fresh and not _good(known.get(name))}
            if bad and not self._lost:
                try:
                    known |= self._latency.measure(bad, rng, self._run.path)
                except TransportError as error:
                    self._lost = str(error)
        for name in known:
            arch, folder = asked[name]
            if _good(known[name]):
                write_json(folder / "latency.json", known[name].to_dict())
                if self._cache and name in fresh:
                    self._cache.put(self._key(arch), known[name])
        return known

    def _known(self, one: tuple[Arch, Path]) -> Timing | None:
        arch, folder = one
        path = folder / "latency.json"
        if path.exists():
            return stored_timing(path)
        return self._cache.get(self._key(arch)) if self._cache else None

    def _key(self, arch: Arch) -> str:
        section = self._config.latency
        about = {
            "input": list(self.dataset.input_shape),
            **task_facts(self._run.task, self.dataset),
            "device": self._latency.name,
            "identity": self._latency.identity,
            "precision": section.precision,
            "threads": section.threads,
            "cores": section.cores,
        }
        return cache_key(arch_hash(arch), about)

    def _results(self, futures: Mapping[str, Future[Any]]) -> Iterator[tuple[str, Any]]:
        """Waits for all; a job that failed gives its error, a machine that failed ends the run."""
        while wait(futures.values(), _POLL_S).not_done:
            if self._stopped.is_set():
                raise RunFailed("the search was stopped")
        for name, future in futures.items():
            error = future.exception()
            if isinstance(error, JobError) and not error.fatal and not isinstance(error, JobCancelled):
                yield name, error
            elif error is not None:
                raise RunFailed(str(error)) from error
            else:
                yield name, future.result()


def rests(patience_s: float) -> Iterator[float]:
    """Pauses between attempts, each twice as long as the one before, `patience_s` in all."""
    rest_s = _FIRST_REST_S
    while patience_s > 0:
        yield min(rest_s, patience_s)
        patience_s -= rest_s
        rest_s *= 2


def stored_timing(path: Path) -> Timing:
    """The latency that a candidate's folder keeps.

    Raises:
        SearchError: It is damaged.
    """
    values = read_json(path)
    try:
        if not isinstance(values, dict):
            raise BenchError("it does not hold a timing")
        return Timing.from_dict(values)
    except BenchError as error:
        raise SearchError(f"{path}: {error}: delete it to time the network again") from None


def _joined(trained: Evaluation | Failed, timing: Timing | None, lost: str) -> Outcome:
    if isinstance(trained, Failed):
        return trained
    if timing is None:
        return Waiting(lost or "its file was not timed")
    if _good(timing):
        return Candidate(trained, timing)
    # Without a session that failed nothing speaks against the network: the device was hot, busy or out of time.
    blamed = timing.conditions.get("failed_sessions") or timing.conditions.get("predicted")
    reason = f"latency {timing.verdict}: {timing.reason}"
    return Failed(reason) if timing.verdict == "failed" and blamed else Waiting(reason)


def _good(timing: Timing | None) -> bool:
    """A noisy latency is still one, with a wide interval; a throttled or failed one is not recorded."""
    return timing is not None and timing.median_ms is not None and timing.verdict in ("valid", "noisy")
