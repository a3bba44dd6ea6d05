"""The worker process: it takes jobs from a pipe, one at a time, until the pipe or its parent is gone."""

import contextlib
import importlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from mnas.executors.base import failure


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is told when it starts.

    Attributes:
        number: Its number, from 0.
        threads: Threads that one operation of TensorFlow, LiteRT's BLAS or OpenMP may use.
        preload: Modules to import before the first job comes.
        log: File that receives what the worker prints; without one it shares the parent's terminal.
    """

    number: int
    threads: int
    preload: tuple[str, ...] = ()
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker can take a job."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The job reports; the fields are those of an event."""

    phase: str
    step: int
    total: int
    metric: float | None


@dataclass(frozen=True, slots=True)
class Success:
    """The job is done."""

    result: object


@dataclass(frozen=True, slots=True)
class Failure:
    """The job raised."""

    message: str
    details: str
    fatal: bool = False


Message = Ready | Progress | Success | Failure

STOP = b""


def main(connection: Connection, setup: WorkerSetup) -> None:
    """Runs the worker: the target of its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if setup.log is not None:
        _redirect_output(setup.log)
    _limit_threads(setup.threads)
    for module in setup.preload:
        importlib.import_module(module)
    with contextlib.suppress(EOFError, OSError):
        connection.send(Ready())
        while (payload := connection.recv_bytes()) != STOP:
            connection.send_bytes(_run(payload, connection))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the interpreter's own way out unloads TensorFlow, for half a second


def _run(payload: bytes, connection: Connection) -> bytes:
    def report(phase: str, step: int = 0, total: int = 0, metric: float | None = None) -> None:
        connection.send(Progress(phase, step, total, None if metric is None else float(metric)))

    try:
        job = pickle.loads(payload)
        return pickle.dumps(Success(job(report)))
    except Exception as error:
        failed = failure(error)
        return pickle.dumps(Failure(str(failed), failed.details, failed.fatal))


def _die_with_parent() -> None:
    """The sentinel is a pipe that only the parent holds: it ends with the parent, also after `kill -9`."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _redirect_output(log: Path) -> None:
    """Into the log; nowhere, if that cannot be written, for nothing depends on it."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError:
        opened = os.open(os.devnull, os.O_WRONLY)
    os.dup2(opened, sys.stdout.fileno())
    os.dup2(opened, sys.stderr.fileno())
    os.close(opened)


def _limit_threads(threads: int) -> None:
    """Must come before the libraries are loaded: they read these once."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
