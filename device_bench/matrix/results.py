"""Results as one tidy table, a row per cell and name of its model: CSV or Parquet, whole after each measurement."""

import datetime
import importlib.util
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.errors import BadRequest, BenchError
from device_bench.matrix.cells import IDENTITY, Cell
from device_bench.terminal import printable
from device_bench.timing.timing import Timing
from device_bench.whole_files import whole_file

if TYPE_CHECKING:
    import pandas as pd

_KEY = tuple(one.name for one in fields(Cell))
_REQUIRED = tuple(one.name for one in fields(Cell) if one.default is MISSING)
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
_NUMBERS = (
    "median_ms",
    "low_ms",
    "high_ms",
    "init_ms",
    "peak_mb",
    "canary_drift",
    "battery_c",
    "hottest_c",
    "load",
)
_COUNTS = (
    "repeat",
    "threads",
    "runs",
    "sessions",
    "dropped_sessions",
    "failed_sessions",
    "thermal_status",
    "battery_percent",
)
_TYPES = {name: "float64" if name in _NUMBERS else "Int64" if name in _COUNTS else "str" for name in COLUMNS}
_SUFFIXES = (".csv", ".parquet")


class Results:
    """The table, in memory and in a file. Columns and rows that others have added to the file stay in it.

    A measurement is known by the content of its model: each name of one file has a row, and all have the same numbers.

    Args:
        path: Where to keep it, ending in .csv or .parquet; None keeps it in memory. A table that is there is continued.

    Raises:
        BadRequest: Another ending, a folder that cannot be written, or the file is not such a table.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            _check_ending(path)
            check_place(path)
        self._path = path
        self._columns: list[str] = list(COLUMNS)
        self._rows: list[dict[str, Any]] = []
        self._known: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        if path is not None and path.exists():
            frame = read_results(path)
            self._columns = list(frame.columns)
            for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
                self._append(row)

    def verdict(self, cell: Cell) -> str | None:
        """The verdict of a cell, or None while it is open."""
        rows = self._known.get(cell.identity)
        return str(rows[0]["verdict"]) if rows else None

    def open(self, cells: Iterable[Cell], again: Collection[str] = ()) -> list[Cell]:
        """Cells to measure, each content once: those that have no row, or a verdict that shall be tried again."""
        todo = {cell.identity: cell for cell in reversed(list(cells)) if self.verdict(cell) in (None, *again)}
        return list(reversed(todo.values()))

    def add(self, found: Sequence[tuple[Cell, Timing]]) -> None:
        """Adds rows, or updates those of the same cells, and writes the file.

        Raises:
            BenchError: The file cannot be written; it is as it was before.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        for cell, timing in found:
            self._name(cell)
            for row in self._known[cell.identity]:
                row |= _columns(timing) | {"precision": cell.precision, "measured_at": now}
        self._save()

    def name(self, cells: Iterable[Cell]) -> None:
        """Gives measured cells whose model goes by a new name a row of that name, and writes the file.

        Raises:
            BenchError: The file cannot be written; it is as it was before.
        """
        if [cell for cell in cells if self._known.get(cell.identity) and self._name(cell)]:
            self._save()

    def frame(self, cells: Iterable[Cell] | None = None) -> "pd.DataFrame":
        """The table: the columns of `COLUMNS` and those of others.

        Args:
            cells: Only the rows of these, in their order; None gives all.
        """
        import pandas as pd

        rows = self._rows
        if cells is not None:
            rows = [row for cell in cells if (row := self._row(cell)) is not None]
        return _typed(pd.DataFrame(rows, columns=self._columns, dtype=object))

    def _append(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._known[tuple(row.get(name) for name in IDENTITY)].append(row)

    def _name(self, cell: Cell) -> bool:
        """Adds a row for a cell that has none under this name; whether it did."""
        if self._row(cell) is not None:
            return False
        known = self._known.get(cell.identity)
        measured = {name: known[0].get(name) for name in COLUMNS} if known else {}
        self._append(measured | cell.to_row())
        return True

    def _row(self, cell: Cell) -> dict[str, Any] | None:
        name = cell.to_row()["model"]
        return next((row for row in self._known.get(cell.identity, ()) if row["model"] == name), None)

    def _save(self) -> None:
        if self._path is None:
            return
        try:
            _write(self.frame(), self._path)
        except OSError as error:
            raise BenchError(f"{self._path} cannot be written: {error.strerror or error}") from error


def read_results(path: Path) -> "pd.DataFrame":
    """Reads a table that `Results` wrote: the columns of `COLUMNS` and those that others have added.

    Raises:
        BadRequest: It is not such a table.
    """
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
        else:
            types = defaultdict(lambda: "str", _TYPES)  # what others wrote stays as they wrote it
            frame = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
        if missing := [name for name in _REQUIRED if name not in frame.columns]:
            raise BadRequest(f"it has no column {missing[0]}; choose another name")
        # Whole numbers of others stay whole beside rows that have none.
        others = frame[[name for name in frame.columns if name not in COLUMNS]].convert_dtypes()
        return _typed(frame.assign(**others).reindex(columns=list(dict.fromkeys([*frame.columns, *COLUMNS]))))
    except Exception as error:
        reason = printable(" ".join(str(error).split())[:100])
        raise BadRequest(f"{path} is not a table of results: {reason}") from error


def _typed(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Gives each of our columns its type, also where all of it is empty."""
    types = {name: kind for name, kind in _TYPES.items() if name in frame.columns}
    text = {name: frame[name].astype(object).where(frame[name].notna(), "") for name in types if types[name] == "str"}
    return frame.assign(**text).astype(types)


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise BadRequest(f"{path}: results are kept as {' or '.join(_SUFFIXES)}")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise BadRequest("Parquet needs the package pyarrow (extra `parquet`); install it or write .csv")


def check_place(path: Path) -> None:
    """Refuses, before anything is measured, a file that could not be written afterwards.

    Raises:
        BadRequest: Its folder cannot be made or written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadRequest(f"{path} cannot be written: {error.strerror or error}") from error


def _columns(timing: Timing) -> dict[str, Any]:
    conditions = timing.conditions
    values = asdict(timing)
    columns = {
        **{name: values[name] for name in ("median_ms", "low_ms", "high_ms", "verdict", "reason", "runs", "sessions")},
        **{name: values[name] for name in ("init_ms", "peak_mb", "runtime")},
        **{name: conditions.get(name) for name in _CONDITIONS},
        "device_model": conditions.get("model") or "",
        "mask": conditions.get("cores"),
        "governors": " ".join(conditions.get("governors") or ()),
    }
    return {name: printable(value) if isinstance(value, str) else value for name, value in columns.items()}


def _write(frame: "pd.DataFrame", path: Path) -> None:
    """Writes a table whole."""
    with whole_file(path) as aside:
        if path.suffix.lower() == ".parquet":
            frame.to_parquet(aside, index=False)
        else:
            frame.to_csv(aside, index=False)
