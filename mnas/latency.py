"""Candidate -> latency, on the device that the configuration names; the number is that of the TFLite file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from device_bench.protocol import TimingProtocol
from device_bench.runner import BenchSpec
from device_bench.timing import Timing
from mnas.config import LatencySection

if TYPE_CHECKING:
    from device_bench.device import Device


class LatencySource(Protocol):
    """Gives the latency of TFLite models."""

    name: str
    """What reports call it."""

    shares_cores: bool
    """It works on the cores that train: the two must take turns."""

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, raw: Path) -> dict[str, Timing]:
        """Latencies of some models, taken together so that they can be interleaved.

        Args:
            models: Name -> TFLite file.
            rng: Orders the sessions.
            raw: JSON lines file that everything seen is added to.

        Returns:
            A timing a name; one that could not be measured carries its verdict and reason.

        Raises:
            BenchError: The device is lost; nothing is known of any model.
        """

    def close(self) -> None:
        """Lets the device go."""


class DeviceLatency:
    """A device of `device_bench`: this machine, or a phone."""

    def __init__(self, settings: LatencySection, tell: Callable[[str], None]) -> None:
        """Connects to the device.

        Args:
            settings: Which device, and how to time on it.
            tell: Receives what the device does, in words; empty when it rests.

        Raises:
            BenchError: It is not there, or cannot do what is asked.
        """
        from device_bench.device import open_device

        self.name = settings.device
        self.shares_cores = settings.device == "host"
        self._tell = tell
        self._spec = BenchSpec(
            threads=settings.threads, cores=settings.cores, warmup_runs=settings.warmup_runs, runs=settings.runs
        )
        self._protocol = TimingProtocol(
            min_sessions=settings.min_sessions,
            max_sessions=settings.max_sessions,
            precision=settings.interval,
            canary_limit=settings.canary_limit,
        )
        self._device: Device = open_device(settings.device)

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, raw: Path) -> dict[str, Timing]:
        """One measurement of all models, their sessions shuffled."""
        from device_bench.measurement import Progress, measure
        from device_bench.records import appender

        def show(now: Progress) -> None:
            detail = f" ({now.detail})" if now.detail else ""
            self._tell(f"{now.device}: {now.doing[:12]}, session {now.sessions + 1}{detail}")

        try:
            return measure(
                self._device, models, self._protocol, self._spec, rng=rng, record=appender(raw), progress=show
            )
        finally:
            self._tell("")

    def close(self) -> None:
        """Ends the connection."""
        self._device.close()


def open_latency(settings: LatencySection, tell: Callable[[str], None]) -> LatencySource:
    """The latency source that the configuration names.

    Raises:
        BenchError: There is no such device, or it does not answer.
    """
    return DeviceLatency(settings, tell)
