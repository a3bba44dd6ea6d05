"""A device: a transport, the runner that serves it, what it is and how it feels."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from device_bench.cores import resolve
from device_bench.errors import BadRequest
from device_bench.json_runner import host_runner
from device_bench.local import LocalTransport
from device_bench.probe import DeviceInfo, DeviceState, read_info, read_state
from device_bench.runner import BenchSpec, Runner
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
        """Puts a model on the device, unless it is there, and gives its path."""
        path = model_path(self.transport, model)
        self.transport.push(model, path)
        return path

    def describe(self) -> dict[str, Any]:
        """What it is, as JSON can hold it."""
        return asdict(self.info)

    def close(self) -> None:
        """Ends the connection."""
        self.transport.close()


def open_device(name: str, install: Callable[[Transport], Runner] | None = None) -> Device:
    """Connects to a device and puts its runner there.

    Args:
        name: "host" for this machine; "adb:SERIAL", "adb:HOST:PORT" or "adb-server:SERIAL" for a phone or board.
        install: Puts a runner on the device and gives it; None: LiteRT's interpreter in a Python process on this
            machine, our own C runner elsewhere.

    Raises:
        BadRequest: No device is named so.
        BenchError: There is no runner for it.
        TransportError: It does not answer.
    """
    transport = connect(name)
    try:
        runner = install(transport) if install else _default_runner(transport)
        return Device(transport, runner)
    except BaseException:
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
    from device_bench.native_runner import install_native

    return install_native(transport)
