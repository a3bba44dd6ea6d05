"""Jobs in worker processes that load TensorFlow once and stay."""

import logging
import multiprocessing
import pickle
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Self, TypeVar

from mnas.errors import RunFailed, SearchError
from mnas.executors.base import JobCancelled, JobError, WorkerLost
from mnas.executors.events import Event, Job, Listener, ignore
from mnas.executors.handle import Task, WorkerHandle
from mnas.executors.worker import Failure, Message, Progress, Ready, Success, WorkerSetup

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_MAX_FAILED_STARTS = 3


class ProcessExecutor:
    """A pool of spawned processes; each runs one job at a time.

    Workers ignore ctrl-C (the parent decides), end when the parent ends, however it ends, and one that dies fails
    only its own job: another takes its place. When none can be started any more, the jobs that wait fail as `fatal`:
    the machine is short of something, and nothing is known against them. The listener is called from a thread of the
    pool.
    """

    def __init__(
        self,
        workers: int,
        *,
        threads_per_worker: int = 1,
        listener: Listener = ignore,
        preload: Sequence[str] = (),
        log_folder: Path | None = None,
    ) -> None:
        """Starts the workers.

        Args:
            workers: How many processes.
            threads_per_worker: Threads that one operation may use in each of them.
            listener: Receives the events.
            preload: Modules that a worker imports before its first job (TensorFlow takes seconds).
            log_folder: Where `worker-N.log` receives what worker N prints; without it, the terminal does.
        """
        if workers < 1 or threads_per_worker < 1:
            raise SearchError(f"{workers} workers of {threads_per_worker} threads: both must be at least 1")
        self.workers = workers
        self._listener = listener
        self._queue: deque[Task] = deque()
        self._lock = threading.Lock()
        self._closing = self._cancel = False
        self._broken = ""
        self._failed_starts = 0
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._handles = [
            WorkerHandle(
                WorkerSetup(
                    number,
                    threads_per_worker,
                    tuple(preload),
                    log_folder and log_folder.absolute() / f"worker-{number}.log",
                )
            )
            for number in range(workers)
        ]
        for handle in self._handles:
            self._start(handle)
        self._thread = threading.Thread(target=self._serve, name="executor", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T], name: str) -> Future[T]:
        """Queues `job` for the next free worker.

        Raises:
            RunFailed: No worker can be started.
        """
        try:
            payload = pickle.dumps(job)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise SearchError(f"cannot send {name} to a worker: {error}") from error
        future: Future[Any] = Future()
        with self._lock:
            if self._broken:
                raise RunFailed(f"cannot run {name}: {self._broken}")
            if self._closing:
                raise SearchError(f"cannot run {name}: the executor is closed")
            self._queue.append(Task(name, payload, future))
        self._wake()
        return future

    def close(self, *, cancel: bool = False) -> None:
        """Ends the workers, after their jobs or (`cancel`) at once."""
        with self._lock:
            self._closing = True
            self._cancel = self._cancel or cancel
        self._wake()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close(cancel=error is not None)

    def _wake(self) -> None:
        with self._lock:
            if not self._wake_writer.closed:
                self._wake_writer.send_bytes(b".")

    def _serve(self) -> None:
        try:
            while not self._finished():
                self._dispatch()
                self._take_messages()
        finally:
            self._shut_down()

    def _finished(self) -> bool:
        with self._lock:
            idle = not self._queue and all(handle.task is None for handle in self._handles)
            return self._cancel or (self._closing and idle)

    def _dispatch(self) -> None:
        for handle in self._handles:
            while handle.ready and handle.task is None:
                with self._lock:
                    task = self._queue.popleft() if self._queue else None
                if task is None:
                    return
                if task.future.set_running_or_notify_cancel():
                    handle.send(task)

    def _take_messages(self) -> None:
        """Waits until a worker speaks or dies, or until somebody wakes the thread."""
        sources: list[Any] = [self._wake_reader]
        for handle in self._handles:
            sources += handle.sources()
        speaking = set(wait(sources))
        if self._wake_reader in speaking:
            while self._wake_reader.poll():
                self._wake_reader.recv_bytes()
        for handle in self._handles:
            if speaking.intersection(handle.sources()):
                for message in handle.receive():
                    self._take(handle, message)
                if handle.lost:
                    self._replace(handle)

    def _take(self, handle: WorkerHandle, message: Message) -> None:
        number, task = handle.setup.number, handle.task
        match message:
            case Ready():
                self._failed_starts = 0
                handle.ready = True
                self._tell(Event(number, "", "idle"))
            case Progress() if task is not None:
                self._tell(Event(number, task.name, message.phase, message.step, message.total, message.metric))
            case Success() if task is not None:
                handle.task = None
                task.future.set_result(message.result)
                self._tell(Event(number, task.name, "done"))
            case Failure() if task is not None:
                handle.task = None
                task.future.set_exception(JobError(message.message, message.details, fatal=message.fatal))
                self._tell(Event(number, task.name, "failed"))

    def _replace(self, handle: WorkerHandle) -> None:
        reason, task, was_ready = handle.bury(), handle.task, handle.ready
        handle.task, handle.ready = None, False
        if task is not None:
            task.future.set_exception(WorkerLost(f"{reason} while it ran {task.name}"))
        self._tell(Event(handle.setup.number, task.name if task else "", "lost"))
        if was_ready:
            self._start(handle)
        else:
            self._start_again(handle, f"{reason} while it started")

    def _start(self, handle: WorkerHandle) -> None:
        try:
            handle.start()
        except OSError as error:
            self._start_again(handle, f"worker {handle.setup.number} cannot start: {error.strerror or error}")
        else:
            self._tell(Event(handle.setup.number, "", "starting"))

    def _start_again(self, handle: WorkerHandle, reason: str) -> None:
        """Once more, or not at all where starts fail in a row: the other workers do its share, if there are any."""
        self._failed_starts += 1
        if self._failed_starts < _MAX_FAILED_STARTS:
            self._start(handle)
        elif not any(other.sources() for other in self._handles):
            self._give_up(f"{reason}, {self._failed_starts} times in a row")

    def _give_up(self, reason: str) -> None:
        with self._lock:
            self._broken = reason
            waiting = list(self._queue)
            self._queue.clear()
        for task in waiting:
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(WorkerLost(f"{task.name} was not run: {reason}", fatal=True))

    def _shut_down(self) -> None:
        with self._lock:
            self._closing = True
            waiting = list(self._queue)
            self._queue.clear()
            self._wake_writer.close()
        for handle in self._handles:
            handle.stop(at_once=self._cancel)
            if handle.task is not None:
                handle.task.future.set_exception(JobCancelled(f"{handle.task.name} was cancelled"))
        for task in waiting:
            if task.future.set_running_or_notify_cancel():
                task.future.set_exception(JobCancelled(f"{task.name} was cancelled"))
        self._wake_reader.close()

    def _tell(self, event: Event) -> None:
        try:
            self._listener(event)
        except Exception:
            _LOG.exception("the listener failed on %s", event)
