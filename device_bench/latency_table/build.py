"""Measures the operators of a space on a device, round by round, until whole networks are predicted no better.

Every round times each operator once, alone, in a shuffled order and a fresh process, and then each calibration
network. What was measured is on disk after every command, so that a lost phone costs one command.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from device_bench.device import Device
from device_bench.errors import BenchError, RunnerError
from device_bench.latency_table.batch import Sample, run_batch, wait_until_fit
from device_bench.latency_table.calibration import Calibration, calibrate
from device_bench.latency_table.features import features
from device_bench.latency_table.parts import Network
from device_bench.latency_table.samples import Samples
from device_bench.latency_table.table import OPERATORS, Entry, LatencyTable
from device_bench.protocol import TimingProtocol
from device_bench.runner import BenchSpec
from device_bench.steady import steady

_BATCH = 24
_WORTH_IT = 0.97
"""A round was worth it when it left less than this share of the best error before it."""
_IDLE_ROUNDS = 2
"""After so many rounds that were not worth it, no other is begun."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is.

    Attributes:
        round: Number of the round, from 1.
        done: Sessions of it that are done.
        total: Sessions that it has.
        left_s: Device time left of the budget.
        error: Mean absolute relative error on networks left out, after the last round; None before.
    """

    round: int
    done: int
    total: int
    left_s: float
    error: float | None


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What to measure.

    Attributes:
        parts: Signature -> file of the operator.
        networks: Calibration networks.
        folder: Where the files lie; `samples.json` is kept there too.
        spec: Threads, cores and delegate; its runs are for whole networks.
        minutes: Budget of device time.
        min_rounds: Rounds before the error may stop it.
        max_rounds: Rounds at most.
        seed: Of the order.
        facts: What else identifies the build: precision, space, input shape.
    """

    parts: Mapping[str, str]
    networks: Sequence[Network]
    folder: Path
    spec: BenchSpec = field(default_factory=BenchSpec)
    minutes: float = 2.0
    min_rounds: int = 3
    max_rounds: int = 8
    seed: int = 0
    facts: Mapping[str, object] = field(default_factory=dict)


def build(
    device: Device,
    plan: BuildPlan,
    protocol: TimingProtocol,
    tell: Callable[[BuildProgress], None] = lambda progress: None,
) -> LatencyTable:
    """Measures and fits; goes on with what the folder holds.

    Raises:
        TransportError: The device is lost; called again, the build goes on.
        BenchError: The device stays unfit, or nothing could be timed in the time allowed.
    """
    builder = _Builder(device, plan, protocol, tell)
    with steady(device.transport, device.info):
        return builder.run()


class _Builder:
    def __init__(
        self, device: Device, plan: BuildPlan, protocol: TimingProtocol, tell: Callable[[BuildProgress], None]
    ) -> None:
        self.device, self.plan, self.protocol, self.tell = device, plan, protocol, tell
        self.spec = device.resolve(plan.spec)
        self.path = plan.folder / "samples.json"
        identity = {
            **plan.facts,
            "device": device.info.model,
            "name": device.name,
            "runner": device.runner.name,
            "threads": self.spec.threads,
            "cores": self.spec.cores,
            "delegate": self.spec.delegate,
        }
        self.samples = Samples.open(self.path, identity)
        for key in plan.parts:
            if key not in self.samples.failed:
                self.samples.operators.setdefault(key, [])
        for network in plan.networks:
            self.samples.networks.setdefault(network.name, [])
        self.paths: dict[str, str] = {}
        self.runtime = ""
        self.error: float | None = None

    def run(self) -> LatencyTable:
        best, idle = float("inf"), 0
        while (number := self._round_number()) <= self.plan.max_rounds and self._left_s() > 0:
            whole = self._round(number)
            self.error = self.table().calibration.mape
            idle = 0 if self.error < _WORTH_IT * best else idle + 1
            best = min(best, self.error)
            if not whole or (number >= self.plan.min_rounds and idle >= _IDLE_ROUNDS):
                break
        return self.table()

    def _round_number(self) -> int:
        counts = [len(rounds) for rounds in (*self.samples.operators.values(), *self.samples.networks.values())]
        return min(counts, default=0) + 1

    def _left_s(self) -> float:
        return self.plan.minutes * 60 - self.samples.device_s

    def _round(self, number: int) -> bool:
        """Times what has fewer than `number` sessions; False when the budget ended first."""
        rng = np.random.default_rng([self.plan.seed, number])
        files = {network.name: network.file for network in self.plan.networks}
        open_ = [key for key, rounds in self.samples.operators.items() if len(rounds) < number]
        nets = [key for key in files if len(self.samples.networks[key]) < number]
        todo = [(key, self.plan.parts[key]) for key in rng.permutation(np.array(open_, object))]
        todo += [(key, files[key]) for key in rng.permutation(np.array(nets, object))]
        for start in range(0, len(todo), _BATCH):
            if self._left_s() <= 0 and number > 1:
                return False
            self._batch(todo[start : start + _BATCH])
            done = min(start + _BATCH, len(todo))
            self.tell(BuildProgress(number, done, len(todo), self._left_s(), self.error))
        return True

    def _batch(self, todo: Sequence[tuple[str, str]]) -> None:
        wait_until_fit(self.device, self.protocol)
        jobs = [(self._push(file), self._spec_of(key)) for key, file in todo]
        began = time.monotonic()
        results = run_batch(self.device, jobs)
        self.samples.device_s += time.monotonic() - began
        for (key, _), result in zip(todo, results, strict=True):
            if isinstance(result, RunnerError):
                self._fail(key, result)
                continue
            self.runtime = result.runtime
            kept = self.samples.networks if key in self.samples.networks else self.samples.operators
            kept[key].append(Sample.of(result))
        self.samples.save(self.path)

    def _fail(self, key: str, error: RunnerError) -> None:
        """An operator that does not run is left to the fill; a network that does not run is an error."""
        if key in self.samples.networks:
            raise BenchError(f"network {key} does not run on {self.device.name}: {error}")
        self.samples.failed[key] = str(error)
        self.samples.operators.pop(key, None)

    def _push(self, file: str) -> str:
        if file not in self.paths:
            self.paths[file] = self.device.push_model((self.plan.folder / file).read_bytes())
        return self.paths[file]

    def _spec_of(self, key: str) -> BenchSpec:
        """Operators get about 10 ms of inferences, between 30 and 120; networks what was asked for."""
        if key in self.samples.networks:
            return self.spec
        known = self.samples.operators[key]
        runs = int(np.clip(10 / max(known[-1].p10_ms, 1e-3), 30, 120)) if known else 40
        return BenchSpec(self.spec.threads, self.spec.delegate, self.spec.cores, 5, runs)

    def table(self) -> LatencyTable:
        """What is known so far."""
        entries = {key: entry_of(rounds) for key, rounds in self.samples.operators.items() if rounds}
        if not entries:
            raise BenchError("no operator could be timed: allow more --minutes")
        facts = {
            **self.samples.identity,
            "soc": self.device.info.soc,
            "abi": self.device.info.abi,
            "runtime": self.runtime,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "conditions": {
                "system": self.device.info.system,
                "device_s": round(self.samples.device_s, 1),
                "rounds": self.samples.rounds(),
                "failed": len(self.samples.failed),
                "statistic": "10th percentile of a process, lower quartile over processes",
            },
        }
        table = LatencyTable(entries, facts, OPERATORS)
        return LatencyTable(entries, facts, OPERATORS, self._calibration(table))

    def _calibration(self, table: LatencyTable) -> Calibration:
        sums, counts, measured, noise = [], [], [], []
        for network in self.plan.networks:
            rounds = self.samples.networks[network.name]
            if rounds:
                sums.append(group_sums(table, network.signatures))
                counts.append(len(network.signatures))
                measured.append(calibration_ms(rounds))
                noise.append(entry_of(rounds).spread)
        return calibrate(sums, counts, measured, float(np.mean(noise)) if noise else 0.0)


def entry_of(rounds: Sequence[Sample]) -> Entry:
    """One operator over its rounds."""
    lows = np.array([one.p10_ms for one in rounds])
    return Entry(
        float(lows.min()),
        float(np.median([one.median_ms for one in rounds])),
        float(lows.std() / lows.mean()),
        sum(one.runs for one in rounds),
    )


def calibration_ms(rounds: Sequence[Sample]) -> float:
    """What a calibration network takes: the lower quartile, for operators count by their best round too."""
    return float(np.percentile([one.p10_ms for one in rounds], 25))


def network_ms(rounds: Sequence[Sample]) -> float:
    """The latency of a network: the median over processes of their 10th percentiles."""
    return float(np.median([one.p10_ms for one in rounds]))


def group_sums(table: LatencyTable, signatures: Sequence[str]) -> dict[str, float]:
    """Group -> what the operators of a network take alone; those that are not in the table are estimated."""
    sums: dict[str, float] = {}
    for key in signatures:
        entry = table.entries.get(key)
        ms = entry.ms if entry else table.predict([key], fill=True).median_ms
        group = features(key).group
        sums[group] = sums.get(group, 0.0) + ms
    return sums
