"""What every executor promises, and the errors of jobs.

An executor turns a job into a `concurrent.futures.Future`, so that `concurrent.futures.wait` serves all of them.
Every failure of a job is a `JobError` in its future; no job's failure touches another job.
"""

import traceback
from concurrent.futures import Future
from typing import Protocol, TypeVar

from mnas.errors import RunFailed, SearchError
from mnas.executors.events import Job

T = TypeVar("T")

_OUR_PACKAGES = ("mnas", "device_bench", "search_spaces", "reports")


class JobError(SearchError):
    """A job failed.

    Attributes:
        details: The traceback, where there is one.
        fatal: The machine failed, not the job: a full disk, a lost file; the next job would fare no better.
    """

    def __init__(self, message: str, details: str = "", *, fatal: bool = False) -> None:
        super().__init__(message)
        self.details = details
        self.fatal = fatal


class WorkerLost(JobError):
    """The worker process died under its job: killed, out of memory, crashed in native code.

    It is `fatal` when no worker could be started to run the job at all.
    """


class JobCancelled(JobError):
    """The executor was closed before the job was done."""


class Executor(Protocol):
    """Runs jobs; its events go to the listener that it was made with."""

    workers: int
    """How many jobs run at the same time."""

    def submit(self, job: Job[T], name: str) -> Future[T]:
        """Runs `job` as soon as a worker is free.

        Args:
            job: What to run.
            name: How events and errors call it.

        Raises:
            SearchError: The executor is closed, or the job cannot be sent to a worker.
        """

    def close(self, *, cancel: bool = False) -> None:
        """Ends the executor; calling it again does nothing.

        Args:
            cancel: Jobs that wait or run end at once with `JobCancelled`; without it they are waited for.
        """


def failure(error: Exception) -> JobError:
    """`error` of a job as the one line and the traceback that its future carries."""
    details = "".join(traceback.format_exception(error))
    return JobError(one_line(error), details, fatal=isinstance(error, RunFailed | OSError))


def one_line(error: BaseException) -> str:
    """The message of `error` on one line; its type in front where the message alone would not say it."""
    text = " ".join(str(error).split())
    known = type(error).__module__.split(".")[0] in _OUR_PACKAGES
    return text if known and text else f"{type(error).__name__}: {text}".rstrip(": ")
