"""Everything a measurement saw, one JSON line each, so that its verdict can be found again from the file."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from device_bench.errors import BenchError
from device_bench.probe import DeviceState
from device_bench.runners.runner import BenchSpec, OperatorTime, Session


@dataclass(frozen=True, slots=True)
class Header:
    """What was asked, of which device.

    Attributes:
        device: Name of the device.
        info: What it is (`Device.describe`).
        spec: How a session times, core names resolved.
        protocol: The timing protocol's values.
        precisions: Each model's precision, by the name of the model.
        sha256: Each model's content.
        canary_us: The canary's time when this device was first measured, if it was.
        shapes: The input shapes that were chosen, by the name of the model; see `model_inputs.Chosen`.
        signatures: The signature that was chosen, by the name of the model.
    """

    device: str
    info: dict[str, Any]
    spec: BenchSpec
    protocol: dict[str, Any]
    precisions: dict[str, str]
    sha256: dict[str, str]
    canary_us: float | None = None
    shapes: dict[str, str] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One process that timed a model, or failed to.

    Attributes:
        model: Its name.
        block: Number of the block, counted from 0.
        session: What it measured; None when it failed.
        error: Why it failed.
    """

    model: str
    block: int
    session: Session | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """How the device felt between two sessions of a block.

    Attributes:
        block: Number of the block.
        state: How it felt.
    """

    block: int
    state: DeviceState


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """What lies around a block of sessions.

    Attributes:
        block: Its number.
        before_us: The canary before it; None where no canary runs.
        after_us: The canary after it.
        state_before: How the device felt before.
        state_after: How it felt after.
        note: Why no canary ran though one was asked for, or "".
    """

    block: int
    before_us: float | None
    after_us: float | None
    state_before: DeviceState
    state_after: DeviceState
    note: str = ""


@dataclass(frozen=True, slots=True)
class GateRecord:
    """The device was not fit to be measured and was waited for.

    Attributes:
        waited_s: How long.
        reason: What was wrong with it at first.
        passed: Whether it became fit in time.
    """

    waited_s: float
    reason: str
    passed: bool


Record = Header | SessionRecord | StateRecord | BlockRecord | GateRecord
_KINDS: dict[str, type[Record]] = {
    "header": Header,
    "session": SessionRecord,
    "state": StateRecord,
    "block": BlockRecord,
    "gate": GateRecord,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_line(record: Record) -> str:
    """One line of JSON, without its end."""
    return json.dumps({"record": _NAMES[type(record)], **asdict(record)})


def from_line(line: str) -> Record:
    """Reads what `to_line` wrote.

    Raises:
        BenchError: The line is not such a record.
    """
    try:
        values = json.loads(line)
        return _KINDS[values.pop("record")](**_revived(values))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"{line[:60]!r} is not a record of a measurement: {error!r}") from error


def appender(path: Path) -> Callable[[Record], None]:
    """Gives a function that adds records to a JSON lines file; each is there when it returns.

    It raises BenchError where the file cannot be written.
    """

    def append(record: Record) -> None:
        try:
            with path.open("ab+") as file:
                # Its last writer may have been killed in the middle of a line.
                torn = file.seek(0, os.SEEK_END) > 0 and not _ends_a_line(file)
                file.write(("\n" if torn else "").encode() + to_line(record).encode() + b"\n")
        except OSError as error:
            raise BenchError(f"{path} cannot be written: {error.strerror or error}") from error

    return append


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def measurements(lines: Iterable[str]) -> list[list[Record]]:
    """Splits a JSON lines file into its measurements; a line cut short by a kill, the last of its one, is left out.

    Raises:
        BenchError: Another line is no record.
    """
    found: list[list[Record]] = []
    broken: BenchError | None = None
    for line in lines:
        if not line.strip():
            continue
        try:
            record = from_line(line)
        except BenchError as error:
            if broken:
                raise broken from error
            broken = error
            continue
        if broken and not isinstance(record, Header):
            raise broken
        broken = None
        if isinstance(record, Header) or not found:
            found.append([])
        found[-1].append(record)
    return found


def _revived(values: dict[str, Any]) -> dict[str, Any]:
    revive: Mapping[str, Callable[[Any], Any]] = {
        "spec": lambda value: BenchSpec(**{**value, "shapes": tuple(value.get("shapes", ()))}),
        "session": _session,
        "state": _state,
        "state_before": _state,
        "state_after": _state,
    }
    return {key: revive[key](value) if key in revive else value for key, value in values.items()}


def _session(values: dict[str, Any] | None) -> Session | None:
    if values is None:
        return None
    operators = tuple(OperatorTime(**row) for row in values["operators"])
    return Session(**{**values, "samples_us": tuple(values["samples_us"]), "operators": operators})


def _state(values: dict[str, Any]) -> DeviceState:
    revived: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in values.items()}
    return DeviceState(**revived)
