"""A run as one tidy table: a row for every trial and every reference network, units in the column names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from device_bench.terminal import printable
from reports import rewards
from reports.errors import ReportError
from reports.intervals import share
from reports.pareto import front_mask
from reports.runs import RunData, Source, images, number, read_run, read_runs

COLUMNS = {
    "run": "str",
    "kind": "str",
    "name": "str",
    "number": "Int64",
    "state": "str",
    "accuracy": "float64",
    "accuracy_low": "float64",
    "accuracy_high": "float64",
    "accuracy_float": "float64",
    "test_accuracy": "float64",
    "latency_ms": "float64",
    "latency_low_ms": "float64",
    "latency_high_ms": "float64",
    "verdict": "str",
    "predicted": "bool",
    "reward": "float64",
    "on_front": "bool",
    "repeated": "bool",
    "params": "Float64",
    "macs": "Float64",
    "size_bytes": "Float64",
    "train_s": "float64",
    "arch_hash": "str",
    "blocks": "object",
    "error": "str",
}
"""Every column of `frame`, in order, with its type."""


def frame(source: Source) -> pd.DataFrame:
    """One row for every trial of a run, then one for every reference network.

    Columns (shares are between 0 and 1; what is not known is missing, never 0):

    - `run`, `kind` (`candidate` or `reference`), `name`, `number` (of the trial), `state` (Optuna's word in lower case)
    - `accuracy` of the int8 file on the validation split, `accuracy_low`, `accuracy_high` (its 95 % interval),
      `accuracy_float` of the trained network, `test_accuracy` of the int8 file where the search has measured it
    - `latency_ms` (median), `latency_low_ms`, `latency_high_ms`, `verdict` of the timing,
      `predicted`: the latency comes from a table, not from a device
    - `reward`, `on_front` (among the candidates), `repeated` (the same network as an earlier trial: never on the front)
    - `params`, `macs`, `size_bytes`, `train_s`
    - `arch_hash`, `blocks` (tuple of block strings), `error` of a failed trial

    Args:
        source: a run directory, an open `mnas.run.Run` or an Optuna study.

    Raises:
        ReportError: there is no such run, or its study is not maximize, minimize.
    """
    run = read_run(source)
    validation = images(run, "validation")
    reward = rewards.of_run(run)
    rows = [_candidate(run, trial) for trial in run.trials] + [_reference(run, net) for net in run.references]
    for row in rows:
        interval = share(row["accuracy"], validation)
        row["accuracy_low"], row["accuracy_high"] = interval.low, interval.high
        row["test_accuracy"] = _test_accuracy(run, row)
        if np.isnan(row["reward"]) and reward is not None:
            row["reward"] = rewards.value(reward, row["accuracy"], row["latency_ms"])
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["on_front"] = False
    table["repeated"] = _repeated(table)
    table = table.astype({name: kind for name, kind in COLUMNS.items() if name != "blocks"})
    table["on_front"] = front_mask(table)
    return table


def frames(sources: Sequence[Source]) -> pd.DataFrame:
    """The tables of several runs below each other, told apart by the column `run`; every run keeps its own front."""
    return pd.concat([frame(run) for run in read_runs(sources)], ignore_index=True)


def decisions(source: Source) -> pd.DataFrame:
    """What every finished trial decided: one row a trial by number, one column a decision such as `block3.kernel`."""
    run = read_run(source)
    done = [trial for trial in run.trials if trial.state.name == "COMPLETE"]
    index = pd.Index([trial.number for trial in done], name="number")
    return pd.DataFrame([trial.params for trial in done], index=index)


def bench(path: str | os.PathLike[str]) -> pd.DataFrame:
    """What `mnas bench` measured: a row a model, device, number of threads and delegate, for `figures.devices`.

    The latency's columns are named as in `frame`; the others are those of the file.

    Raises:
        ReportError: it is no table of results.
    """
    from device_bench.errors import BenchError
    from device_bench.matrix.results import read_results

    try:
        table = read_results(Path(path))
    except BenchError as error:
        raise ReportError(str(error)) from error
    return table.rename(columns={"median_ms": "latency_ms", "low_ms": "latency_low_ms", "high_ms": "latency_high_ms"})


def table_check(path: str | os.PathLike[str]) -> pd.DataFrame:
    """What `mnas table check` wrote (`TABLE.check.json`), for `figures.predicted_against_measured`.

    Columns: `name`, `kind`, `macs`, `latency_ms` (measured), `predicted_ms`, `predicted_low_ms`, `predicted_high_ms`.

    Raises:
        ReportError: it is no result of a check.
    """
    from mnas.errors import SearchError
    from mnas.files import read_json

    try:
        rows = read_json(Path(path))["networks"]
        table = pd.DataFrame(rows)[["name", "kind", "macs", "measured_ms", "predicted_ms", "low_ms", "high_ms"]]
    except SearchError as error:
        raise ReportError(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(f"{path} is not a result of `mnas table check`: {error}") from error
    names = {"measured_ms": "latency_ms", "low_ms": "predicted_low_ms", "high_ms": "predicted_high_ms"}
    return table.rename(columns=names)


def _repeated(table: pd.DataFrame) -> pd.Series:
    """A network proposed again was neither trained nor timed again: its row is a copy of the first one's."""
    counted = (table["kind"] == "candidate") & (table["state"] == "complete") & (table["arch_hash"] != "")
    return counted & table["arch_hash"].where(counted).duplicated()


def _candidate(run: RunData, trial: Any) -> dict[str, Any]:
    accuracy, latency_ms = trial.values if trial.values is not None else (np.nan, np.nan)
    return {
        **_measured(trial.user_attrs),
        "run": run.name,
        "kind": "candidate",
        "name": f"#{trial.number}",
        "number": trial.number,
        "state": trial.state.name.lower(),
        "accuracy": accuracy,
        "latency_ms": latency_ms,
        "error": _text(trial.user_attrs.get("error")),
    }


def _reference(run: RunData, net: Mapping[str, Any]) -> dict[str, Any]:
    timing = net.get("latency")
    median = timing.get("median_ms") if isinstance(timing, Mapping) else None
    return {
        **_measured(net),
        "run": run.name,
        "kind": "reference",
        "name": _text(net.get("name")) or "reference",
        "number": pd.NA,
        "state": "complete",
        "accuracy": _float(net.get("accuracy")),
        "latency_ms": _float(median),
        "error": _text(net.get("error")),
    }


def _measured(attributes: Mapping[str, Any]) -> dict[str, Any]:
    timing = attributes.get("latency")
    timing = timing if isinstance(timing, Mapping) else {}
    blocks, conditions = attributes.get("blocks"), timing.get("conditions")
    low_ms, high_ms = _float(timing.get("low_ms")), _float(timing.get("high_ms"))
    if not (low_ms > 0 and np.isfinite(high_ms)):  # the protocol's 0 and inf stand for "not known"
        low_ms = high_ms = np.nan
    return {
        "accuracy_float": _float(attributes.get("accuracy_float")),
        "latency_low_ms": low_ms,
        "latency_high_ms": high_ms,
        "verdict": _text(timing.get("verdict")),
        "predicted": isinstance(conditions, Mapping) and conditions.get("predicted") is True,
        "reward": _float(attributes.get("reward")),
        "params": _float(attributes.get("params")),
        "macs": _float(attributes.get("macs")),
        "size_bytes": _float(attributes.get("size_bytes")),
        "train_s": _float(attributes.get("train_s")),
        "arch_hash": _text(attributes.get("arch_hash")),
        "blocks": tuple(map(_text, blocks)) if isinstance(blocks, list | tuple) else (),
    }


def _test_accuracy(run: RunData, row: Mapping[str, Any]) -> float:
    final = run.final or {}
    if row["kind"] == "reference":
        found = [net for net in final.get("references") or () if net.get("name") == row["name"]]
    else:
        nets = [*(final.get("front") or ()), final.get("best") or {}]
        found = [net for net in nets if net.get("number") == row["number"]]
    return _float(found[0].get("test_accuracy")) if found else np.nan


def _float(value: object) -> float:
    known = number(value)
    return np.nan if known is None else known


def _text(value: object) -> str:
    return "" if value is None else printable(str(value))
