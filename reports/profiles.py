"""Latency by operator, from the record of a measurement with `op_profile` that lies beside a model as `profile.jsonl`.

    with open_device("adb:SERIAL") as device:
        spec = BenchSpec(op_profile=True)
        record = appender(folder / "profile.jsonl")
        measure(device, {"net": (folder / "model.tflite").read_bytes()}, protocol, spec, rng=rng, record=record)

A profiled inference is slower by some per cent: the latency itself is measured without.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from device_bench.errors import BenchError
from device_bench.timing.records import Header, SessionRecord, measurements
from reports.errors import ReportError

FILE = "profile.jsonl"


def operator_times(path: Path) -> list[tuple[str, float]]:
    """(kind of operator, milliseconds of one inference), the slowest kind first; the mean over the last measurement.

    Empty where the record holds no profile.

    Raises:
        ReportError: the file is no record of a measurement.
    """
    try:
        recorded = measurements(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, BenchError) as error:
        raise ReportError(f"{path} is not a record of a measurement: {error}") from error
    profiled = [part for part in recorded if isinstance(part[0], Header) and part[0].spec.op_profile]
    if not profiled:
        return []
    sessions = [one.session for one in profiled[-1] if isinstance(one, SessionRecord) and one.session]
    sessions = [session for session in sessions if session.operators]
    totals: dict[str, float] = defaultdict(float)
    for session in sessions:
        for operator in session.operators:
            totals[operator.kind] += operator.mean_us * operator.calls / 1e3 / len(sessions)
    return sorted(totals.items(), key=lambda item: -item[1])
