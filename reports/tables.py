"""The front as text: a table for the terminal and a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from device_bench.terminal import plain
from mnas.errors import SearchError
from mnas.files import write_text
from reports.errors import ReportError
from reports.pareto import pareto_front


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Writes rows of `frame` as CSV, block strings joined by spaces, whole or not at all.

    Raises:
        ReportError: the place cannot be written to.
    """
    flat = table.assign(blocks=table["blocks"].map(" ".join))
    try:
        write_text(path, flat.to_csv(index=False, lineterminator="\n"))
    except SearchError as error:
        raise ReportError(str(error)) from error


def fronts(table: pd.DataFrame) -> pd.DataFrame:
    """The front of every run in `table`, run after run, each fastest first."""
    if table.empty:
        return table
    return pd.concat([pareto_front(rows) for _, rows in table.groupby("run", sort=False)])


def terminal(table: pd.DataFrame) -> Table:
    """The fronts and the reference networks as a table for a terminal, fastest first."""
    several = table["run"].nunique() > 1
    shown = pd.concat([fronts(table), table[(table["kind"] == "reference") & table["accuracy"].notna()]])
    shown = shown.sort_values(["run", "latency_ms"], kind="stable")
    text = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in (*(["run"] * several), "front", "validation acc.", "latency ms", "params", "MACs", "reward"):
        text.add_column(heading, justify="left" if heading in ("run", "front") else "right", no_wrap=True)
    for _, row in shown.iterrows():
        cells = [row["run"]] * several
        cells += [row["name"], with_ends(row, "accuracy", 100, "%"), with_ends(row, "latency_ms", 1, "")]
        cells += [count(row["params"]), count(row["macs"])]
        cells += [f"{row['reward']:.3f}" if np.isfinite(row["reward"]) else "-"]
        text.add_row(*map(plain, cells), style="dim" if row["kind"] == "reference" else None)
    return text


def with_ends(row: pd.Series, column: str, factor: float, unit: str) -> str:
    """A value with its interval, such as `81.2% (79.5-82.8)`."""
    stem, end = (column.removesuffix("_ms"), "_ms") if column.endswith("_ms") else (column, "")
    low, value, high = (row[name] * factor for name in (f"{stem}_low{end}", column, f"{stem}_high{end}"))
    if not np.isfinite(value):
        return "-"
    decimals = 1 if unit == "%" else _decimals(value)
    words = f"{value:.{decimals}f}{unit}"
    return f"{words} ({low:.{decimals}f}-{high:.{decimals}f})" if np.isfinite([low, high]).all() else words


def percent(value: float) -> str:
    """A share in per cent with one decimal."""
    return f"{100 * value:.1f}%" if np.isfinite(value) else "-"


def digits(value: float) -> str:
    """An amount with three digits."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.{_decimals(value)}f}"


def milliseconds(value: float) -> str:
    """A latency with its unit."""
    return f"{digits(value)} ms"


def _decimals(value: float) -> int:
    return max(0, 2 - int(np.floor(np.log10(max(abs(value), 1e-3)))))


def count(value: Any) -> str:
    """A number of things, or a missing one: 3.89M, 312M, 52.1k, -."""
    if pd.isna(value):
        return "-"
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"
