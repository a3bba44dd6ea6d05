"""Candidate -> accuracy and latency: trained once, measured once, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.timing import Timing
from mnas.config import Config
from mnas.data import Dataset
from mnas.errors import RunFailed
from mnas.evaluation import CompileCandidate, EvaluateCandidate, Evaluation
from mnas.executors import Executor, JobCancelled, JobError
from mnas.files import read_json, write_json
from mnas.latency import LatencySource
from mnas.latency_cache import LatencyCache, cache_key
from mnas.run import Run
from search_spaces import Arch, arch_hash, to_json

_MEASUREMENTS = 2
"""How often a network that came out throttled or failed is measured before it is given up."""

Asked = Mapping[str, tuple[Arch, Path]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluated network."""

    evaluation: Evaluation
    timing: Timing

    @property
    def accuracy(self) -> float:
        """Of the TFLite file on the validation split."""
        return self.evaluation.accuracy

    @property
    def latency_ms(self) -> float:
        """Median."""
        assert self.timing.median_ms is not None
        return self.timing.median_ms

    def facts(self) -> dict[str, Any]:
        """As a trial's user attributes."""
        evaluation = self.evaluation
        return {
            "accuracy_float": evaluation.accuracy_float,
            "params": evaluation.params,
            "macs": evaluation.macs,
            "size_bytes": evaluation.size_bytes,
            "train_s": evaluation.seconds,
            "latency": self.timing.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A network that could not be evaluated, and why, in one line."""

    reason: str


class Evaluator:
    """Trains in workers and times on the device; what lies in a candidate's folder is not done again."""

    def __init__(
        self, run: Run, config: Config, workers: Callable[[], Executor], latency: LatencySource, dataset: Dataset
    ) -> None:
        """Prepares; nothing runs yet.

        Args:
            run: Where everything is kept.
            config: Of the search.
            workers: Gives the executor, always the same one; not called before there is work.
            latency: Where networks are timed.
            dataset: The images.
        """
        self.dataset = dataset
        self._run = run
        self._config = config
        self._workers = workers
        self._latency = latency
        cache = config.latency.cache
        self._cache = LatencyCache(cache) if cache else None

    def evaluate(self, asked: Asked, *, seed: int) -> dict[str, Candidate | Failed]:
        """Accuracy and latency of some networks.

        Args:
            asked: Name -> architecture and the folder that keeps what is found.
            seed: Orders the timing sessions.

        Returns:
            A candidate, or the reason why there is none, for every name.

        Raises:
            BenchError: The device is lost.
            RunFailed: The workers cannot go on.
        """
        if self._latency.beside_training:
            timing = _Thread(lambda: self._timed(asked, self._compiled(asked), seed))
            trained = self.trained(asked)
            timed = timing.result()
        else:
            trained = self.trained(asked)
            models = {
                name: (asked[name][1] / "model.tflite").read_bytes()
                for name, result in trained.items()
                if isinstance(result, Evaluation)
            }
            timed = self._timed(asked, models, seed)
        return {name: _joined(trained[name], timed.get(name)) for name in asked}

    def submit(self, job: Any, name: str) -> Future[Any]:
        """Runs another job on the workers."""
        return self._workers().submit(job, name)

    def trained(self, asked: Asked, seeds: Mapping[str, int] | None = None) -> dict[str, Evaluation | Failed]:
        """Trains networks without timing them.

        Args:
            asked: Name -> architecture and the folder that keeps what is found.
            seeds: Name -> seed of its training, where that is not the search's.
        """
        config = self._config
        jobs = {
            name: EvaluateCandidate(
                arch_json=to_json(arch),
                folder=folder,
                data=self._run.path / "data",
                recipe=config.train,
                precision=config.latency.precision,
                seed=config.search.seed if seeds is None else seeds[name],
            )
            for name, (arch, folder) in asked.items()
        }
        found = {name: evaluation for name, job in jobs.items() if (evaluation := job.found()) is not None}
        return found | _results({name: self.submit(job, name[:12]) for name, job in jobs.items() if name not in found})

    def _compiled(self, asked: Asked) -> dict[str, bytes]:
        """Untrained twins, so that a phone measures while the workers train."""
        open_ones = {name: one for name, one in asked.items() if not (one[1] / "latency.json").exists()}
        futures = {
            name: self.submit(
                CompileCandidate(
                    arch_json=to_json(arch),
                    data=self._run.path / "data",
                    precision=self._config.latency.precision,
                ),
                name[:12],
            )
            for name, (arch, _) in open_ones.items()
        }
        return {name: result for name, result in _results(futures).items() if not isinstance(result, Failed)}

    def _timed(self, asked: Asked, models: Mapping[str, bytes], seed: int) -> dict[str, Timing]:
        known = {name: timing for name, one in asked.items() if (timing := self._known(one)) is not None}
        fresh = {name: model for name, model in models.items() if name not in known}
        rng = np.random.default_rng([self._config.search.seed, seed])
        for _ in range(_MEASUREMENTS):
            bad = {name: model for name, model in fresh.items() if not _good(known.get(name))}
            if bad:
                known |= self._latency.measure(bad, rng, self._run.path)
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
            return Timing.from_dict(read_json(path))
        return self._cache.get(self._key(arch)) if self._cache else None

    def _key(self, arch: Arch) -> str:
        section = self._config.latency
        about = {
            "input": list(self.dataset.input_shape),
            "classes": self.dataset.classes,
            "device": self._latency.name,
            "precision": section.precision,
            "threads": section.threads,
            "cores": section.cores,
        }
        return cache_key(arch_hash(arch), about)


class _Thread:
    """A call on a thread of its own whose error comes out of `result`."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._go, name="latency", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value


def _results(futures: Mapping[str, Future[Any]]) -> dict[str, Any]:
    """Waits for all; a job that failed becomes its reason."""
    wait(futures.values())
    results: dict[str, Any] = {}
    for name, future in futures.items():
        try:
            results[name] = future.result()
        except JobError as error:
            if error.fatal or isinstance(error, JobCancelled):
                raise RunFailed(str(error)) from error
            results[name] = Failed(str(error))
    return results


def _joined(trained: Evaluation | Failed, timing: Timing | None) -> Candidate | Failed:
    if isinstance(trained, Failed):
        return trained
    if timing is None:
        return Failed("latency: no model to time")
    return Candidate(trained, timing) if _good(timing) else Failed(f"latency {timing.verdict}: {timing.reason}")


def _good(timing: Timing | None) -> bool:
    """A noisy latency is still one, with a wide interval; a throttled or failed one is not recorded."""
    return timing is not None and timing.median_ms is not None and timing.verdict in ("valid", "noisy")
