"""The file of a latency table: one versioned JSON, checked when it is read."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from device_bench.errors import BadRequest, BenchError
from device_bench.latency_table.calibration import Calibration

if TYPE_CHECKING:
    from device_bench.latency_table.table import LatencyTable

T = TypeVar("T", bound="LatencyTable")

FORMAT = 1
FACTS = ("device", "soc", "abi", "runtime", "precision", "threads", "cores", "date", "conditions")
"""What every table tells about its numbers; null where it is not known."""


def write_table(path: Path, table: "LatencyTable") -> None:
    """Writes `table` aside and renames it.

    Raises:
        BenchError: The folder cannot be written to.
    """
    body = _body(table)
    text = json.dumps({"format": FORMAT, "digest": _digest(body), **body}, indent=1, allow_nan=False) + "\n"
    write_whole(path, text.encode())


def read_table(path: Path, kind: type[T]) -> T:
    """Reads and checks a table; see `LatencyTable.load`."""
    from device_bench.latency_table.table import Entry

    values = _json(path)
    if not isinstance(values, dict) or "format" not in values or "entries" not in values:
        raise BadRequest(f"{path} is no latency table")
    if values["format"] != FORMAT:
        raise BadRequest(
            f"{path} is a table of format {values['format']}; this version reads format {FORMAT}: build it again"
        )
    body = {key: value for key, value in values.items() if key not in ("format", "digest")}
    if values.get("digest") != _digest(body):
        raise BadRequest(f"{path} was changed after it was written: restore it or build it again")
    try:
        entries = {key: Entry(**entry) for key, entry in body["entries"].items()}
        if bad := [
            key for key, entry in entries.items() if not 0 <= entry.ms < float("inf") and body["keys"] != "tunas-layers"
        ]:
            raise BadRequest(f"{path}: {bad[0]!r} has an impossible time")
        return kind(entries, body["facts"], body["keys"], Calibration(**body["calibration"]), body["check"])
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"{path} is no complete latency table: {error}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file at `path` in one step.

    Raises:
        BenchError: The folder cannot be written to.
    """
    aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.aside")
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if aside is not None:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)


def _body(table: "LatencyTable") -> dict[str, Any]:
    return {
        "keys": table.keys,
        "facts": {**dict.fromkeys(FACTS), **table.facts},
        "calibration": asdict(table.calibration),
        "check": table.check,
        "entries": {key: asdict(entry) for key, entry in sorted(table.entries.items())},
    }


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadRequest(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise BadRequest(f"{path} is cut or damaged ({error}): restore it or build it again") from error
