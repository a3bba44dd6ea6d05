"""Results as one tidy table, a row a cell: kept as CSV or Parquet, whole after each measurement."""

import datetime
import importlib.util
import os
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.cells import Cell
from device_bench.errors import BadRequest, BenchError
from device_bench.timing import Timing

if TYPE_CHECKING:
    import pandas as pd

_KEY = tuple(one.name for one in fields(Cell))
_CONDITIONS = (
    "soc",
    "abi",
    "system",
    "statistic",
    "dropped_sessions",
    "failed_sessions",
    "canary_drift",
    "note",
    "thermal_status",
    "battery_c",
    "battery_percent",
    "hottest_c",
    "load",
)
_NUMBERS = ("median_ms", "low_ms", "high_ms", "init_ms", "peak_mb")
_TEXT = (
    "device",
    "delegate",
    "cores",
    "model",
    "sha256",
    "precision",
    "shape",
    "signature",
    "verdict",
    "reason",
    "runtime",
    "device_model",
    "mask",
)
COLUMNS = (
    *_KEY,
    "median_ms",
    "low_ms",
    "high_ms",
    "verdict",
    "reason",
    "runs",
    "sessions",
    "init_ms",
    "peak_mb",
    "runtime",
    "device_model",
    "mask",
    *_CONDITIONS,
    "governors",
    "measured_at",
)
# Columns that tables of earlier versions lack.
_LATER = ("shape", "signature")
_SUFFIXES = (".csv", ".parquet")


class Results:
    """The table, in memory and in a file.

    Args:
        path: Where to keep it, ending in .csv or .parquet; None keeps it in memory. A table that is there is gone on
            with.

    Raises:
        BadRequest: Another ending, a folder that cannot be written, or the file is no such table.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            _check_writable(path)
        self._path = path
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        if path is not None and path.exists():
            for row in read_results(path).to_dict("records"):
                self._rows[tuple(row[name] for name in _KEY)] = row

    def verdict(self, cell: Cell) -> str | None:
        """The verdict of a cell, or None while it is open."""
        row = self._rows.get(astuple(cell))
        return None if row is None else str(row["verdict"])

    def open(self, cells: Iterable[Cell], again: Collection[str] = ()) -> list[Cell]:
        """Cells that have no row, or one whose verdict shall be tried again."""
        return [cell for cell in cells if self.verdict(cell) in (None, *again)]

    def add(self, found: Sequence[tuple[Cell, Timing]]) -> None:
        """Adds rows, in the place of older ones of the same cells, and writes the file.

        Raises:
            BenchError: The file cannot be written; it is as it was before.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        for cell, timing in found:
            self._rows[astuple(cell)] = {**asdict(cell), **_columns(timing), "measured_at": now}
        if self._path is None:
            return
        try:
            _write(self.frame(), self._path)
        except OSError as error:
            raise BenchError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def frame(self) -> "pd.DataFrame":
        """The table, columns as in `COLUMNS`."""
        import pandas as pd

        frame = pd.DataFrame(list(self._rows.values()), columns=list(COLUMNS))
        return frame.assign(**{name: frame[name].astype(float) for name in _NUMBERS})


def read_results(path: Path) -> "pd.DataFrame":
    """Reads a table that `Results` wrote.

    Raises:
        BadRequest: It is none.
    """
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str), keep_default_na=False, na_values=[""])
    except Exception as error:
        raise BadRequest(f"{path} is no table of results: {' '.join(str(error).split())[:100]}") from error
    if missing := [name for name in _KEY if name not in (*frame.columns, *_LATER)]:
        raise BadRequest(f"{path} is no table of results: it has no column {missing[0]}; choose another name")
    frame = frame.reindex(columns=list(COLUMNS))
    return frame.assign(**{name: frame[name].astype(object).fillna("").astype(str) for name in _TEXT})


def _check_writable(path: Path) -> None:
    """Refuses, before anything is measured, what could not be written afterwards."""
    if path.suffix not in _SUFFIXES:
        raise BadRequest(f"{path}: results are kept as {' or '.join(_SUFFIXES)}")
    if path.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise BadRequest("Parquet needs the package pyarrow (extra `parquet`); install it or write .csv")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {error.strerror or error}") from error


def _columns(timing: Timing) -> dict[str, Any]:
    conditions = timing.conditions
    values = asdict(timing)
    return {
        **{name: values[name] for name in ("median_ms", "low_ms", "high_ms", "verdict", "reason", "runs", "sessions")},
        **{name: values[name] for name in ("init_ms", "peak_mb", "runtime")},
        **{name: conditions.get(name) for name in _CONDITIONS},
        "device_model": conditions.get("model") or "",
        "mask": conditions.get("cores"),
        "governors": " ".join(conditions.get("governors") or ()),
    }


def _write(frame: "pd.DataFrame", path: Path) -> None:
    """Writes a table aside, then renames it."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(descriptor)
    try:
        if path.suffix == ".parquet":
            frame.to_parquet(aside, index=False)
        else:
            frame.to_csv(aside, index=False)
        with Path(aside).open("rb+") as file:
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(aside).chmod(0o666 & ~mask)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
