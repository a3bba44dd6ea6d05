"""What a report needs of a search, wherever it came from: a run directory, an open run or any Optuna study."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from device_bench.terminal import printable
from reports.errors import ReportError

if TYPE_CHECKING:
    import optuna

    from mnas.run import Run

Source: TypeAlias = "str | os.PathLike[str] | Run | optuna.Study | RunData"


@dataclass(frozen=True, slots=True)
class RunData:
    """One search as it stood when it was read; a search still going on changes nothing in it.

    Attributes:
        name: what the run is called in tables and legends.
        study: the Optuna study, for reading only.
        trials: its trials by number.
        facts: the study's user attributes: space, target, input shape, device, reward.
        path: the run directory; None for a study that has none.
        config: the resolved configuration; empty for a bare study.
        references: reference networks, each with the keys of a trial's user attributes and `name`, `accuracy`.
        final: the measurement on the test split, once the search has ended.
    """

    name: str
    study: optuna.Study
    trials: tuple[optuna.trial.FrozenTrial, ...]
    facts: Mapping[str, Any]
    path: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    references: Sequence[Mapping[str, Any]] = ()
    final: Mapping[str, Any] | None = None

    @property
    def target_ms(self) -> float | None:
        """The latency asked for, in milliseconds."""
        return number(self.facts.get("target_ms"))

    def count(self, *states: str) -> int:
        """How many trials are in one of these states, by Optuna's names."""
        return sum(trial.state.name in states for trial in self.trials)


def read_run(source: Source, name: str | None = None) -> RunData:
    """Reads a search once.

    Args:
        source: a run directory, an open `mnas.run.Run`, or an Optuna study with the directions maximize, minimize.
        name: what to call it; the directory's or the study's own name by default.

    Raises:
        ReportError: nothing of that kind is there, or the study has other directions.
    """
    if isinstance(source, RunData):
        return source
    if isinstance(source, str | os.PathLike):
        return _from_directory(Path(source), name)
    from mnas.run import Run

    if isinstance(source, Run):
        return _from_run(source, name)
    if hasattr(source, "user_attrs") and hasattr(source, "directions"):
        return _from_study(source, name)
    raise ReportError(f"cannot read a run from {type(source).__name__}: give a run directory or an Optuna study")


def read_runs(sources: Sequence[Source]) -> list[RunData]:
    """Reads several searches and gives each a name of its own.

    Two directories of one name are told apart by as much of their paths as it takes.
    """
    runs = [read_run(source) for source in sources]
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return runs
    renamed: list[RunData] = []
    for index, run in enumerate(runs):
        twin = names.count(run.name) > 1
        label = printable("/".join(run.path.resolve().parts[-2:])) if twin and run.path else run.name
        taken = {other.name for other in renamed}
        label = label if label not in taken else f"{label} ({index + 1})"
        renamed.append(replace(run, name=label))
    return renamed


def images(run: RunData, split: str) -> int | None:
    """How many images a split of the run's data has; None where the study does not say."""
    sizes = run.facts.get("splits")
    size = number(sizes.get(split)) if isinstance(sizes, Mapping) else None
    return int(size) if size else None


def number(value: object) -> float | None:
    """A finite float, or None for whatever else stands there: attributes may come from anyone's study."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value - value == 0 else None


def _from_directory(path: Path, name: str | None) -> RunData:
    from mnas.errors import SearchError
    from mnas.run import Run

    try:
        return _from_run(Run.open(path), name or path.resolve().name)
    except SearchError as error:
        raise ReportError(str(error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{path}/config.json or a record beside it was changed by hand: {error!r}") from error


def _from_run(run: Run, name: str | None) -> RunData:
    study = run.study()
    return RunData(
        name=printable(name or run.path.resolve().name),
        study=study,
        trials=_trials(study),
        facts=study.user_attrs,
        path=run.path,
        config=run.config,
        references=run.references(),
        final=run.final,
    )


def _from_study(study: optuna.Study, name: str | None) -> RunData:
    return RunData(printable(name or study.study_name), study, _trials(study), study.user_attrs)


def _trials(study: optuna.Study) -> tuple[optuna.trial.FrozenTrial, ...]:
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    directions = [direction.name for direction in study.directions]
    if directions != ["MAXIMIZE", "MINIMIZE"]:
        raise ReportError(
            f"study {study.study_name!r} has the directions {', '.join(directions).lower()}: "
            "a report needs maximize (accuracy), minimize (latency in ms)"
        )
    try:
        return tuple(study.get_trials(deepcopy=False))
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise ReportError(f"the trials of study {study.study_name!r} cannot be read: {cause}") from error
