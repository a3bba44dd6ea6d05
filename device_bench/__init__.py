"""Benchmarks TFLite models on phones, boards and this machine. Names load on first use; nothing imports TensorFlow."""

import importlib
from typing import Any

_HOME = {
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
    "BenchSpec": "runner",
    "Runner": "runner",
    "Session": "runner",
    "Completed": "transport",
    "Transport": "transport",
    "Timing": "timing",
    "LatencyTable": "latency_table.table",
    "MissingEntries": "latency_table.table",
    "Prediction": "latency_table.table",
    "Verdict": "timing",
    "TimingProtocol": "protocol",
    "Device": "device",
    "open_device": "device",
    "measure": "measurement",
    "Progress": "measurement",
    "judge": "verdict",
    "model_precision": "model_file",
    "to_tflite": "convert",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
