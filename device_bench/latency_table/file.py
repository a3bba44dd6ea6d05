"""The file of a latency table: one versioned JSON, checked when it is read."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device_bench.errors import BadRequest, BenchError
from device_bench.latency_table.calibration import Calibration
from device_bench.latency_table.content import OPERATORS, TableContent
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.features import features
from device_bench.latency_table.schema import TableFields, checked, parsed_json
from device_bench.whole_files import write_whole

FORMAT = 1
FACTS = ("device", "soc", "abi", "runtime", "precision", "threads", "cores", "date", "conditions")
"""What every table tells about its numbers; null where it is not known."""


def write_table(path: Path, table: TableContent) -> None:
    """Writes `table` aside and renames it.

    Raises:
        BenchError: The folder cannot be written to.
    """
    body = _body(table)
    text = json.dumps({"format": FORMAT, "digest": _digest(body), **body}, indent=1, allow_nan=False) + "\n"
    write(path, text.encode())


def read_table(path: Path) -> TableContent:
    """Reads and checks a table; errors as `LatencyTable.load` raises them."""
    values = parsed_json(_content(path), path, "is cut or damaged ({}): restore it or build it again")
    if not isinstance(values, dict) or "format" not in values or "entries" not in values:
        raise BadRequest(f"{path} is not a latency table")
    if values["format"] != FORMAT:
        raise BadRequest(
            f"{path} is a table of format {values['format']!r}; this version reads format {FORMAT}: build it again"
        )
    body = {key: value for key, value in values.items() if key not in ("format", "digest")}
    if values.get("digest") != _digest(body):
        raise BadRequest(f"{path} was changed after it was written: restore it or build it again")
    found = checked(TableFields, body, path)
    entries = {key: Entry(**dict(one)) for key, one in found.entries.items()}
    _check_entries(entries, found.keys, path)
    if strange := [key for key in found.probes if key not in entries or not entries[key].ms > 0]:
        raise BadRequest(f"{path}: probes[{strange[0]!r}] is of no operator that has a time")
    probes = {key: _decoded(key, text, path) for key, text in found.probes.items()}
    return TableContent(
        entries, body["facts"], found.keys, Calibration(**dict(found.calibration)), body["check"], probes
    )


def _check_entries(entries: Mapping[str, Entry], keys: str, path: Path) -> None:
    """Refuses times below zero, but for weights of linear models, and keys that are not what the file says."""
    for key, entry in entries.items():
        if entry.ms < 0 and keys != "tunas-layers":
            raise BadRequest(f"{path}: {key!r} has an impossible time ({entry.ms} ms)")
        try:
            if keys == OPERATORS:
                features(key)
        except (ValueError, IndexError, OverflowError):
            raise BadRequest(f"{path}: {key!r} is not the signature of an operator") from None


def _decoded(key: str, text: str, path: Path) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"{path}: probes[{key!r}] is not a file in base64") from None


def write(path: Path, data: bytes) -> None:
    """Puts a file at `path` in one step.

    Raises:
        BenchError: The folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror or error}") from error


def _body(table: TableContent) -> dict[str, Any]:
    probes = {key: base64.b64encode(content).decode() for key, content in sorted(table.probes.items())}
    return {
        **({"probes": probes} if probes else {}),
        "keys": table.keys,
        "facts": {**dict.fromkeys(FACTS), **table.facts},
        "calibration": asdict(table.calibration),
        "check": table.check,
        "entries": {key: asdict(entry) for key, entry in sorted(table.entries.items())},
    }


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read {path}: {error.strerror or error}") from error
