"""Candidate -> latency, on the device that the configuration names; the number is that of the TFLite file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from device_bench.errors import BadRequest, DeviceLost
from device_bench.runners.runner import BenchSpec
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.timing import Timing
from mnas.config import TABLE, LatencySection

if TYPE_CHECKING:
    from device_bench.device import Device
    from device_bench.pool import Pool, PoolEvent
    from device_bench.timing.measurement import Progress

Tell = Callable[[str], None]


class LatencySource(Protocol):
    """Gives the latency of TFLite models."""

    name: str
    """What reports call it."""

    identity: dict[str, Any]
    """What it is: latencies of another device that came to be called the same are not its own."""

    beside_training: bool
    """It times untrained twins while the workers train; otherwise the trained files, once they are done: a device
    that shares the workers' cores takes turns with them, and a table needs no time."""

    shares_cores: bool
    """It computes where the workers do, so that they would disturb each other."""

    def predicted(self, keys: Sequence[str]) -> Timing | None:
        """Latency by the signatures of a network's operators alone; None where it has to be measured."""

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, folder: Path) -> dict[str, Timing]:
        """Latencies of some models, taken together so that they can be interleaved.

        Args:
            models: Name -> TFLite file.
            rng: Orders the sessions.
            folder: Where a JSON lines file per device receives everything that is seen.

        Returns:
            A timing per name; one that could not be measured carries its verdict and reason.

        Raises:
            BenchError: The device is lost; nothing is known of some models.
        """

    def stop(self) -> None:
        """Ends a measurement that another thread makes, after the session at work; `measure` raises from then on."""

    def close(self) -> None:
        """Lets the device go."""


class HostLatency:
    """This machine."""

    name = "host"
    beside_training = False
    shares_cores = True

    def __init__(self, settings: LatencySection, tell: Tell) -> None:
        """Looks at the machine.

        Raises:
            BenchError: It cannot do what is asked.
        """
        from device_bench.device import open_device

        self._settings, self._tell = settings, tell
        self._device = open_device("host")
        self.identity = _identity(self._device)
        self._device.resolve(_spec(settings))

    def predicted(self, keys: Sequence[str]) -> Timing | None:
        """Only a measurement tells."""
        return None

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, folder: Path) -> dict[str, Timing]:
        """One measurement of all models, their sessions shuffled."""
        try:
            return _measure(self._device, models, self._settings, rng, folder, self._tell)
        finally:
            self._tell("")

    def stop(self) -> None:
        """Nothing: it measures in the thread of its caller, which an interrupt ends."""

    def close(self) -> None:
        """Ends what was opened."""
        self._device.close()


class PhoneLatency:
    """Phones or boards of one model, which share the work; one that is lost leaves its share to the others."""

    beside_training = True
    shares_cores = False

    def __init__(self, settings: LatencySection, tell: Tell) -> None:
        """Connects to each device once.

        Raises:
            BenchError: One is not there, cannot do what is asked, or is of another model than the first.
        """
        self.name = settings.device
        self._names = device_names(settings.device)
        self._settings, self._tell = settings, tell
        self._canaries: dict[str, dict[BenchSpec, float]] = {}
        self._stopped = False
        self._pool: Pool[list[str]] | None = None
        self._kinds: dict[str, tuple[str, str]] = {}
        self.identity: dict[str, Any] = {}
        for name in self._names:
            with self._open(name) as device:
                device.resolve(_spec(settings))
                self._kinds[name] = (device.info.model, device.info.soc)
                self.identity[name] = _identity(device)
        kinds = self._kinds
        different = [name for name in self._names if kinds[name] != kinds[self._names[0]]]
        if different:
            raise BadRequest(
                f"{different[0]} is a {' '.join(map(str, kinds[different[0]]))}, {self._names[0]} a "
                f"{' '.join(map(str, kinds[self._names[0]]))}: one search times on phones of one model"
            )

    def predicted(self, keys: Sequence[str]) -> Timing | None:
        """Only a measurement tells."""
        return None

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, folder: Path) -> dict[str, Timing]:
        """A share of the models per device, each share one measurement.

        Raises:
            DeviceLost: No device is left, or `stop` was called.
        """
        from device_bench.pool import Job, Pool

        count = min(len(self._names), len(models))
        shares = [list(models)[start::count] for start in range(count)]
        rngs = dict(zip(map(tuple, shares), rng.spawn(count), strict=True))
        timings: dict[str, Timing] = {}
        lost: list[str] = []

        def work(device: Device, share: list[str]) -> None:
            some = {name: models[name] for name in share}
            timings.update(_measure(device, some, self._settings, rngs[tuple(share)], folder, tell))

        def tell(text: str) -> None:
            pool.check()
            self._tell(text)

        def event(what: PoolEvent) -> None:
            if what.kind != "ready":
                lost.append(f"{what.device}: {what.reason}")
                self._tell(f"{what.device} {what.kind}: {what.reason}")

        jobs = [Job(frozenset(self._names), share) for share in shares]
        self._pool = pool = Pool(jobs, self._open, work, tell=event, known=self._names)
        if self._stopped:
            raise DeviceLost("the search was stopped")
        left = pool.run()
        self._tell("")
        if left:
            raise DeviceLost(f"no device is left to time on; {lost[-1] if lost else 'none answered'}")
        return timings

    def stop(self) -> None:
        """Ends the sessions on all devices, each of which is given back as it was."""
        self._stopped = True
        if self._pool is not None:
            self._pool.stop()

    def close(self) -> None:
        """Nothing is open between measurements."""

    def _open(self, name: str) -> Device:
        from device_bench.device import open_device

        device = open_device(name)
        kind = (device.info.model, device.info.soc)
        if self._kinds.get(name, kind) != kind:
            device.close()
            raise BadRequest(f"{name} is now a {' '.join(kind)}, another device than when the search began")
        # What a fresh device did is the measure of a hot one, also on the next connection.
        device.canary_us = self._canaries.setdefault(name, device.canary_us)
        return device


def _identity(device: Device) -> dict[str, Any]:
    """Without what changes from day to day, such as a host's name or its kernel."""
    about = device.describe()
    return {key: about[key] for key in ("model", "soc", "abi", "identity") if key in about}


def device_names(text: str) -> tuple[str, ...]:
    """The devices of `latency.device`: one, or several of one model with commas between them.

    Raises:
        BadRequest: None, one twice, or this machine beside others.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or len(set(names)) < len(names) or ("host" in names and len(names) > 1):
        raise BadRequest(
            f"latency.device {text!r}: give host, or one or more different phones with commas between them"
        )
    return names


def open_latency(settings: LatencySection, tell: Tell, say: Tell) -> LatencySource:
    """The latency source that the configuration names.

    Args:
        settings: Which device or table.
        tell: Receives what a device does, in words; empty when it rests.
        say: Receives what is worth a line that stays.

    Raises:
        BenchError: There is no such device, or it does not answer.
    """
    if settings.device.startswith(TABLE):
        from mnas.latency.table import TableLatency

        return TableLatency(settings, say)
    if device_names(settings.device) == ("host",):
        return HostLatency(settings, tell)
    return PhoneLatency(settings, tell)


def _spec(settings: LatencySection) -> BenchSpec:
    return BenchSpec(
        threads=settings.threads, cores=settings.cores, warmup_runs=settings.warmup_runs, runs=settings.runs
    )


def _measure(
    device: Device,
    models: Mapping[str, bytes],
    settings: LatencySection,
    rng: np.random.Generator,
    folder: Path,
    tell: Tell,
) -> dict[str, Timing]:
    from device_bench.timing.measurement import measure
    from device_bench.timing.records import appender

    def show(now: Progress) -> None:
        detail = f" ({now.detail})" if now.detail else ""
        tell(f"{now.device}: {now.doing[:12]}, session {now.sessions + 1}{detail}")

    protocol = TimingProtocol(
        min_sessions=settings.min_sessions,
        max_sessions=settings.max_sessions,
        precision=settings.interval,
        canary_limit=settings.canary_limit,
    )
    raw = folder / f"latency-{re.sub('[^A-Za-z0-9.]+', '-', device.name)}.jsonl"
    return measure(device, models, protocol, _spec(settings), rng=rng, record=appender(raw), progress=show)
