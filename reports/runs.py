"""What a report needs of a search, wherever it came from: a run directory, an open run or any Optuna study."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from device_bench.terminal import printable
from mnas.errors import SearchError
from mnas.objectives import directions
from mnas.records import Final, FinishedTrial, ReferenceRecord, StudyRecord, TrialRecord, Trust, read_study
from mnas.tasks import Metric, Task
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
        records: what each trial says of itself, in the order of the trials.
        facts: what the study says: space, target, input shape, device, reward.
        task: what its networks are trained and judged on.
        path: the run directory; None for a study that has none.
        references: reference networks.
        final: the measurement on the test split, once the search has ended.
        trust: how shared weights rank networks; None where the search has none, or has not found out.
    """

    name: str
    study: optuna.Study
    trials: tuple[optuna.trial.FrozenTrial, ...]
    records: tuple[FinishedTrial | TrialRecord, ...]
    facts: StudyRecord
    task: Task[Any]
    path: Path | None = None
    references: Sequence[ReferenceRecord] = ()
    final: Final | None = None
    trust: Trust | None = None

    @property
    def metric(self) -> Metric:
        """The first of a trial's two values."""
        return self.task.metric

    @property
    def target_ms(self) -> float | None:
        """The latency asked for, in milliseconds."""
        return self.facts.target_ms

    def count(self, *states: str) -> int:
        """How many trials are in one of these states, by Optuna's names."""
        return sum(trial.state.name in states for trial in self.trials)


def read_run(source: Source, name: str | None = None) -> RunData:
    """Reads a search once.

    Args:
        source: a run directory, an open `mnas.run.Run`, or an Optuna study of two directions: the metric's, and
            minimize.
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

    Raises:
        ReportError: as `read_run`, or the runs are judged by different metrics.
    """
    runs = [read_run(source) for source in sources]
    keys = {run.metric.key: run for run in runs}
    if len(keys) > 1:
        first, second = list(keys.values())[:2]
        raise ReportError(
            f"{first.name} is judged by {first.metric.name} and {second.name} by {second.metric.name}: "
            "report them apart"
        )
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


def examples(run: RunData, split: str) -> int | None:
    """How many examples a split of the run's data has; None where the study does not say."""
    return (run.facts.splits or {}).get(split) or None


def _from_directory(path: Path, name: str | None) -> RunData:
    from mnas.run import Run

    try:
        return _from_run(Run.open(path), name or path.resolve().name)
    except SearchError as error:
        raise ReportError(str(error)) from error


def _from_run(run: Run, name: str | None) -> RunData:
    """A run of ours: what does not fit its class is damaged."""
    study = run.study()
    trials = _trials(study, run.task.metric)
    return RunData(
        name=printable(name or run.path.resolve().name),
        study=study,
        trials=trials,
        records=tuple(run.record(trial) for trial in trials),
        facts=run.facts(study),
        task=run.task,
        path=run.path,
        references=run.references(),
        final=run.final,
        trust=run.trust,
    )


def _from_study(study: optuna.Study, name: str | None) -> RunData:
    """A study that may be anybody's: what does not fit is not ours, and is passed over."""
    label = printable(name or study.study_name)
    try:
        facts, task = read_study(study.user_attrs, f"study {label}")
    except SearchError as error:
        raise ReportError(str(error)) from error
    trials = _trials(study, task.metric)
    records = tuple(TrialRecord.fitting(trial.user_attrs, task) for trial in trials)
    return RunData(label, study, trials, records, facts, task)


def _trials(study: optuna.Study, metric: Metric) -> tuple[optuna.trial.FrozenTrial, ...]:
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    found, wanted = [direction.name.lower() for direction in study.directions], directions(maximize=metric.maximize)
    if found != wanted:
        raise ReportError(
            f"study {study.study_name!r} has the directions {', '.join(found)}: "
            f"a report needs {wanted[0]} ({metric.name}), {wanted[1]} (latency in ms)"
        )
    try:
        return tuple(study.get_trials(deepcopy=False))
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise ReportError(f"the trials of study {study.study_name!r} cannot be read: {cause}") from error
