"""A candidate of a run as TFLite files, with the weights it was trained to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnas.errors import SearchError
from mnas.files import write_bytes
from mnas.run import Run
from mnas.search.standing import Finished, best, failure

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from device_bench.kinds import Precision


_STILL_OPEN = "is still open: run its search again, which evaluates it first"


def export_candidate(path: Path, number: int | None, precisions: Sequence[Precision], output: Path) -> list[Path]:
    """Builds, loads and converts one candidate.

    Args:
        path: The run directory.
        number: Of the trial; the one of the highest reward by default.
        precisions: One file each.
        output: Folder of the files, `trial-NUMBER-PRECISION.tflite`.

    Returns:
        The files.

    Raises:
        SearchError: No such run or trial, or the trial has no trained weights.
    """
    from device_bench.conversion.convert import to_tflite
    from device_bench.conversion.quiet import quiet_tensorflow
    from mnas.training.jobs import calibration_inputs, load_weights
    from search_spaces import from_json

    run = Run.open(path)
    trial = _trial(run, number)
    data = run.task.open(run.path / "data")
    found = run.finished(trial)
    arch = from_json(json.dumps(found.arch))
    with quiet_tensorflow():
        from search_spaces import build_model

        model = build_model(arch, data.input_shape, run.task.head(data.outputs))
        load_weights(model, run.candidate(found.arch_hash) / "weights.npz")
    inputs = calibration_inputs(data.train, run.config.search.seed)
    written = []
    for precision in precisions:
        file = output / f"trial-{trial.number}-{precision}.tflite"
        write_bytes(file, to_tflite(model, precision, inputs))
        written.append(file)
    return written


def _trial(run: Run, number: int | None) -> FrozenTrial:
    import optuna

    trials = run.study().get_trials(deepcopy=False)
    complete = {trial.number: trial for trial in trials if trial.state == optuna.trial.TrialState.COMPLETE}
    if number is not None and number < len(trials) and number not in complete:
        failed = trials[number].state.is_finished()
        why = f"failed: {failure(trials[number])}" if failed else _STILL_OPEN
        raise SearchError(f"trial {number} of {run.path} {why}")
    if not complete:
        raise SearchError(f"{run.path} has no finished trial to export")
    if number is None:
        leader = best(Finished.of(trial, run.finished(trial), run.task.metric) for trial in complete.values())
        assert leader is not None
        number = leader.number
    if number not in complete:
        raise SearchError(
            f"{run.path} has no finished trial {number}: they run from {min(complete)} to {max(complete)}"
        )
    return complete[number]
