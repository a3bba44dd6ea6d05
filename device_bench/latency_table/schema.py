"""What the file of a latency table may hold: types, bounds, and the words for what is not so."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from device_bench.errors import BadRequest
from device_bench.validation import place, problem

MOST = 1e9
"""No time in milliseconds, nor any other number of a table, is larger."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Number = Annotated[float, Field(ge=-MOST, le=MOST)]
Positive = Annotated[float, Field(ge=0, le=MOST)]
Whole = Annotated[int, Field(ge=0, le=int(MOST))]
Names = Annotated[list[Text], Field(max_length=4096)]


class Strict(BaseModel):
    """Nothing is taken for what it is not: no text for a number, no infinity."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")


class Open(Strict):
    """The same, with room for keys that others may add."""

    model_config = ConfigDict(extra="allow")


class EntryFields(Strict):
    """See `device_bench.latency_table.entry.Entry`."""

    ms: Number
    median_ms: Number
    spread: Positive
    count: Whole


class CalibrationFields(Strict):
    """See `Calibration`."""

    intercept_ms: Number
    per_operator_ms: Number
    scales: dict[str, Number] | None
    common: Number
    spread: Positive
    mape: Positive
    networks: Whole
    noise: Positive


class ScoreFields(Open):
    """What is shown of `Scores`."""

    mape: Positive
    within_5: Positive


class CheckFields(Open):
    """The result of a check."""

    date: Text
    table: dict[Text, ScoreFields]


class IdentityFields(Strict):
    """See `Identity`."""

    processor: Text
    parts: Names
    features: Names
    max_mhz: list[Whole]
    soc: Text
    revision: Text
    build: Text


class FactFields(Open):
    """What the numbers belong to; null where it is not known."""

    device: Text | None
    soc: Text | None
    abi: Text | None
    runtime: Text | None
    precision: Text | None
    threads: Annotated[int, Field(ge=1, le=4096)] | None
    cores: Text | None
    date: Text | None
    conditions: dict[str, Any] | None
    name: Text | None = None
    runner: Text | None = None
    delegate: Text | None = None
    realtime: bool = False
    space: dict[str, Any] | None = None
    built_from: list[str] | None = None
    incomplete: bool = False
    identity: IdentityFields | None = None
    canary_ms: Positive | None = None


class TableFields(Open):
    """The whole file."""

    keys: Text
    facts: FactFields
    calibration: CalibrationFields
    check: CheckFields | None
    entries: dict[str, EntryFields]
    probes: dict[str, str] = {}


Fields = TypeVar("Fields", bound=BaseModel)


def checked(kind: type[Fields], values: Any, path: Path, trail: tuple[str, ...] = ()) -> Fields:
    """Holds values against their types.

    Args:
        kind: The types.
        values: What the file holds.
        path: The file.
        trail: The keys below which the values lie.

    Raises:
        BadRequest: One does not fit; the line names the file, the key and the value.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise BadRequest(f"{path}: {problem(error, trail)}") from None


def parsed_json(data: bytes, path: Path, damage: str) -> Any:
    """JSON whose keys occur once each and whose numbers are finite; a byte order mark is passed over.

    Args:
        data: The file.
        path: Its name.
        damage: What to say of a file that is not JSON; `{}` is the reason.

    Raises:
        BadRequest: It is something else.
    """
    try:
        values = json.loads(data, object_pairs_hook=lambda pairs: once(pairs, path))
        _finite(values, (), path)
    except ValueError as error:
        raise BadRequest(f"{path} {damage.format(error)}") from error
    except RecursionError:
        raise BadRequest(f"{path} {damage.format('its values lie too deep inside each other')}") from None
    return values


def once(pairs: Iterable[tuple[Any, Any]], path: Path) -> dict[Any, Any]:
    """A dictionary of pairs none of which has the key of another.

    Raises:
        BadRequest: Two have, and a reader could take either.
    """
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadRequest(f"{path}: the key {str(key)!r} occurs twice")
        found[key] = value
    return found


def _finite(values: Any, trail: tuple[str | int, ...], path: Path) -> None:
    if isinstance(values, float) and not math.isfinite(values):
        raise BadRequest(f"{path}: {place(trail)} is {values}, which is not a finite number")
    if isinstance(values, Mapping):
        for key, value in values.items():
            _finite(value, (*trail, key), path)
    elif isinstance(values, list):
        for index, value in enumerate(values):
            _finite(value, (*trail, index), path)
