"""The parent's end of a worker process."""

import multiprocessing
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from mnas.executors.worker import STOP, Message, WorkerSetup, main

_SPAWN = multiprocessing.get_context("spawn")
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """A job on its way: its name, its pickle and the future that waits for it."""

    name: str
    payload: bytes
    future: Future[Any]


class WorkerHandle:
    """One worker: its process, its pipe, its task.

    Attributes:
        task: What it runs now.
        ready: It has started and can take tasks.
        lost: Its process is gone.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        self.setup = setup
        self.task: Task | None = None
        self.ready = self.lost = False
        self._process: Any = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Starts the process (again); `ready` follows with its first message.

        Raises:
            OSError: The system has no room for another process.
        """
        self.ready = self.lost = False
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(
            target=main, args=(theirs, self.setup), name=f"worker-{self.setup.number}", daemon=True
        )
        # The mask is inherited: a ctrl-C must not hit a worker that has not yet come to ignore it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        except OSError:
            self._connection.close()
            self._connection = None
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def sources(self) -> list[Any]:
        """What to wait on: the pipe and the process; nothing once the worker is buried."""
        return [] if self._connection is None else [self._connection, self._process.sentinel]

    def send(self, task: Task) -> None:
        """Hands over a task; a worker that is gone meanwhile shows in `receive`."""
        self.task = task
        if self._connection is not None:
            try:
                self._connection.send_bytes(task.payload)
            except OSError:
                self.lost = True

    def receive(self) -> Iterator[Message]:
        """All messages that are there; sets `lost` when no more will come."""
        died = not self._process.is_alive()
        try:
            while self._connection is not None and self._connection.poll():
                yield self._connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            died = True
        self.lost = self.lost or died

    def bury(self) -> str:
        """Frees what a lost worker held; says how it died."""
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        code = self._process.exitcode
        self._close()
        name = f"worker {self.setup.number}"
        log = f" (see {self.setup.log})" if self.setup.log else ""
        if code is not None and code < 0:
            hint = ", out of memory?" if -code == signal.SIGKILL else ""
            return f"{name} was killed by {_signal_name(-code)}{hint}{log}"
        return f"{name} ended with exit code {code}{log}"

    def stop(self, *, at_once: bool) -> None:
        """Ends the process: kindly when it is idle, by SIGKILL otherwise (files appear whole or not at all)."""
        if self._connection is None:
            return
        if not at_once and self.ready:
            try:
                self._connection.send_bytes(STOP)
                self._process.join(_GRACE_S)
            except OSError:
                pass
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._process.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
