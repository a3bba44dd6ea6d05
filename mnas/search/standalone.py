"""Evaluates each network by itself: trained once in a worker, timed once on the device, whatever happens in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from device_bench.timing.timing import Timing
from mnas.errors import RunFailed
from mnas.executors import Executor, JobCancelled, JobError, WorkerLost
from mnas.latency.timer import Asked, Timer, usable
from mnas.search.background import Background
from mnas.search.evaluator import Candidate, Failed, Outcome, Waiting
from mnas.training.evaluation import Evaluation
from mnas.training.jobs import CandidateJobs

_FIRST_REST_S = 5.0
"""How long a device that was not fit rests first; each rest is twice as long as the one before."""

_TRAININGS = 2
"""How often a network is trained whose worker dies: the first time the machine may have been short of memory."""

_POLL_S = 0.2


class StandaloneEvaluator:
    """Trains every network alone, in workers, and times it on the device."""

    def __init__(
        self, jobs: CandidateJobs, timer: Timer, workers: Callable[[], Executor], say: Callable[[str], None]
    ) -> None:
        """Prepares; nothing runs yet.

        Args:
            jobs: Makes the workers' jobs.
            timer: Times what they made.
            workers: Gives the executor, always the same one; not called before there is work.
            say: Receives what is worth a line.
        """
        self._jobs, self._timer, self._workers, self._say = jobs, timer, workers, say
        self._stopped = threading.Event()

    def evaluate(self, asked: Asked, *, seed: int) -> dict[str, Outcome]:
        """See `Evaluator`; what could not be timed is timed again after rests of `latency.patience_s` in all."""
        if self._timer.beside_training:
            trained, timed = self._side_by_side(asked, seed)
        else:
            trained, timed = self.trained(asked), {}
        whole = {name: asked[name] for name, result in trained.items() if isinstance(result, Evaluation)}
        timed |= self._timer.timed({name: one for name, one in whole.items() if name not in timed}, seed)
        outcomes = {name: _joined(trained[name], timed.get(name), self._timer.lost) for name in asked}
        for rest_s in rests(self._timer.patience_s):
            waiting = {name: one.reason for name, one in outcomes.items() if isinstance(one, Waiting)}
            if self._timer.lost or not waiting:
                break
            self._say(f"{next(iter(waiting.values()))}: timing {len(waiting)} again in {rest_s:.3g} s")
            time.sleep(rest_s)
            timed = self._timer.timed({name: asked[name] for name in waiting}, seed)
            outcomes |= {name: _joined(trained[name], timed.get(name), self._timer.lost) for name in waiting}
        return outcomes

    def trained(self, asked: Asked, seeds: Mapping[str, int] | None = None) -> dict[str, Evaluation | Failed]:
        """See `Evaluator`; a network whose worker died is trained once more."""
        jobs = {
            name: self._jobs.evaluation(arch, folder, None if seeds is None else seeds[name])
            for name, (arch, folder) in asked.items()
        }
        done: dict[str, Evaluation | Failed] = {
            name: evaluation for name, job in jobs.items() if (evaluation := job.found()) is not None
        }
        fresh = jobs.keys() - done.keys()
        lost: dict[str, str] = {}
        for _ in range(_TRAININGS):
            missing = {name: job for name, job in jobs.items() if name not in done}
            for name, result in self._results({name: self._submit(job, name[:12]) for name, job in missing.items()}):
                if isinstance(result, WorkerLost):
                    lost[name] = str(result)
                else:
                    done[name] = Failed(str(result)) if isinstance(result, JobError) else result
        given_up = {name: Failed(lost[name]) for name in jobs if name not in done}
        if len(given_up) == len(fresh) > 1:
            raise RunFailed(f"no training comes to its end, is the machine short of memory? {lost[min(fresh)]}")
        return done | given_up

    def tested(self, folders: Mapping[str, Path]) -> dict[str, Future[float]]:
        """See `Evaluator`."""
        return {name: self._submit(self._jobs.test(folder), name) for name, folder in folders.items()}

    def _submit(self, job: Any, name: str) -> Future[Any]:
        return self._workers().submit(job, name)

    def _side_by_side(self, asked: Asked, seed: int) -> tuple[dict[str, Evaluation | Failed], dict[str, Timing]]:
        """Trains while the device times what needs no training: untrained twins, and files trained earlier.

        Whatever ends the training, ctrl-C included, waits for the device to be given back as it was.
        """
        timing = Background(lambda: self._timer.timed(asked, seed, self._twins(asked)), "latency")
        try:
            timing.start()
            return self.trained(asked), timing.result()
        except BaseException:
            self._stopped.set()
            self._timer.stop()
            timing.wait()
            raise

    def _twins(self, asked: Asked) -> dict[str, bytes]:
        """Untrained twins of what is not trained yet; they run as fast."""
        jobs = {
            name: self._jobs.twin(arch)
            for name, (arch, folder) in asked.items()
            if self._timer.known((arch, folder)) is None and self._jobs.evaluation(arch, folder).found() is None
        }
        results = self._results({name: self._submit(job, name[:12]) for name, job in jobs.items()})
        return {name: result for name, result in results if not isinstance(result, JobError)}

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


def _joined(trained: Evaluation | Failed, timing: Timing | None, lost: str) -> Outcome:
    if isinstance(trained, Failed):
        return trained
    if timing is None:
        return Waiting(lost or "its file was not timed")
    if usable(timing):
        return Candidate(trained, timing)
    # Without a session that failed nothing speaks against the network: the device was hot, busy or out of time.
    blamed = timing.conditions.get("failed_sessions") or timing.conditions.get("predicted")
    reason = f"latency {timing.verdict}: {timing.reason}"
    return Failed(reason) if timing.verdict == "failed" and blamed else Waiting(reason)
