"""A device: a transport, the runner that serves it, what it is and how it feels."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

from device_bench.cache import KEPT_MODELS, tidy, with_room
from device_bench.cores import resolve
from device_bench.errors import BadRequest, TransportError
from device_bench.local import LocalTransport
from device_bench.probe import DeviceInfo, DeviceState, read_info, read_state
from device_bench.runners.json_runner import host_runner
from device_bench.runners.runner import BenchSpec, Runner
from device_bench.transport import Transport, model_path


class Device:
    """One device, held by one thread at a time. Use it in a `with` block, or close it.

    Attributes:
        name: As `open_device` takes it.
        info: What it is.
        runner: The tool that times models on it.
        transport: The connection.
        canary_us: The canary's time when it first ran here, by how it ran.
    """

    def __init__(self, transport: Transport, runner: Runner) -> None:
        self.transport = transport
        self.runner = runner
        self.name = transport.name
        self.info: DeviceInfo = read_info(transport)
        self.canary_us: dict[BenchSpec, float] = {}
        self._used: Counter[str] = Counter()
        self._released = 0
        tidy(transport, self._in_use())

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def state(self) -> DeviceState:
        """How it feels now."""
        return read_state(self.transport)

    def resolve(self, spec: BenchSpec) -> BenchSpec:
        """Turns core names into this device's mask, by the cores that are online at this moment.

        Raises:
            BadRequest: The device has no such cores.
            TransportError: It cannot be asked.
        """
        if spec.cores is not None:
            self.info = read_info(self.transport)
        return replace(spec, cores=resolve(spec.cores, self.info.clusters))

    def push_model(self, model: bytes) -> str:
        """Puts a model on the device, unless it is there, and gives its path.

        It stays until it is released or the device is closed; afterwards it may be removed to make room.

        Raises:
            NoRoom: The device is full, also without what is not in use.
            TransportError: It could not be put there.
        """
        path = model_path(self.transport, model)
        with_room(self.transport, self._in_use(), lambda: self.transport.push(model, path))
        self._used[path] += 1
        return path

    def release(self, paths: Iterable[str]) -> None:
        """Says that models which were pushed are not needed any more."""
        for path in paths:
            self._used[path] -= 1
            self._released += 1
        self._used += Counter()
        if self._released >= KEPT_MODELS and self.transport.connected:
            self._released = 0
            tidy(self.transport, self._in_use())

    def _in_use(self) -> tuple[str, ...]:
        """Paths of the models in use and of the runner's program."""
        return (*self._used, *self.runner.argv(BenchSpec(), "model"))

    def describe(self) -> dict[str, Any]:
        """What it is, as JSON can hold it."""
        return asdict(self.info)

    def close(self) -> None:
        """Ends the connection, with a bounded number of models left on the device."""
        if (self._used or self._released) and self.transport.connected:
            with contextlib.suppress(TransportError):
                tidy(self.transport, self.runner.argv(BenchSpec(), "model"))
        self.transport.close()


def open_device(name: str, install: Callable[[Transport], Runner] | None = None, *, wait_s: float = 5.0) -> Device:
    """Connects to a device, holds it against other users and puts its runner there.

    Args:
        name: "host" for this machine; "adb:SERIAL", "adb:HOST:PORT" or "adb-server:SERIAL" for a phone or board.
        install: Puts a runner on the device and gives it; None: LiteRT's interpreter in a Python process on this
            machine, our own C runner elsewhere.
        wait_s: How long to wait for somebody else who uses the device.

    Raises:
        BadRequest: No device is named so.
        DeviceBusy: Somebody else uses it, here or on another computer.
        BenchError: There is no runner for it.
        TransportError: It does not answer.
    """
    transport = connect(name)
    try:
        transport.hold(wait_s=wait_s)
        runner = with_room(transport, (), lambda: (install or _default_runner)(transport))
        return Device(transport, runner)
    except BaseException as error:
        if isinstance(error, TransportError):
            error.answered = True
        transport.close()
        raise


def connect(name: str) -> Transport:
    """Connects to a device, without putting anything on it; errors as `open_device` raises them."""
    if name == "host":
        return LocalTransport(name)
    if name.startswith(("adb:", "adb-server:")):
        from device_bench.adb.names import open_adb

        return open_adb(name)
    raise BadRequest(f"unknown device {name!r}; use host, adb:SERIAL, adb:HOST:PORT or adb-server:SERIAL")


def _default_runner(transport: Transport) -> Runner:
    if transport.name == "host":
        return host_runner()
    from device_bench.runners.native_runner import install_native

    return install_native(transport)
