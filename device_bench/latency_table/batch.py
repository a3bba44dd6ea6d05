"""Many short sessions in few commands: over a phone's connection a command costs more than an operator."""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from device_bench.device import Device
from device_bench.errors import RunnerError
from device_bench.runners.runner import BenchSpec, Session
from device_bench.timing.protocol import TimingProtocol
from device_bench.transport import Completed

_MARK = "@@exit"
_SESSION_S = 20.0
_OPERATOR_MS, _NETWORK_MS = 6.0, 80.0
_MOST_RUNS = 120

NETWORK_SPEC = BenchSpec(warmup_runs=3, runs=12)
"""How a session times a whole network: many short processes find an undisturbed moment sooner than few long ones."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process measured of one model, in milliseconds.

    Attributes:
        p10_ms: 10th percentile of its inferences; other work on the device hardly moves it.
        median_ms: Their median.
        runs: How many there were.
    """

    p10_ms: float
    median_ms: float
    runs: int

    @classmethod
    def of(cls, session: Session) -> "Sample":
        """Sums up a session; a tool that tells no single times gives its own centre for both."""
        if not session.samples_us:
            return cls(session.center_us / 1e3, session.center_us / 1e3, session.runs)
        p10, median = np.percentile(session.samples_us, [10, 50]) / 1e3
        return cls(float(p10), float(median), session.runs)


def network_session(spec: BenchSpec, known: Sequence[Sample]) -> BenchSpec:
    """How to time a whole network once more; small ones get more inferences."""
    return _sized(spec, known, _NETWORK_MS)


def operator_session(spec: BenchSpec, known: Sequence[Sample]) -> BenchSpec:
    """How to time a single operator once more, with the threads and cores of `spec`."""
    return _sized(replace(spec, warmup_runs=3, runs=15 if known else 25), known, _OPERATOR_MS)


def _sized(spec: BenchSpec, known: Sequence[Sample], wanted_ms: float) -> BenchSpec:
    """As many inferences as take `wanted_ms` by the last session, but no fewer than `spec` has."""
    if not known:
        return spec
    return replace(spec, runs=int(np.clip(wanted_ms / max(known[-1].p10_ms, 1e-3), spec.runs, _MOST_RUNS)))


def run_batch(device: Device, jobs: Sequence[tuple[str, BenchSpec]]) -> list[Session | RunnerError]:
    """Runs one session for each model on the device, in one command.

    Args:
        device: Where.
        jobs: Path of a model on the device, and how to time it.

    Returns:
        For each job its session, or why it failed.

    Raises:
        TransportError: The device is lost.
    """
    commands = [device.runner.argv(spec, path) for path, spec in jobs]
    # The runner's exit code is kept aside: the empty line that ends its output would overwrite it.
    script = "\n".join(f"{shlex.join(one)} 2>/dev/null; code=$?; echo; echo {_MARK} $code" for one in commands)
    completed = device.transport.shell(("sh", "-c", script), timeout_s=_SESSION_S * len(jobs) + 30)
    results: list[Session | RunnerError] = []
    for (path, spec), answer in zip(jobs, _answers(completed.stdout, len(jobs)), strict=True):
        results.append(_session(device, path, spec, answer))
    return results


def _answers(stdout: str, count: int) -> list[Completed | None]:
    """What each command printed, with its exit code; None behind the point where the shell itself ended."""
    found: list[Completed | None] = []
    lines: list[str] = []
    for line in stdout.splitlines():
        if line.startswith(f"{_MARK} "):
            found.append(Completed(int(line.split()[1]), "\n".join(lines), ""))
            lines = []
        else:
            lines.append(line)
    return (found + [None] * count)[:count]


def _session(device: Device, path: str, spec: BenchSpec, answer: Completed | None) -> Session | RunnerError:
    if answer is None or answer.exit_code != 0:
        # Once more by itself: then its own words say what is wrong.
        answer = device.transport.shell(device.runner.argv(spec, path), timeout_s=_SESSION_S)
    try:
        return device.runner.parse(spec, answer)
    except RunnerError as error:
        return error


def shuffled(keys: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The same in another order, so that what drifts on the device falls on all alike."""
    return [keys[index] for index in rng.permutation(len(keys))]


def wait_until_fit(device: Device, protocol: TimingProtocol) -> None:
    """Returns when the device is cool and quiet enough to be timed.

    Raises:
        RunnerError: It does not become so in time.
    """
    end = time.monotonic() + protocol.gate_timeout_s
    while reason := protocol.unfit(device.state()):
        if time.monotonic() > end:
            raise RunnerError(f"{device.name} is not fit to be timed: {reason}; let it cool and run again to resume")
        time.sleep(protocol.gate_poll_s)
