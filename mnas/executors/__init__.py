"""Where jobs run: in this process or in worker processes."""

from mnas.executors.base import Executor, JobCancelled, JobError, WorkerLost
from mnas.executors.events import Event, Job, Listener, Report, ignore, silent
from mnas.executors.process import ProcessExecutor
from mnas.executors.serial import SerialExecutor

__all__ = [
    "Event",
    "Executor",
    "Job",
    "JobCancelled",
    "JobError",
    "Listener",
    "ProcessExecutor",
    "Report",
    "SerialExecutor",
    "WorkerLost",
    "ignore",
    "silent",
]
