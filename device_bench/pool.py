"""Devices as leases: one job a device, all devices at once, and a lost one holds up no other.

A job names the devices that may do it: one for a cell of a matrix, several where equal phones share the work. Each
device has a thread, which opens it, does its jobs in series and closes it. A device that is lost in the middle of a
job is looked for, for minutes, and the job begun anew; when that does not help it is set aside. A job that only it
could do stays open, any other job goes to the next device.
"""

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from device_bench.device import Device
from device_bench.errors import BadRequest, BenchError, NoRoom, PushFailed, TransportError
from device_bench.lease import DeviceBusy, lease

Payload = TypeVar("Payload")
LONGEST_PAUSE = 8
_BACK_OFF_S = 2.0
_MOST_MINUTES = 10_000


@dataclass(frozen=True, slots=True)
class Job(Generic[Payload]):
    """A piece of work for one device.

    Attributes:
        devices: Names of the devices that may do it.
        payload: What to do; the pool does not look inside.
    """

    devices: frozenset[str]
    payload: Payload


@dataclass(frozen=True, slots=True)
class PoolEvent:
    """What happened to a device.

    Attributes:
        device: Its name.
        kind: "ready" (again), "lost", or "aside" (no further attempt).
        reason: Why it was lost.
    """

    device: str
    kind: Literal["ready", "lost", "aside"]
    reason: str = ""


def _looks() -> int:
    """Looks, with their pauses, that take the minutes of `$MNAS_PATIENCE`, or 4.

    Raises:
        BadRequest: It is not a number of minutes.
    """
    text = os.environ.get("MNAS_PATIENCE") or "4"
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= _MOST_MINUTES:
        raise BadRequest(f"MNAS_PATIENCE is {text!r}; it is a number of minutes from 0 to {_MOST_MINUTES}")
    looks, waited_s = 1, 0.0
    while waited_s < 60 * minutes:
        waited_s += _BACK_OFF_S * min(2 ** (looks - 1), LONGEST_PAUSE)
        looks += 1
    return looks


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How patient the pool is.

    Attributes:
        attempts: How often in a row a device may be lost in a job, or not be there at all, before it is set aside.
        back_off_s: Pause before a lost device is opened again; doubles each time, up to `LONGEST_PAUSE` times as long.
        looks: How often a device that was there before is looked for before it is set aside; `$MNAS_PATIENCE` is the
            minutes that this takes at least.
        lease_wait_s: How long to wait for a device that another process uses.
    """

    attempts: int = 3
    back_off_s: float = _BACK_OFF_S
    looks: int = field(default_factory=_looks)
    lease_wait_s: float = 5.0

    def pause_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        return self.back_off_s * min(2 ** (failures - 1), LONGEST_PAUSE)


class Stopped(BenchError):
    """The pool was told to stop."""


class Unusable(BenchError):
    """A device cannot be used, and trying again would not help."""


class Pool(Generic[Payload]):
    """Runs jobs on devices, one thread a device.

    Args:
        jobs: What to do; each device takes the first one that it may.
        open_device: Opens a device by name.
        work: Does a job on an open device. It may call `check` of the pool often, to end early when it stops.
        tell: Receives events, from several threads, one at a time.
        settings: How patient it is.
        known: Devices that were there before, and are looked for as patiently as if they had been lost here.
    """

    def __init__(
        self,
        jobs: Sequence[Job[Payload]],
        open_device: Callable[[str], Device],
        work: Callable[[Device, Payload], None],
        *,
        tell: Callable[[PoolEvent], None] | None = None,
        settings: PoolSettings | None = None,
        known: Collection[str] = (),
    ) -> None:
        self._pending = list(jobs)
        self._open, self._work, self._tell = open_device, work, tell
        self._settings = settings or PoolSettings()
        self._turn = threading.Condition()
        self._taken: dict[str, Job[Payload]] = {}
        self._stop, self._hurried = threading.Event(), False
        self._errors: list[BaseException] = []
        self._losses: Counter[str] = Counter()
        self._looks: Counter[str] = Counter()
        self._known, self._open_devices = set(known), dict[str, Device]()

    def run(self) -> list[Job[Payload]]:
        """Does all jobs that can be done.

        Returns:
            The jobs that stay open, because every device that may do them is lost.

        Raises:
            BaseException: The first error of a job that is not about its device, or an interrupt; running jobs are
                told to stop, waited for, and their devices closed, before it is raised.
        """
        names = sorted({name for job in self._pending for name in job.devices})
        threads = [threading.Thread(target=self._serve, args=(name,), name=name, daemon=True) for name in names]
        for thread in threads:
            thread.start()
        try:
            self._join(threads)
        except BaseException:
            self.stop()
            self._join(threads)
            raise
        if self._errors:
            raise self._errors[0]
        with self._turn:
            return [*self._taken.values(), *self._pending]

    def stop(self) -> None:
        """Asks all devices to end at the next `check`; those that are away are not waited for."""
        self._hurried = True
        self._halt()

    def _halt(self) -> None:
        self._stop.set()
        with self._turn:
            self._turn.notify_all()

    def check(self) -> None:
        """For `work` to call between two steps.

        Raises:
            Stopped: The pool is to end.
        """
        if self._stop.is_set():
            raise Stopped("stopped")

    def _serve(self, name: str) -> None:
        """A device's thread: opens it and does jobs, until nothing is left for it or it is lost for good."""
        while job := self._take(name):
            try:
                self._series(name, job)
            except Stopped:
                return
            except (TransportError, DeviceBusy) as error:
                if isinstance(error, NoRoom) or not self._hopeful(name, error):
                    self._say(PoolEvent(name, "aside", str(error)))
                    return
                self._say(PoolEvent(name, "lost", str(error)))
                self._stop.wait(self._settings.pause_s(self._looks[name] or self._losses[name]))
            except Unusable as error:
                self._say(PoolEvent(name, "aside", str(error)))
                return
            except BaseException as error:
                self._errors.append(error)
                self._halt()
                return

    def _hopeful(self, name: str, error: Exception) -> bool:
        """Whether it helps to open a device again: for minutes where it is away, a few times where it fails jobs."""
        if self._looks[name]:
            return self._looks[name] < self._settings.looks
        self._losses[name] += 1
        return not isinstance(error, DeviceBusy) and self._losses[name] < self._settings.attempts

    def _series(self, name: str, job: Job[Payload] | None) -> None:
        """Does jobs on one connection; a job that fails with it goes back to the others."""
        try:
            with contextlib.ExitStack() as held:
                device = self._opened(name, held)
                self.check()
                self._say(PoolEvent(name, "ready"))
                while job:
                    self._work(device, job.payload)
                    self._ended(name)
                    self._losses[name] = 0
                    job = None
                    job = self._take(name, wait=False)
        except BaseException:
            if job:
                self._ended(name, job)
            raise

    def _opened(self, name: str, held: contextlib.ExitStack) -> Device:
        try:
            held.enter_context(lease(name, wait_s=self._settings.lease_wait_s))
            held.callback(self._open_devices.pop, name, None)
            device = held.enter_context(self._open(name))
        except (TransportError, DeviceBusy) as error:
            if isinstance(error, TransportError) and error.answered:
                self._known.add(name)
            # A phone that is there, but refuses what it is sent, will do so again.
            away = name in self._known and not isinstance(error, PushFailed)
            self._looks[name] = self._looks[name] + 1 if away else 0
            raise
        except BadRequest:
            raise
        except BenchError as error:
            raise Unusable(str(error)) from error
        self._looks[name] = 0
        self._known.add(name)
        self._open_devices[name] = device
        return device

    def _take(self, name: str, *, wait: bool = True) -> Job[Payload] | None:
        """The next job for a device; waits while a running job may still come back. None: nothing is left for it."""
        with self._turn:
            while not self._stop.is_set():
                found = next((job for job in self._pending if name in job.devices), None)
                if found:
                    self._pending.remove(found)
                    self._taken[name] = found
                    return found
                if not self._taken or not wait:
                    return None
                self._turn.wait()
        return None

    def _ended(self, name: str, unfinished: Job[Payload] | None = None) -> None:
        with self._turn:
            del self._taken[name]
            if unfinished:
                self._pending.insert(0, unfinished)
            self._turn.notify_all()

    def _say(self, event: PoolEvent) -> None:
        if self._tell:
            with self._turn:
                self._tell(event)

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        """Waits for the threads; in a hurry not for those whose device is away, which have nothing to give back."""
        for thread in threads:
            while thread.is_alive():
                device = self._open_devices.get(thread.name)
                if self._hurried and not (device and device.transport.connected):
                    break
                # Not `join`: before Python 3.13 an interrupt that ends it marks the thread as ended though it runs.
                time.sleep(0.05)
