"""Published networks, scaled to the space and the images, trained and timed by the same recipe as candidates."""

from __future__ import annotations

from collections.abc import Mapping

from device_bench.terminal import counted
from mnas.errors import CandidatesWait, RunFailed, SearchError
from mnas.records import ReferenceRecord
from mnas.run import Run
from mnas.search.display import Display
from mnas.search.evaluator import Evaluator, Failed, Waiting, waits
from search_spaces import Arch, Shape, SpaceChoice, describe


def reference_architectures(names: tuple[str, ...], choice: SpaceChoice, input_shape: Shape) -> dict[str, Arch]:
    """The networks by name, as narrow and shallow as the space, with strides for the images.

    Raises:
        SpaceError: An unknown name, or images too small.
    """
    return {name: choice.reference(name, input_shape) for name in names}


def evaluate_references(
    run: Run, arches: Mapping[str, Arch], evaluator: Evaluator, display: Display
) -> dict[str, ReferenceRecord]:
    """Trains and times the references that have no record yet.

    Returns:
        Name -> record; a reference that failed has none, and the search does without it.

    Raises:
        CandidatesWait: The device was not fit to time one.
    """
    missing = {name: arch for name, arch in arches.items() if not (run.reference(name) / "record.json").exists()}
    if missing:
        display.say(f"training and timing the references: {', '.join(missing)}")
    outcomes = evaluator.evaluate({name: (arch, run.reference(name)) for name, arch in missing.items()}, seed=0)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Failed):
            display.say(f"reference {name} failed: {outcome.reason}")
            continue
        if isinstance(outcome, Waiting):
            continue
        arch = arches[name]
        measured = outcome.objectives
        record = ReferenceRecord(name=name, **measured._asdict(), **describe(arch), **outcome.facts())
        record.write(run.reference(name) / "record.json", run.task)
        display.say(f"reference {name}: {measured.words(run.task.metric)}")
    waiting = {name: one.reason for name, one in outcomes.items() if isinstance(one, Waiting)}
    if waiting:
        reasons = "; ".join(dict.fromkeys(waiting.values()))
        number = len(waiting)
        raise CandidatesWait(f"{counted(number, 'reference')} {waits(number)} ({', '.join(waiting)}: {reasons})")
    return {record.name: record for record in run.references()}


def check_targets(targets: tuple[float | str, ...], names: tuple[str, ...]) -> None:
    """Refuses targets that no reference can give, before anything is trained.

    Raises:
        SearchError: None, one that is not positive, or the name of no reference.
    """
    if not targets:
        raise SearchError("latency.target_ms is an empty list: give at least one target")
    for target in targets:
        if isinstance(target, str) and target not in names:
            known = f"or one of references.names: {', '.join(names)}" if names else "for references.names is empty"
            raise SearchError(f"latency.target_ms = {target!r}: give milliseconds, {known}")
        if not isinstance(target, str) and not target > 0:
            raise SearchError(f"latency.target_ms = {target}: a latency is above 0 ms")


def target_of(target: float | str, references: Mapping[str, ReferenceRecord]) -> float:
    """A target in milliseconds.

    Raises:
        RunFailed: The reference that sets it could not be evaluated.
    """
    if not isinstance(target, str):
        return float(target)
    if target not in references:
        raise RunFailed(f"latency.target_ms = {target!r}, but that reference failed: give milliseconds instead")
    return references[target].latency_ms
