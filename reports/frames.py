"""A run as one tidy table: a row for every trial and every reference network, units in the column names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from device_bench.terminal import printable
from mnas.objectives import Objectives
from mnas.records import FinishedTrial, Network, ReferenceRecord, TrialRecord
from mnas.tasks import Metric
from reports import rewards
from reports.errors import ReportError
from reports.intervals import measured
from reports.pareto import front_mask
from reports.runs import RunData, Source, examples, read_run, read_runs

if TYPE_CHECKING:
    import optuna


def columns(metric: Metric) -> dict[str, str]:
    """Every column of `frame` for runs of that metric, in order, with its type."""
    texts, numbers = dict.fromkeys(("run", "kind", "name"), "str"), dict.fromkeys(metric.keys, "float64")
    return {
        **texts,
        "number": "Int64",
        "state": "str",
        **numbers,
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


def frame(source: Source) -> pd.DataFrame:
    """One row for every trial of a run, then one for every reference network.

    Columns (shares are between 0 and 1; what is not known is missing, never 0). METRIC stands for the key of the task's
    metric, which is `accuracy` for classification:

    - `run`, `kind` (`candidate` or `reference`), `name`, `number` (of the trial), `state` (Optuna's word in lower case)
    - `METRIC` of the int8 file on the validation split, `METRIC_low`, `METRIC_high` (its 95 % interval),
      `METRIC_float` of the trained network, `test_METRIC` of the int8 file where the search has measured it
    - `latency_ms` (median), `latency_low_ms`, `latency_high_ms`, `verdict` of the timing,
      `predicted`: the latency comes from a table, not from a device
    - `reward`, `on_front` (among the candidates), `repeated` (the same network as an earlier trial: never on the front)
    - `params`, `macs`, `size_bytes`, `train_s`
    - `arch_hash`, `blocks` (tuple of block strings), `error` of a failed trial

    Args:
        source: a run directory, an open `mnas.run.Run` or an Optuna study.

    Raises:
        ReportError: there is no such run, or its study has other directions.
    """
    run = read_run(source)
    metric, validation, reward = run.metric, examples(run, "validation"), rewards.of_run(run)
    rows = [_candidate(run, *both) for both in zip(run.trials, run.records, strict=True)]
    rows += [_reference(run, net) for net in run.references]
    tested = _tested(run)
    for row in rows:
        row[metric.test_key] = tested.get((row["kind"], row["name"]), np.nan)
        interval = measured(metric, row[metric.key], validation)
        row[metric.low_key], row[metric.high_key] = interval.low, interval.high
        if np.isnan(row["reward"]) and reward is not None:
            row["reward"] = rewards.value(reward, row[metric.key], row["latency_ms"])
    types = columns(metric)
    table = pd.DataFrame(rows, columns=list(types))
    table["on_front"] = False
    table["repeated"] = _repeated(table)
    table = table.astype({name: kind for name, kind in types.items() if name != "blocks"})
    table["on_front"] = front_mask(table)
    return table


def frames(sources: Sequence[Source]) -> pd.DataFrame:
    """The tables of several runs below each other, told apart by the column `run`; every run keeps its own front."""
    return pd.concat([frame(run) for run in read_runs(sources)], ignore_index=True)


def decisions(source: Source) -> pd.DataFrame:
    """What every finished trial decided: one row per trial, one column per decision such as `block3.kernel`."""
    run = read_run(source)
    done = [trial for trial in run.trials if trial.state.name == "COMPLETE"]
    index = pd.Index([trial.number for trial in done], name="number")
    return pd.DataFrame([trial.params for trial in done], index=index)


def bench(path: str | os.PathLike[str]) -> pd.DataFrame:
    """What `mnas bench` measured: a row per model, device, number of threads and delegate, for `figures.devices`.

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


def _candidate(run: RunData, trial: optuna.trial.FrozenTrial, record: FinishedTrial | TrialRecord) -> dict[str, Any]:
    value, latency_ms = Objectives(np.nan, np.nan) if trial.values is None else Objectives.of(trial)
    return {
        **_measured(run, record),
        "kind": "candidate",
        "name": _trial_name(trial.number),
        "number": trial.number,
        "state": trial.state.name.lower(),
        run.metric.key: value,
        "latency_ms": latency_ms,
        "reward": _known(record.reward),
        "error": printable(record.error) if isinstance(record, TrialRecord) else "",
    }


def _reference(run: RunData, net: ReferenceRecord) -> dict[str, Any]:
    return {
        **_measured(run, net),
        "kind": "reference",
        "name": _reference_name(net.name),
        "number": pd.NA,
        "state": "complete",
        run.metric.key: net.value,
        "latency_ms": net.latency_ms,
        "reward": np.nan,
        "error": "",
    }


def _tested(run: RunData) -> dict[tuple[str, str], float]:
    """Kind and name of a row -> the metric on the test split."""
    if run.final is None:
        return {}
    rows = (run.final.best, *reversed(run.final.front))
    return {
        **{("candidate", _trial_name(row.number)): row.test_value for row in rows},
        **{("reference", _reference_name(one.name)): one.test_value for one in run.final.references},
    }


def _trial_name(number: int) -> str:
    return f"#{number}"


def _reference_name(name: str) -> str:
    return printable(name) or "reference"


def _measured(run: RunData, record: Network | TrialRecord) -> dict[str, Any]:
    timing = record.latency
    low_ms, high_ms = (_known(timing.low_ms), _known(timing.high_ms)) if timing else (np.nan, np.nan)
    if not (low_ms > 0 and np.isfinite(high_ms)):  # the protocol's 0 and inf stand for "not known"
        low_ms = high_ms = np.nan
    return {
        "run": run.name,
        run.metric.float_key: _known(record.value_float),
        "latency_low_ms": low_ms,
        "latency_high_ms": high_ms,
        "verdict": timing.verdict if timing else "",
        "predicted": timing is not None and timing.conditions.get("predicted") is True,
        **{name: _known(getattr(record, name)) for name in ("params", "macs", "size_bytes", "train_s")},
        "arch_hash": printable(record.arch_hash),
        "blocks": tuple(map(printable, record.blocks)),
    }


def _known(value: float | None) -> float:
    return np.nan if value is None else float(value)
