"""Holds a table against whole networks that it has never seen."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.device import Device
from device_bench.errors import BenchError, RunnerError
from device_bench.latency_table.batch import Sample, network_session, run_batch, shuffled, wait_until_fit
from device_bench.latency_table.parts import Network
from device_bench.latency_table.samples import AGREEMENT, lowest_ms, repeat_error
from device_bench.latency_table.scores import Scores, score
from device_bench.latency_table.table import LatencyTable
from device_bench.runners.runner import BenchSpec
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.steady import steady

_BATCH = 12
_MOST = 3


@dataclass(frozen=True, slots=True)
class CheckedNetwork:
    """One held-out network.

    Attributes:
        name: Its hash.
        kind: `random` or `near`.
        macs: Its multiply-accumulates.
        measured_ms: Its latency.
        predicted_ms: By the table.
        low_ms: Lower end of the predicted interval.
        high_ms: Upper end.
        filled_share: Share of the prediction that was estimated.
        noise: Relative standard deviation of its processes.
        repeat_error: How far a repetition of the measurement would be off, relative.
    """

    name: str
    kind: str
    macs: int
    measured_ms: float
    predicted_ms: float
    low_ms: float
    high_ms: float
    filled_share: float
    noise: float
    repeat_error: float


def measure_networks(
    device: Device,
    networks: Sequence[Network],
    folder: Path,
    spec: BenchSpec,
    protocol: TimingProtocol,
    *,
    sessions: int,
    rng: np.random.Generator,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, list[Sample]]:
    """Times each network in `sessions` processes, all of them shuffled.

    A network whose two lowest processes differ by more than 1 % is timed again, in up to three times as many.

    Raises:
        TransportError: The device is lost.
        BenchError: A network does not run.
    """
    spec = device.resolve(spec)
    paths = {one.name: device.push_model((folder / one.file).read_bytes()) for one in networks}
    samples: dict[str, list[Sample]] = {one.name: [] for one in networks}
    done, todo = 0, [name for _ in range(sessions) for name in shuffled(list(samples), rng)]
    with steady(device.transport, device.info):
        while todo:
            wait_until_fit(device, protocol)
            names, todo = todo[:_BATCH], todo[_BATCH:]
            jobs = [(paths[one], network_session(spec, samples[one])) for one in names]
            for name, result in zip(names, run_batch(device, jobs), strict=True):
                if isinstance(result, RunnerError):
                    raise BenchError(f"network {name} does not run on {device.name}: {result}")
                samples[name].append(Sample.of(result))
            done += len(names)
            tell(done, done + len(todo))
            todo = todo or shuffled(_unsettled(samples, _MOST * sessions), rng)
    return samples


def compare(
    table: LatencyTable,
    networks: Mapping[str, Sequence[Network]],
    samples: Mapping[str, Sequence[Sample]],
    *,
    fill: bool = True,
) -> list[CheckedNetwork]:
    """Predicts every network and puts it beside its measurement.

    Args:
        table: The table.
        networks: Kind (`random`, `near`) -> networks.
        samples: Their sessions.
        fill: Estimate operators that the table does not have.
    """
    rows = []
    for kind, members in networks.items():
        for one in members:
            guess = table.predict(one.signatures, fill=fill)
            times = np.array([sample.p10_ms for sample in samples[one.name]])
            rows.append(
                CheckedNetwork(
                    one.name,
                    kind,
                    one.macs,
                    lowest_ms(samples[one.name]),
                    guess.median_ms,
                    guess.low_ms,
                    guess.high_ms,
                    guess.filled_share,
                    float(times.std(ddof=1) / times.mean()) if len(times) > 1 else 0.0,
                    repeat_error(samples[one.name]),
                )
            )
    return rows


def report(rows: Sequence[CheckedNetwork], sessions: int) -> dict[str, Any]:
    """The result of a check, as the table keeps it.

    The MACs baseline is fitted on the checked networks themselves, which flatters it. The floor is the error of a
    perfect predictor: the lowest of `sessions` processes is known no better than it would come out again.
    """
    kinds = {kind: [row for row in rows if row.kind == kind] for kind in dict.fromkeys(row.kind for row in rows)}
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "sessions": sessions,
        "process_noise": float(np.mean([row.noise for row in rows])),
        "floor_mape": float(np.mean([row.repeat_error for row in rows])),
        "inside_interval": float(np.mean([row.low_ms <= row.measured_ms <= row.high_ms for row in rows])),
        "table": {kind: asdict(_scores(members)) for kind, members in kinds.items()},
        "macs_baseline": {kind: asdict(_baseline(members)) for kind, members in kinds.items()},
        "networks": [asdict(row) for row in rows],
    }


def _scores(rows: Sequence[CheckedNetwork]) -> Scores:
    return score([row.predicted_ms for row in rows], [row.measured_ms for row in rows])


def _baseline(rows: Sequence[CheckedNetwork]) -> Scores:
    macs = np.array([row.macs for row in rows], float)
    truth = np.array([row.measured_ms for row in rows])
    design = np.column_stack([np.ones(len(macs)), macs]) / truth[:, None]
    fitted = np.linalg.lstsq(design, np.ones(len(macs)), rcond=None)[0]
    return score(np.maximum(fitted[0] + fitted[1] * macs, 1e-9).tolist(), truth.tolist())


def _unsettled(samples: Mapping[str, Sequence[Sample]], most: int) -> list[str]:
    return [name for name, several in samples.items() if len(several) < most and repeat_error(several) > AGREEMENT]
