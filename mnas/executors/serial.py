"""Jobs one after the other, in this process."""

from concurrent.futures import Future
from typing import Self, TypeVar

from mnas.errors import SearchError
from mnas.executors.base import failure
from mnas.executors.events import Event, Job, Listener, ignore

T = TypeVar("T")


class SerialExecutor:
    """Runs each job within `submit`, in this process."""

    workers = 1

    def __init__(self, listener: Listener = ignore) -> None:
        self._listener = listener
        self._closed = False

    def submit(self, job: Job[T], name: str) -> Future[T]:
        """Runs `job` now; the future comes back finished."""
        if self._closed:
            raise SearchError(f"cannot run {name}: the executor is closed")

        def report(phase: str, step: int = 0, total: int = 0, metric: float | None = None) -> None:
            self._listener(Event(0, name, phase, step, total, metric))

        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            result = job(report)
        except Exception as error:
            future.set_exception(failure(error))
            self._listener(Event(0, name, "failed"))
        else:
            future.set_result(result)
            self._listener(Event(0, name, "done"))
        return future

    def close(self, *, cancel: bool = False) -> None:
        """Nothing is left to wait for."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close(cancel=error is not None)
