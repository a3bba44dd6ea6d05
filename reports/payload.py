"""What the page's scripts read: all runs as short arrays, in JSON that no HTML parser mistakes for markup."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from mnas.reward import Reward
from mnas.tasks import Metric
from reports import rewards
from reports.drawings import drawing_of, packed, packed_cells, packed_skips
from reports.metrics import axis_label
from reports.page_parts import printable_values
from reports.pareto import hypervolume_history, worst_corner
from reports.profiles import FILE, operator_times
from reports.runs import RunData

_TIMES = ("latency_ms", "latency_low_ms", "latency_high_ms", "reward")
_COUNTS = ("params", "macs", "size_bytes")


def payload(
    runs: Sequence[RunData], tables: Sequence[pd.DataFrame], *, page: Path | None, refresh_s: int | None
) -> dict[str, Any]:
    """Everything the page shows, one array per column over the networks of all runs, its text printable.

    Args:
        runs: the runs.
        tables: `frame(run)` of each: its rows are the trials by number, then the references.
        page: where the page will stand; links to model files are relative to it. None: no links.
        refresh_s: seconds after which the page loads itself again; None for never.
    """
    table, metric = pd.concat(tables, ignore_index=True), runs[0].metric
    corner = worst_corner(table)
    blocks, boxes, cells = _Numbered(), _Numbered(), _Numbered()
    drawn = [drawing_of(record, run) for run in runs for record in (*run.records, *run.references)]
    targets = {run.target_ms for run in runs}
    reward = rewards.of_run(runs[0]) if len(runs) == 1 else None
    found = {
        "runs": [_facts(run, page) for run in runs],
        "metric": _metric(metric),
        "target": targets.pop() if len(targets) == 1 else None,
        "refresh": refresh_s,
        "rows": {
            **_columns(table, runs),
            "blocks": [[blocks.of(block) for block in row] for row in table["blocks"]],
            "boxes": [[boxes.of(packed(box)) for box in stack] for stack in drawn],
            "skips": [packed_skips(stack) for stack in drawn],
            "cells": [[cells.of(cell) for cell in packed_cells(stack)] for stack in drawn],
            "choice": [choice for run in runs for choice in _choices(run)],
            "file": [has for run, rows in zip(runs, tables, strict=True) for has in _files(run, rows, page)],
        },
        "blocks": blocks.values,
        "boxes": boxes.values,
        "cells": cells.values,
        "decisions": [_decisions(run) for run in runs],
        "history": [_history(rows, corner) for rows in tables],
        "curves": _curves(reward, table, metric),
        "profiles": _profiles(runs),
    }
    return {key: printable_values(value) for key, value in found.items()}


class _Numbered:
    """Values by number, each stored once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._index: dict[str, int] = {}

    def of(self, value: object) -> int:
        key = repr(value)
        if key not in self._index:
            self._index[key] = len(self.values)
            self.values.append(value)
        return self._index[key]


def _columns(table: pd.DataFrame, runs: Sequence[RunData]) -> dict[str, list[Any]]:
    names = {run.name: index for index, run in enumerate(runs)}
    reference = table["kind"] == "reference"
    columns: dict[str, list[Any]] = {
        "run": table["run"].map(names).tolist(),
        "reference": reference.astype(int).tolist(),
        "name": [name if net else None for name, net in zip(table["name"], reference, strict=True)],
        "number": [None if pd.isna(value) else int(value) for value in table["number"]],
        "front": table["on_front"].astype(int).tolist(),
        "hash": table["arch_hash"].tolist(),
        "verdict": table["verdict"].tolist(),
    }
    columns |= {name: [_rounded(value, 6) for value in table[name]] for name in (*runs[0].metric.keys, *_TIMES)}
    return columns | {name: [None if pd.isna(value) else int(value) for value in table[name]] for name in _COUNTS}


def _rounded(value: float, digits: int) -> float | None:
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def _metric(metric: Metric) -> dict[str, Any]:
    """The metric's columns, and how its values are written."""
    columns = {"key": metric.key, "low": metric.low_key, "high": metric.high_key}
    others = {"float": metric.float_key, "test": metric.test_key}
    look = {name: getattr(metric, name) for name in ("name", "maximize", "factor", "unit", "decimals")}
    labels = {"label": axis_label(metric), "floatLabel": axis_label(metric, "(float)")}
    return {**columns, **others, **look, **labels}


def _facts(run: RunData, page: Path | None) -> dict[str, Any]:
    return {
        "name": run.name,
        "base": quote(os.fsencode(os.path.relpath(run.path, page.parent))) if run.path and page else None,
    }


def _decisions(run: RunData) -> dict[str, Any]:
    choices: dict[str, list[Any]] = {}
    for trial in run.trials:
        for name, distribution in trial.distributions.items():
            if name not in choices:
                choices[name] = [_plain(choice) for choice in getattr(distribution, "choices", ())]
    return {"names": list(choices), "choices": list(choices.values())}


def _choices(run: RunData) -> list[list[int | None] | None]:
    """For every trial and reference the number of its choice in each decision; None for what was not a choice."""
    names = list(dict.fromkeys(name for trial in run.trials for name in trial.distributions))
    rows: list[list[int | None] | None] = []
    for trial in run.trials:
        taken = []
        for name in names:
            choices = getattr(trial.distributions.get(name), "choices", ())
            taken.append(choices.index(trial.params[name]) if name in trial.params and choices else None)
        rows.append(taken)
    return [*rows, *[None] * len(run.references)]


def _plain(choice: object) -> object:
    exact = choice is None or isinstance(choice, str | int) or (isinstance(choice, float) and np.isfinite(choice))
    return choice if exact else str(choice)


def _files(run: RunData, rows: pd.DataFrame, page: Path | None) -> list[int]:
    if run.path is None or page is None:
        return [0] * len(rows)
    have = {kind: _with_model(run.path / kind) for kind in ("candidates", "references")}
    return [
        int(row.name in have["references"] if row.kind == "reference" else row.arch_hash in have["candidates"])
        for row in rows[["kind", "name", "arch_hash"]].itertuples(index=False)
    ]


def _with_model(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder) if (Path(entry.path) / "model.tflite").is_file()}
    except OSError:
        return set()


def _history(rows: pd.DataFrame, corner: tuple[float, float]) -> dict[str, Any]:
    candidates = rows[rows["kind"] == "candidate"]
    numbers = candidates["number"].to_numpy(dtype=int)
    area = hypervolume_history(candidates, corner)
    best = candidates["reward"].cummax().to_numpy(dtype=float)
    return {
        "last": int(numbers.max() + 1) if len(numbers) else 0,
        "area": _changes(numbers, np.where(area > 0, area, np.nan)),
        "best": _changes(numbers, best),
    }


def _changes(numbers: np.ndarray, values: np.ndarray) -> list[list[float]]:
    """Where a rising series changes: [trial, value] each."""
    changed: list[list[float]] = []
    for trial, value in zip(numbers.tolist(), values.tolist(), strict=True):
        if np.isfinite(value) and (not changed or value > changed[-1][1]):
            changed.append([trial, value])
    return [[trial, float(f"{value:.6g}")] for trial, value in changed]


def _curves(reward: Reward | None, table: pd.DataFrame, metric: Metric) -> list[dict[str, Any]]:
    earned = table["reward"].dropna()
    measured = table["latency_ms"].dropna()
    if reward is None or earned.empty or measured.empty or measured.min() <= 0:
        return []
    latency = np.geomspace(measured.min() / 2, measured.max() * 2, 120)
    curves = []
    for level in np.unique(np.quantile(earned, [0.5, 0.9, 1.0]).round(4)):
        values = rewards.curve(reward, float(level), latency, metric)
        known = [(x, y) for x, y in zip(latency, values, strict=True) if np.isfinite(y)]
        points = [[float(f"{x:.5g}"), float(f"{y:.5g}")] for x, y in known]
        curves.append({"level": float(level), "points": points})
    return curves


def _profiles(runs: Sequence[RunData]) -> dict[str, list[list[Any]]]:
    """Latency by operator where a profile lies beside the model: row -> [[operator, ms], ...], the slowest first."""
    profiles: dict[str, list[list[Any]]] = {}
    row = 0
    for run in runs:
        for folder in _folders(run):
            if folder and (times := operator_times(folder / FILE)):
                profiles[str(row)] = [[name, float(f"{ms:.4g}")] for name, ms in times]
            row += 1
    return profiles


def _folders(run: RunData) -> list[Path | None]:
    """For every trial and reference its folder, where that holds a profile."""
    if run.path is None:
        return [None] * (len(run.trials) + len(run.references))
    found = {path.parent for path in run.path.glob(f"*/*/{FILE}")}
    folders = [run.path / "candidates" / record.arch_hash for record in run.records]
    folders += [run.path / "references" / net.name for net in run.references]
    return [folder if folder in found else None for folder in folders]
