"""The front as text: a table for the terminal and a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table

from device_bench.terminal import plain
from mnas.errors import SearchError
from mnas.files import write_text
from mnas.tasks import Metric
from reports.errors import ReportError
from reports.metrics import metric_of
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
    metric, several = metric_of(table), table["run"].nunique() > 1
    shown = pd.concat([fronts(table), table[(table["kind"] == "reference") & table[metric.key].notna()]])
    shown = shown.sort_values(["run", "latency_ms"], kind="stable")
    text = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    value = f"validation {metric.abbreviation or metric.name}"
    for heading in (*(["run"] * several), "front", value, "latency ms", "params", "MACs", "reward"):
        text.add_column(heading, justify="left" if heading in ("run", "front") else "right", no_wrap=True)
    for _, row in shown.iterrows():
        cells = [row["run"]] * several
        cells += [row["name"], metric_with_ends(row, metric), latency_with_ends(row)]
        cells += [count(row["params"]), count(row["macs"])]
        cells += [f"{row['reward']:.3f}" if np.isfinite(row["reward"]) else "-"]
        text.add_row(*map(plain, cells), style="dim" if row["kind"] == "reference" else None)
    return text


def metric_with_ends(row: Mapping[str, Any] | pd.Series, metric: Metric) -> str:
    """A value of the metric with its interval, such as `81.2% (79.5-82.8)`."""
    low, value, high = (row[name] for name in (metric.low_key, metric.key, metric.high_key))
    words = metric_words(value, metric)
    known = np.isfinite([low, value, high]).all()
    return f"{words} ({metric.digits(low)}-{metric.digits(high)})" if known else words


def latency_with_ends(row: Mapping[str, Any] | pd.Series) -> str:
    """A latency in milliseconds with its interval, such as `1.50 (1.40-1.60)`."""
    low, value, high = (row[name] for name in ("latency_low_ms", "latency_ms", "latency_high_ms"))
    if not np.isfinite([low, value, high]).all():
        return digits(value)
    decimals = _decimals(value)
    return f"{value:.{decimals}f} ({low:.{decimals}f}-{high:.{decimals}f})"


def metric_words(value: float, metric: Metric) -> str:
    """A value of the metric, or a missing one."""
    return metric.words(value) if np.isfinite(value) else "-"


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
