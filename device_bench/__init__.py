"""Benchmarks TFLite models on phones, boards and this machine. Names load on first use; nothing imports TensorFlow."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from device_bench.conversion.convert import to_tflite as to_tflite
    from device_bench.device import Device as Device
    from device_bench.device import open_device as open_device
    from device_bench.errors import AuthRequired as AuthRequired
    from device_bench.errors import BadRequest as BadRequest
    from device_bench.errors import BenchError as BenchError
    from device_bench.errors import CommandTimeout as CommandTimeout
    from device_bench.errors import ConversionError as ConversionError
    from device_bench.errors import DeviceLost as DeviceLost
    from device_bench.errors import PullFailed as PullFailed
    from device_bench.errors import PushFailed as PushFailed
    from device_bench.errors import RunnerError as RunnerError
    from device_bench.errors import TransportError as TransportError
    from device_bench.kinds import Verdict as Verdict
    from device_bench.latency_table.table import LatencyTable as LatencyTable
    from device_bench.latency_table.table import MissingEntries as MissingEntries
    from device_bench.latency_table.table import Prediction as Prediction
    from device_bench.runners.runner import BenchSpec as BenchSpec
    from device_bench.runners.runner import Runner as Runner
    from device_bench.runners.runner import Session as Session
    from device_bench.tflite.model_file import model_precision as model_precision
    from device_bench.timing.measurement import Progress as Progress
    from device_bench.timing.measurement import measure as measure
    from device_bench.timing.protocol import TimingProtocol as TimingProtocol
    from device_bench.timing.timing import Timing as Timing
    from device_bench.timing.verdict import judge as judge
    from device_bench.transport import Completed as Completed
    from device_bench.transport import Transport as Transport

_HOME = {
    "to_tflite": "conversion.convert",
    "Device": "device",
    "open_device": "device",
    "AuthRequired": "errors",
    "BadRequest": "errors",
    "BenchError": "errors",
    "CommandTimeout": "errors",
    "ConversionError": "errors",
    "DeviceLost": "errors",
    "PullFailed": "errors",
    "PushFailed": "errors",
    "RunnerError": "errors",
    "TransportError": "errors",
    "Verdict": "kinds",
    "LatencyTable": "latency_table.table",
    "MissingEntries": "latency_table.table",
    "Prediction": "latency_table.table",
    "BenchSpec": "runners.runner",
    "Runner": "runners.runner",
    "Session": "runners.runner",
    "model_precision": "tflite.model_file",
    "Progress": "timing.measurement",
    "measure": "timing.measurement",
    "TimingProtocol": "timing.protocol",
    "Timing": "timing.timing",
    "judge": "timing.verdict",
    "Completed": "transport",
    "Transport": "transport",
}
__all__ = sorted(_HOME)

if not TYPE_CHECKING:  # a type checker sees the imports above, and no name beside them

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
