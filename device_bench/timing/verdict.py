"""From the records of a measurement to a latency with a verdict. Pure, so that a stored file can be judged again."""

import itertools
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from device_bench.errors import BenchError
from device_bench.kinds import Verdict
from device_bench.runners.runner import Session
from device_bench.timing.interval import Interval, median_interval
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.records import BlockRecord, GateRecord, Header, Record, SessionRecord, StateRecord
from device_bench.timing.timing import Timing

_CUT_SHORT = "it was cut short"


def judge(records: Sequence[Record]) -> dict[str, Timing]:
    """Finds each model's latency from the records of one measurement, the header first.

    Raises:
        BenchError: The header is missing.
    """
    if not records or not isinstance(records[0], Header):
        raise BenchError("the records of a measurement do not begin with its header")
    header = records[0]
    protocol = TimingProtocol(**header.protocol)
    problems = block_problems(records, protocol, header.canary_us)
    return {model: _timing(model, header, records, protocol, problems) for model in header.precisions}


def block_problems(records: Sequence[Record], protocol: TimingProtocol, canary_us: float | None) -> dict[int, str]:
    """Blocks whose sessions do not count, each with the reason. A block that was never closed is one of them."""
    problems = {record.block: _CUT_SHORT for record in records if isinstance(record, SessionRecord)}
    meanwhile = [record for record in records if isinstance(record, StateRecord)]
    for record in records:
        if isinstance(record, BlockRecord):
            canary_us = canary_us or record.before_us
            states = [seen.state for seen in meanwhile if seen.block == record.block]
            changes = (protocol.changed(record.state_before, state) for state in (*states, record.state_after))
            reason = next((change for change in changes if change), "")
            problems[record.block] = reason or _slower(record, protocol.canary_limit, canary_us)
    return {block: reason for block, reason in problems.items() if reason}


def counted(model: str, records: Sequence[Record], problems: Mapping[int, str]) -> list[Session]:
    """The sessions of a model that lie in good blocks."""
    return [
        record.session
        for record in records
        if isinstance(record, SessionRecord) and record.model == model and record.session is not None
        if record.block not in problems
    ]


def interval_of(sessions: Sequence[Session]) -> Interval:
    """The interval of the median over sessions, in milliseconds."""
    return median_interval([session.center_us / 1e3 for session in sessions])


def _slower(record: BlockRecord, limit: float | None, first_us: float | None) -> str:
    if limit is None or record.before_us is None or record.after_us is None:
        return ""
    if record.after_us > limit * record.before_us:
        factor = record.after_us / record.before_us
        return f"the canary became {factor:.2f} times slower meanwhile"
    if first_us is not None and record.before_us > limit * first_us:
        return f"the canary was {record.before_us / first_us:.2f} times slower than when this device was fresh"
    return ""


def _timing(
    model: str,
    header: Header,
    records: Sequence[Record],
    protocol: TimingProtocol,
    problems: Mapping[int, str],
) -> Timing:
    good = counted(model, records, problems)
    verdict, reason = _verdict(model, records, protocol, problems, good)
    sessions = [] if verdict == "failed" else good or counted(model, records, {})
    found = interval_of(sessions) if sessions else None
    # One session has no interval at all; JSON has no infinity to say so.
    known = found is not None and len(sessions) > 1
    return Timing(
        median_ms=found.median if found else None,
        low_ms=found.low if found and known else None,
        high_ms=found.high if found and known else None,
        runs=sum(session.runs for session in sessions),
        sessions=len(sessions),
        device=header.device,
        runtime=sessions[0].runtime if sessions else "",
        precision=header.precisions[model],
        threads=header.spec.threads,
        delegate=header.spec.delegate,
        conditions=_conditions(model, header, records, problems),
        verdict=verdict,
        reason=reason,
        init_ms=_median([one.init_ms for one in sessions if one.init_ms is not None]),
        peak_mb=max((one.peak_mb for one in sessions if one.peak_mb is not None), default=None),
    )


def _verdict(
    model: str,
    records: Sequence[Record],
    protocol: TimingProtocol,
    problems: Mapping[int, str],
    good: Sequence[Session],
) -> tuple[Verdict, str]:
    mine = [record for record in records if isinstance(record, SessionRecord) and record.model == model]
    if mine and mine[-1].session is None:
        return "failed", mine[-1].error
    if not mine:
        refused = [one for one in records if isinstance(one, GateRecord) and not one.passed]
        waited = f"not fit after {refused[-1].waited_s:.0f} s: {refused[-1].reason}" if refused else ""
        return "failed", waited or "the time limit left no session for it"
    if not good:
        reason = next((one for one in problems.values() if one != _CUT_SHORT), _CUT_SHORT)
        return "failed" if reason == _CUT_SHORT else "throttled", reason
    if len({session.runtime for session in good}) > 1:
        return "failed", "the sessions ran on different runtimes"
    if len(good) < protocol.min_sessions:
        return "noisy", f"only {len(good)} of {protocol.min_sessions} sessions count"
    if len(good) > 1 and (reached := interval_of(good).relative) > protocol.precision:
        return "noisy", "the interval is +-{} instead of +-{}".format(*_apart(reached, protocol.precision))
    return "valid", ""


def _apart(first: float, second: float) -> tuple[str, str]:
    """Two different shares in per cent, with one decimal, or as many more as it takes to tell them apart."""
    pairs = ((f"{first:.{decimals}%}", f"{second:.{decimals}%}") for decimals in itertools.count(1))
    return next(words for words in pairs if words[0] != words[1])


def _conditions(model: str, header: Header, records: Sequence[Record], problems: Mapping[int, str]) -> dict[str, Any]:
    blocks = [record for record in records if isinstance(record, BlockRecord)]
    sessions = counted(model, records, {})
    used = [one for one in blocks if one.block not in problems] or blocks
    drifts = [one.after_us / one.before_us for one in used if one.before_us and one.after_us]
    last = blocks[-1].state_after if blocks else None
    known = {key: header.info.get(key) for key in ("model", "soc", "abi", "system", "build")}
    return {
        **known,
        "cores": header.spec.cores,
        "sha256": header.sha256[model],
        "shape": header.shapes.get(model, ""),
        "signature": header.signatures.get(model, ""),
        "statistic": sessions[0].statistic if sessions else None,
        "dropped_sessions": len(sessions) - len(counted(model, records, problems)),
        "failed_sessions": sum(_failed(record, model) for record in records),
        "canary_drift": max(drifts, default=None),
        "note": blocks[-1].note if blocks else "",
        "thermal_status": last.thermal_status if last else None,
        "battery_c": last.battery_c if last else None,
        "battery_percent": last.battery_percent if last else None,
        "hottest_c": last.hottest_c if last else None,
        "governors": list(last.governors) if last else [],
        "load": last.load if last else None,
    }


def _failed(record: Record, model: str) -> bool:
    return isinstance(record, SessionRecord) and record.model == model and record.session is None


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
