"""Is a table that of the device at hand? The canary and a few of its operators, timed again, tell within seconds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from device_bench.device import Device
from device_bench.errors import RunnerError
from device_bench.latency_table.batch import (
    NETWORK_SPEC,
    Sample,
    network_session,
    operator_session,
    run_batch,
    shuffled,
    wait_until_fit,
)
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.features import features
from device_bench.latency_table.samples import lowest_ms, repeat_error
from device_bench.latency_table.table import LatencyTable
from device_bench.runners.runner import BenchSpec
from device_bench.timing.canary import canary_model
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.steady import steady

_CANARY = "canary"
_CANARY_SESSIONS = 2
_PROBES, _PROBE_BYTES = 8, 24_000
_SESSIONS, _ATTEMPTS = 3, 4
"""Processes for each operator in an attempt, and attempts: a device that seems slower may only be busy."""
_DRIFT = 0.10
"""How much slower a device may be than when it was fresh: what the timing protocol allows its canary."""
_MOST_NOISE = 0.2


@dataclass(frozen=True, slots=True)
class Agreement:
    """A table beside the device at hand.

    Attributes:
        operators: Signature -> what it takes here and by the table, in milliseconds.
        canary_ms: The same of the canary; None where the table or the device has no time of it.
        tolerance: How far the two may be apart, as a factor above 1: the device's drift, the table's own error and
            how far a repetition of this check would be off.
        runtime: What ran them here.
    """

    operators: Mapping[str, tuple[float, float]]
    canary_ms: tuple[float, float] | None
    tolerance: float
    runtime: str

    @property
    def ratio(self) -> float:
        """How much longer a typical operator takes here than by the table."""
        return statistics.median(here / there for here, there in self.operators.values())

    @property
    def slower(self) -> bool:
        """Whether something takes longer here than the table allows; a busy device does that, too."""
        return max(self._ratios()) > self.tolerance

    @property
    def agrees(self) -> bool:
        """Whether the table may be that of this device."""
        return all(1 / self.tolerance <= ratio <= self.tolerance for ratio in self._ratios())

    def words(self) -> str:
        """Both numbers of each, such as "8 operators take 0.312 ms here and 1.950 ms by the table"."""
        here, there = self._sums()
        words = [
            f"{len(self.operators)} operators take {here:.3g} ms here and {there:.3g} ms by the table"
            f" (typically {self.ratio:.2f} times as long)"
        ]
        if self.canary_ms:
            words.append("the canary {:.3g} ms here and {:.3g} ms by the table".format(*self.canary_ms))
        return f"{', '.join(words)}; +-{self.tolerance - 1:.0%} would be within its error"

    def _sums(self) -> tuple[float, float]:
        return sum(here for here, _ in self.operators.values()), sum(there for _, there in self.operators.values())

    def _ratios(self) -> list[float]:
        """Here by the table: the typical operator, all together (where the convolutions count), and the canary."""
        pairs = [self._sums(), *([self.canary_ms] if self.canary_ms else [])]
        return [self.ratio, *(here / there for here, there in pairs)]


def choose_probes(entries: Mapping[str, Entry], files: Mapping[str, Path]) -> dict[str, bytes]:
    """A few operators to keep with a table: of each kind the slowest whose file is small, kind after kind.

    Args:
        entries: The table's.
        files: Signature -> file of the single operator.
    """
    kinds: dict[str, list[str]] = {}
    for key in sorted(entries, key=lambda key: -entries[key].ms):
        if entries[key].ms > 0 and files[key].stat().st_size <= _PROBE_BYTES:
            kinds.setdefault(features(key).group, []).append(key)
    ranked = sorted((place, -entries[key].ms, key) for keys in kinds.values() for place, key in enumerate(keys))
    return {key: files[key].read_bytes() for _, _, key in ranked[:_PROBES]}


def time_canary(device: Device, spec: BenchSpec, known: Sequence[Sample] = ()) -> list[Sample]:
    """Two sessions of the canary; none where the runner cannot run it.

    Args:
        device: Where.
        spec: Threads, cores and delegate.
        known: Earlier sessions.

    Raises:
        TransportError: The device is lost.
    """
    path = device.push_model(canary_model())
    jobs = [(path, network_session(spec, known))] * _CANARY_SESSIONS
    return [Sample.of(one) for one in run_batch(device, jobs) if not isinstance(one, RunnerError)]


def verify(device: Device, table: LatencyTable, protocol: TimingProtocol, rng: np.random.Generator) -> Agreement:
    """Times the table's probes and the canary as its build did, again while they seem slower than they may be.

    Raises:
        TransportError: The device is lost.
        BenchError: It stays unfit, cannot do what the table was measured with, or an operator does not run.
    """
    facts = table.facts
    spec = device.resolve(
        replace(
            NETWORK_SPEC,
            threads=facts.get("threads") or 1,
            cores=facts.get("cores"),
            delegate=facts.get("delegate") or "cpu",
        )
    )
    paths = {key: device.push_model(content) for key, content in table.probes.items()}
    samples: dict[str, list[Sample]] = {key: [] for key in paths}
    canary: list[Sample] = []
    with steady(device.transport, device.info):
        for _ in range(_ATTEMPTS):
            wait_until_fit(device, protocol)
            todo = shuffled([key for key in paths for _ in range(_SESSIONS)], rng)
            results = run_batch(device, [(paths[key], operator_session(spec, samples[key])) for key in todo])
            for key, result in zip(todo, results, strict=True):
                if isinstance(result, RunnerError):
                    raise result
                samples[key].append(Sample.of(result))
                runtime = result.runtime
            canary += time_canary(device, spec, canary) if facts.get("canary_ms") else []
            found = _agreement(table, samples, canary, runtime)
            if not found.slower:
                break
    return found


def _agreement(
    table: LatencyTable, samples: Mapping[str, Sequence[Sample]], canary: Sequence[Sample], runtime: str
) -> Agreement:
    noise = statistics.median(repeat_error(rounds) for rounds in samples.values())
    own = (table.calibration.spread, table.calibration.noise, min(noise, _MOST_NOISE))
    return Agreement(
        {key: (lowest_ms(rounds), table.entries[key].ms) for key, rounds in samples.items()},
        (lowest_ms(canary), table.facts["canary_ms"]) if canary else None,
        1 + _DRIFT + 1.96 * math.hypot(*own),
        runtime,
    )
