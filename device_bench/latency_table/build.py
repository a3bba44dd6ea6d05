"""Measures the operators of a space on a device, round by round, until whole networks are predicted no better.

Every round times each operator once, alone, in a shuffled order and a fresh process, and then each calibration
network twice; the first rounds profile the networks too, and later ones time again what is slower than the others let
expect. What was measured is on disk after every command, so that a lost phone costs one command.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from device_bench.device import Device
from device_bench.errors import BadRequest, BenchError, RunnerError
from device_bench.latency_table.batch import (
    NETWORK_SPEC,
    Sample,
    network_session,
    operator_session,
    run_batch,
    shuffled,
    wait_until_fit,
)
from device_bench.latency_table.calibration import Calibration, Whole, calibrate
from device_bench.latency_table.content import OPERATORS
from device_bench.latency_table.features import features
from device_bench.latency_table.fill import fit_fill
from device_bench.latency_table.in_situ import mean_shares, shares
from device_bench.latency_table.parts import Network
from device_bench.latency_table.samples import AGREEMENT, Samples, entry_of, lowest_ms, repeat_error
from device_bench.latency_table.table import LatencyTable
from device_bench.latency_table.verify import choose_probes, time_canary
from device_bench.runners.runner import BenchSpec, Session
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.steady import steady

_BATCH = 24
_WORTH_IT = 0.97
"""A round was worth it when it left less than this share of the best error before it."""
_IDLE_ROUNDS = 2
"""After so many rounds that were not worth it, no other is begun."""
_PROFILED_ROUNDS = 1
_START_S, _PROFILED_RUNS = 0.02, 20
"""What a session takes beside its inferences, and inferences that a profile adds, for the forecast of a command."""

_Part = Literal["operators", "networks", "profiles"]

_SESSIONS: dict[_Part, int] = {"operators": 1, "networks": 2, "profiles": 1}
"""Sessions in a round. Errors of operators average out over a network, those of networks stay in the calibration."""
_SUSPECT: dict[_Part, float] = {"operators": 1.1, "networks": 1.04}
_AGAIN = 2
"""What takes so many times what the others let expect is timed so often more in a round, and unsettled networks too."""


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
    spec: BenchSpec = NETWORK_SPEC
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
    """Measures and fits; resumes with what the folder holds.

    Raises:
        TransportError: The device is lost; called again, the build resumes.
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
            "identity": asdict(device.info.identity),
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
        self.networks = {network.name: network for network in plan.networks}
        for name in self.networks:
            self.samples.networks.setdefault(name, [])
            self.samples.profiles.setdefault(name, [])
        self.profiled = self._can_profile()
        self.paths: dict[str, str] = {}
        self.runtime = ""
        self.error: float | None = None
        self.fitted: LatencyTable | None = None

    def run(self) -> LatencyTable:
        best, idle = float("inf"), 0
        while (number := self._round_number()) <= self.plan.max_rounds and self._left_s() > 0:
            whole = self._round(number)
            self._canary()
            self.fitted = self.table()
            self.error = self.fitted.calibration.mape
            idle = 0 if self.error < _WORTH_IT * best else idle + 1
            best = min(best, self.error)
            if not whole or (number >= self.plan.min_rounds and idle >= _IDLE_ROUNDS):
                break
        return self.fitted or self.table()

    def _can_profile(self) -> bool:
        try:
            self.device.runner.argv(self._spec_of("", "profiles"), "model")
        except BadRequest:
            return False
        return True

    def _round_number(self) -> int:
        operators = [len(rounds) for rounds in self.samples.operators.values()]
        networks = [len(rounds) // _SESSIONS["networks"] for rounds in self.samples.networks.values()]
        return min((*operators, *networks), default=0) + 1

    def _left_s(self) -> float:
        return self.plan.minutes * 60 - self.samples.device_s

    def _round(self, number: int) -> bool:
        """Times what has fewer than `number` sessions, and suspects; False when the budget ended first."""
        rng = np.random.default_rng([self.plan.seed, number])
        todo = [(key, part) for part in _SESSIONS for key in shuffled(self._open(part, number), rng)]
        for start in range(0, len(todo), _BATCH):
            batch = [one for one in todo[start : start + _BATCH] if one[0] not in self.samples.failed]
            if number > 1 and self._left_s() <= sum(self._takes_s(key, part) for key, part in batch):
                return False
            self._batch(batch)
            done = min(start + _BATCH, len(todo))
            self.tell(BuildProgress(number, done, len(todo), self._left_s(), self.error))
        return True

    def _open(self, part: _Part, number: int) -> list[str]:
        """What needs sessions in this round; several times what needs several."""
        if part == "profiles" and not (self.profiled and number <= _PROFILED_ROUNDS):
            return []
        stored: Mapping[str, Sequence[object]] = getattr(self.samples, part)
        again = self._unsettled(part) if number > 1 else set()
        if number >= self.plan.min_rounds:
            again |= self._suspects(part)
        return [
            key
            for key, sessions in stored.items()
            for _ in range(_SESSIONS[part] * number - len(sessions) + _AGAIN * (key in again))
        ]

    def _unsettled(self, part: _Part) -> set[str]:
        """Networks whose two lowest processes do not agree yet."""
        if part != "networks":
            return set()
        return {name for name, rounds in self.samples.networks.items() if repeat_error(rounds) > AGREEMENT}

    def _suspects(self, part: _Part) -> set[str]:
        """What is slower than the others let expect: perhaps none of its processes was undisturbed."""
        if part == "operators":
            measured = {key: lowest_ms(rounds) for key, rounds in self.samples.operators.items()}
            fill = fit_fill(measured)
            expected = {key: fill.estimate_ms(key) or ms for key, ms in measured.items()}
        elif part == "networks":
            table = self.fitted or self.table()
            measured = {name: lowest_ms(rounds) for name, rounds in self.samples.networks.items()}
            expected = {one.name: table.predict(one.signatures, fill=True).median_ms for one in self.networks.values()}
        else:
            return set()
        return {key for key, ms in measured.items() if ms > _SUSPECT[part] * expected[key]}

    def _batch(self, todo: Sequence[tuple[str, _Part]]) -> None:
        wait_until_fit(self.device, self.protocol)
        jobs = [(self._push(self._file(key, part)), self._spec_of(key, part)) for key, part in todo]
        began = time.monotonic()
        results = run_batch(self.device, jobs)
        self.samples.device_s += time.monotonic() - began
        for (key, part), result in zip(todo, results, strict=True):
            self._keep(key, part, result)
        self.samples.save(self.path)

    def _canary(self) -> None:
        """Times the canary, by which others can tell whether their device is this one."""
        began = time.monotonic()
        self.samples.canary += time_canary(self.device, self.spec, self.samples.canary)
        self.samples.device_s += time.monotonic() - began
        self.samples.save(self.path)

    def _keep(self, key: str, part: _Part, result: Session | RunnerError) -> None:
        """An operator that does not run is left to the fill; a network that does not run is an error."""
        if key in self.samples.failed:
            return
        if part == "profiles":
            self._keep_profile(key, result)
            return
        if isinstance(result, RunnerError):
            if part == "operators":
                self.samples.failed[key] = str(result)
                self.samples.operators.pop(key, None)
                return
            raise BenchError(f"network {key} does not run on {self.device.name}: {result}")
        self.runtime = result.runtime
        getattr(self.samples, part)[key].append(Sample.of(result))

    def _keep_profile(self, name: str, result: Session | RunnerError) -> None:
        """A profile that failed, or does not fit its network, is not used, and no more are made: it is only a help."""
        try:
            if isinstance(result, RunnerError):
                raise result
            self.samples.profiles[name].append(shares(self.networks[name].signatures, result.operators))
        except RunnerError:
            self.profiled = False

    def _file(self, key: str, part: _Part) -> str:
        return self.plan.parts[key] if part == "operators" else self.networks[key].file

    def _push(self, file: str) -> str:
        if file not in self.paths:
            self.paths[file] = self.device.push_model((self.plan.folder / file).read_bytes())
        return self.paths[file]

    def _spec_of(self, key: str, part: _Part) -> BenchSpec:
        if part == "networks":
            return network_session(self.spec, self.samples.networks[key])
        if part == "profiles":
            return replace(self.spec, runs=5, op_profile=True)
        return operator_session(self.spec, self.samples.operators[key])

    def _takes_s(self, key: str, part: _Part) -> float:
        """About how long a session takes, by earlier ones of the model."""
        stored = self.samples.operators if part == "operators" else self.samples.networks
        spec, known = self._spec_of(key, part), stored.get(key)
        inferences = spec.warmup_runs + spec.runs + _PROFILED_RUNS * (part == "profiles")
        return _START_S + inferences * (known[-1].median_ms if known else 0.0) / 1e3

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
            "canary_ms": lowest_ms(self.samples.canary) if self.samples.canary else None,
            "conditions": {
                "system": self.device.info.system,
                "device_s": round(self.samples.device_s, 1),
                "rounds": self.samples.rounds(),
                "failed": len(self.samples.failed),
                "profiles": sum(map(len, self.samples.profiles.values())),
                "statistic": "10th percentile of a process, lowest over processes",
            },
        }
        table = LatencyTable(entries, facts, OPERATORS)
        probes = choose_probes(entries, {key: self.plan.folder / file for key, file in self.plan.parts.items()})
        return LatencyTable(entries, facts, OPERATORS, self._calibration(table), probes=probes)

    def _calibration(self, table: LatencyTable) -> Calibration:
        wholes, errors = [], []
        for network in self.plan.networks:
            rounds = self.samples.networks[network.name]
            if rounds:
                inside = mean_shares(self.samples.profiles[network.name])
                wholes.append(
                    Whole(
                        group_sums(table, network.signatures),
                        Counter(features(one).group for one in network.signatures),
                        lowest_ms(rounds),
                        inside,
                    )
                )
                errors.append(repeat_error(rounds))
        return calibrate(wholes, float(np.mean(errors)) if errors else 0.0)


def group_sums(table: LatencyTable, signatures: Sequence[str]) -> dict[str, float]:
    """Group -> what the operators of a network take alone; those that are not in the table are estimated."""
    sums: dict[str, float] = {}
    for key in signatures:
        entry = table.entries.get(key)
        ms = entry.ms if entry else table.predict([key], fill=True).median_ms
        group = features(key).group
        sums[group] = sums.get(group, 0.0) + ms
    return sums
