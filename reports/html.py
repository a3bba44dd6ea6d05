"""The page: one self-contained file that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from mnas.errors import SearchError
from mnas.files import write_text
from reports import learned, tables
from reports.errors import ReportError
from reports.frames import frame
from reports.headline import headline
from reports.page_parts import environment, made, script_json, source
from reports.pareto import hypervolume, worst_corner
from reports.payload import payload
from reports.runs import RunData
from reports.summary import operations, words

_SCRIPTS = tuple("elements core storage theme scales labels scatter pointer lines network details table page".split())
_FAILURES_SHOWN = 50
_DEVICE_FACTS = ("model", "soc", "abi", "system", "build", "cores", "governors")


def write_page(runs: Sequence[RunData], path: Path, *, refresh_s: int | None = None) -> None:
    """Writes the page of one or several runs, whole or not at all.

    Args:
        runs: the runs; several are laid over each other and compared.
        path: where the page goes; its links to model files are relative to there.
        refresh_s: seconds after which the open page loads itself again; None for never.

    Raises:
        ReportError: the place cannot be written to.
    """
    try:
        write_text(path, page(runs, path=path, refresh_s=refresh_s))
    except SearchError as error:
        raise ReportError(str(error)) from error


def page(runs: Sequence[RunData], *, path: Path | None = None, refresh_s: int | None = None) -> str:
    """The page as text. Every name and every word that comes from a run is escaped.

    Args:
        runs: the runs.
        path: where the page will stand, for links to the model files; None leaves them out.
        refresh_s: seconds after which the open page loads itself again.
    """
    shown = [frame(run) for run in runs]
    corner = worst_corner(pd.concat(shown))
    template = environment().get_template("page.html")
    data = payload(runs, shown, page=path, refresh_s=refresh_s)
    return template.render(
        title=" / ".join(run.name for run in runs),
        made=made(),
        runs=[_section(run, table, corner) for run, table in zip(runs, shown, strict=True)],
        corner=corner,
        metric=runs[0].metric,
        metric_words=partial(tables.metric_words, metric=runs[0].metric),
        target=data["target"],
        levels=[curve["level"] for curve in data["curves"]],
        differences=_differences(runs),
        operations=operations(pd.concat(shown)),
        refresh_s=refresh_s,
        styles=[source("page.css")],
        scripts=[source(f"{name}.js") for name in _SCRIPTS],
        data=Markup(script_json(data)),
    )


def _section(run: RunData, table: pd.DataFrame, corner: tuple[float, float]) -> dict[str, Any]:
    """What the template shows of one run."""
    candidates = table[table["kind"] == "candidate"]
    matters = learned.importances(run)
    names = list(dict.fromkeys(name for found in matters for name in list(found.shares)[:5]))
    return {
        "name": run.name,
        "headline": headline(run, table),
        "findings": words(run, table),
        "counts": [
            (label, run.count(*states))
            for label, states in (("finished", ["COMPLETE"]), ("failed", ["FAIL"]), ("open", ["RUNNING", "WAITING"]))
        ],
        "ended": run.final is not None,
        "front": tables.fronts(table).to_dict("records"),
        "front_size": int(candidates["on_front"].sum()),
        "area": hypervolume(table, corner),
        "best_reward": float(candidates["reward"].max()) if len(candidates) else float("nan"),
        "best_value": _best_value(run, candidates),
        "facts": facts(run),
        "failures": _failures(candidates),
        "importances": matters,
        "choices": learned.choices(run, names),
        "trials_needed": learned.FEWEST,
    }


def facts(run: RunData) -> list[tuple[str, str]]:
    """What was searched, on what, and what timed it, in words: what holds for the run, not for one network of it."""
    known = run.facts
    timing = next((one.latency for one in run.records if one.latency), None)
    conditions = timing.conditions if timing else {}
    listed: list[tuple[str, object]] = [
        ("space", known.space),
        ("data", known.data),
        ("input", " x ".join(map(str, known.input_shape or ()))),
        (run.task.examples, ", ".join(f"{count} {name}" for name, count in (known.splits or {}).items())),
        (run.task.outputs, known.outputs),
        ("algorithm", known.algorithm),
        ("reward", ", ".join(f"{key} {value}" for key, value in (known.reward or {}).items())),
        ("device", known.device),
        *((key, getattr(timing, key, None)) for key in ("runtime", "precision", "threads", "delegate")),
        *((key, conditions.get(key)) for key in _DEVICE_FACTS),
        ("directory", run.path),
    ]
    return [(name, str(value)) for name, value in listed if value not in (None, "", [], {})]


def _best_value(run: RunData, candidates: pd.DataFrame) -> float:
    """The best value of the metric under the target, where there is one."""
    under = candidates if run.target_ms is None else candidates[candidates["latency_ms"] <= run.target_ms]
    values = under[run.metric.key]
    return float(values.max() if run.metric.maximize else values.min()) if len(under) else float("nan")


def _failures(candidates: pd.DataFrame) -> dict[str, Any]:
    failed = candidates[candidates["state"] == "fail"]
    shown = failed.tail(_FAILURES_SHOWN)
    return {"count": len(failed), "rows": list(zip(shown["name"], shown["error"], strict=True))}


def _differences(runs: Sequence[RunData]) -> list[str]:
    """Why the runs may not be comparable: facts in which they differ."""
    found = []
    for key in ("data", "device", "precision", "target_ms", "input_shape", "space"):
        values = {str(getattr(run.facts, key)) for run in runs}
        if len(values) > 1:
            found.append(key.replace("_", " "))
    return found
