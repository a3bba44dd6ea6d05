"""Equal phones as one: models are shared out between them, and one that dies leaves its share to the others."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np

from device_bench.device import Device, open_device
from device_bench.errors import BadRequest, DeviceLost, TransportError
from device_bench.measurement import Progress, measure
from device_bench.protocol import TimingProtocol
from device_bench.records import Record
from device_bench.runner import BenchSpec
from device_bench.timing import Timing

_TRY_AGAIN_S = 60.0


class Fleet:
    """Devices of one model that are measured on in parallel, each held by one thread at a time.

    A latency is one of the model of the phone, so phones of different models are refused. A device that is lost is
    set aside and looked for again after a minute; as long as one is left the work goes on.

    Args:
        names: As `open_device` takes them.
        opener: Opens a device by name.
        tell: Receives a line when a device is lost or comes back.

    Raises:
        BadRequest: The devices are of different models, or a name is none or comes twice.
        BenchError: A device does not answer: all must be there to begin with.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        opener: Callable[[str], Device] = open_device,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        if not names or len(set(names)) < len(names):
            raise BadRequest(f"devices {', '.join(names) or '(none)'}: name each one once")
        self._opener, self._tell = opener, tell or (lambda words: None)
        self._live: dict[str, Device] = {}
        self._lost_at: dict[str, float] = {}
        try:
            for name in names:
                self._live[name] = opener(name)
            self._check_equal()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """The fleet itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes all connections."""
        self.close()

    @property
    def live(self) -> tuple[str, ...]:
        """Names of the devices that answer."""
        return tuple(self._live)

    def measure(
        self,
        models: Mapping[str, bytes],
        protocol: TimingProtocol,
        spec: BenchSpec,
        *,
        rng: np.random.Generator,
        record: Callable[[str, Record], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> dict[str, Timing]:
        """Times models, shared out over the devices; arguments as for `measurement.measure`.

        Args:
            models: TFLite files by name.
            protocol: How often and how exact.
            spec: How one session times.
            rng: Source of the order of the sessions.
            record: Called with the device's name and everything seen there, from several threads.
            progress: Called when something begins, from several threads.

        Raises:
            BadRequest: As `measurement.measure` does.
            DeviceLost: No device is left; what was measured before is lost with it.
        """
        found: dict[str, Timing] = {}
        while left := [name for name in models if name not in found]:
            self._look_again()
            if not self._live:
                raise DeviceLost(f"no device is left of {', '.join(sorted(self._lost_at))}")
            devices = list(self._live.values())[: len(left)]
            shares = [{name: models[name] for name in left[number :: len(devices)]} for number in range(len(devices))]
            job = partial(_share, protocol=protocol, spec=spec, record=record, progress=progress)
            for timings in self._in_parallel(job, devices, shares, rng.spawn(len(devices))):
                found |= timings
        return {name: found[name] for name in models}

    def close(self) -> None:
        """Ends all connections."""
        for device in self._live.values():
            device.close()
        self._live.clear()

    def _in_parallel(
        self,
        job: Callable[[Device, Mapping[str, bytes], np.random.Generator], dict[str, Timing]],
        devices: Sequence[Device],
        shares: Sequence[Mapping[str, bytes]],
        rngs: Sequence[np.random.Generator],
    ) -> list[dict[str, Timing]]:
        """What the devices found; one that is lost meanwhile is set aside."""
        with ThreadPoolExecutor(len(devices)) as threads:
            futures = [threads.submit(job, *words) for words in zip(devices, shares, rngs, strict=True)]
        found = []
        for device, future in zip(devices, futures, strict=True):
            try:
                found.append(future.result())
            except TransportError as error:
                self._set_aside(device, error)
        return found

    def _set_aside(self, device: Device, error: TransportError) -> None:
        del self._live[device.name]
        self._lost_at[device.name] = time.monotonic()
        device.close()
        self._tell(f"{device.name} is lost ({error}); {len(self._live)} left")

    def _look_again(self) -> None:
        """Opens lost devices again: after a minute, or at once when no other is left."""
        for name, since in list(self._lost_at.items()):
            if self._live and time.monotonic() - since < _TRY_AGAIN_S:
                continue
            try:
                self._live[name] = self._opener(name)
            except TransportError:
                self._lost_at[name] = time.monotonic()
            else:
                del self._lost_at[name]
                self._tell(f"{name} is back")

    def _check_equal(self) -> None:
        kinds = {device.info.model: name for name, device in self._live.items()}
        if len(kinds) > 1:
            shown = " and ".join(f"{name} ({model})" for model, name in kinds.items())
            raise BadRequest(f"{shown} are different devices; only equal ones can share their work")


def _share(
    device: Device,
    models: Mapping[str, bytes],
    rng: np.random.Generator,
    *,
    protocol: TimingProtocol,
    spec: BenchSpec,
    record: Callable[[str, Record], None] | None,
    progress: Callable[[Progress], None] | None,
) -> dict[str, Timing]:
    keep = None if record is None else partial(record, device.name)
    return measure(device, models, protocol, spec, rng=rng, record=keep, progress=progress)
