"""A candidate of a run as TFLite files, with the weights it was trained to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnas.files import write_bytes
from mnas.run import Run
from mnas.search.standing import chosen_trial

if TYPE_CHECKING:
    from device_bench.kinds import Precision


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
    from mnas.training.jobs import calibration_inputs
    from mnas.training.weight_files import load_weights
    from search_spaces import from_json

    run = Run.open(path)
    trial = chosen_trial(run, number)
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
