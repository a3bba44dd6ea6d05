"""The result matrix: models x devices x threads x delegates, done on all devices at once and resumable."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from device_bench.device import Device
from device_bench.errors import BadRequest
from device_bench.matrix.cells import Axes, Cell
from device_bench.matrix.results import Results
from device_bench.pool import Job, Pool, PoolEvent, PoolSettings
from device_bench.runners.runner import BenchSpec
from device_bench.timing.measurement import Progress, measure
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.records import Record, appender
from device_bench.timing.timing import Timing

_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure and how.

    Attributes:
        models: TFLite files by name.
        axes: The other sides of the matrix.
        protocol: The timing protocol.
        spec: How a session times; the axes replace its threads, delegate and cores.
        seed: Of the order of the sessions.
        raw: Folder for everything seen, one JSON lines file a device; None keeps nothing.
    """

    models: Mapping[str, bytes]
    axes: Axes
    protocol: TimingProtocol
    spec: BenchSpec
    seed: int = 0
    raw: Path | None = None


def run_matrix(
    plan: Plan,
    todo: Sequence[Cell],
    results: Results,
    open_device: Callable[[str], Device],
    *,
    progress: Callable[[Progress], None] | None = None,
    finished: Callable[[Cell, Timing], None] | None = None,
    event: Callable[[PoolEvent], None] | None = None,
    settings: PoolSettings | None = None,
) -> list[Cell]:
    """Measures the cells of `todo`; each result is on disk before the next measurement begins.

    Returns:
        Cells that stay open because their device is lost.

    Raises:
        KeyboardInterrupt: The user interrupted; devices were given back, finished cells are kept.
    """
    turn = threading.Lock()

    def work(device: Device, group: tuple[Cell, ...]) -> None:
        found = _measure(plan, device, group, pool.check, progress)
        with turn:
            results.add([(cell, found[cell.model]) for cell in group])
            for cell in group:
                if finished:
                    finished(cell, found[cell.model])

    jobs = [Job(frozenset({group[0].device}), group) for group in _groups(todo)]
    pool = Pool(jobs, open_device, work, tell=event, settings=settings)
    return [cell for job in pool.run() for cell in job.payload]


def _groups(todo: Iterable[Cell]) -> list[tuple[Cell, ...]]:
    """Cells that differ by their model alone, which are measured together, a few at a time."""

    def side(cell: Cell) -> tuple[str, int, int, str, str]:
        return cell.device, cell.repeat, cell.threads, cell.delegate, cell.cores

    found = []
    for _, alike in groupby(sorted(todo, key=side), side):
        cells_alike = list(alike)
        for start in range(0, len(cells_alike), _TOGETHER):
            found.append(tuple(cells_alike[start : start + _TOGETHER]))
    return found


def _measure(
    plan: Plan,
    device: Device,
    group: tuple[Cell, ...],
    check: Callable[[], None],
    progress: Callable[[Progress], None] | None,
) -> dict[str, Timing]:
    first = group[0]
    spec = replace(plan.spec, threads=first.threads, delegate=first.delegate, cores=first.cores or None)  # type: ignore[arg-type]
    keep = _keeper(plan.raw, device.name)

    def record(seen: Record) -> None:
        keep(seen)
        check()

    models = {cell.model: plan.models[cell.model] for cell in group}
    # From the cells themselves, so that a resumed matrix measures the rest in the same order.
    words = "|".join(f"{cell}" for cell in group)
    digest = hashlib.sha256(words.encode()).digest()
    rng = np.random.default_rng([plan.seed, int.from_bytes(digest[:8], "little")])
    try:
        return measure(device, models, plan.protocol, spec, rng=rng, record=record, progress=progress)
    except BadRequest as error:
        return {cell.model: _refused(cell, device, str(error)) for cell in group}


def _keeper(raw: Path | None, device: str) -> Callable[[Record], None]:
    if raw is None:
        return lambda seen: None
    raw.mkdir(parents=True, exist_ok=True)
    readable = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in device)
    return appender(raw / f"{readable}.jsonl")


def _refused(cell: Cell, device: Device, reason: str) -> Timing:
    return Timing(
        median_ms=None,
        low_ms=None,
        high_ms=None,
        runs=0,
        sessions=0,
        device=device.name,
        runtime="",
        precision=cell.precision,
        threads=cell.threads,
        delegate=cell.delegate,
        conditions={"model": device.info.model, "soc": device.info.soc, "system": device.info.system},
        verdict="failed",
        reason=reason,
    )
