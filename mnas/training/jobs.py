"""A candidate's work, as jobs for an executor: architecture -> trained model -> int8 file -> the task's metric.

The files of a candidate appear whole, `evaluation.json` last: a folder that has it is complete, and is not trained
again.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device_bench import to_tflite
from mnas.data.inputs import some_places
from mnas.errors import SearchError
from mnas.executors.events import Report
from mnas.files import read_json, write_bytes
from mnas.tasks import DEFAULT, Data, Examples, Task, task
from mnas.training.evaluation import Evaluation, EvaluationFile, Job
from mnas.training.outputs import tflite_predict
from mnas.training.recipe import Recipe
from mnas.training.weight_files import read_weights, save_weights
from search_spaces import Arch, cost, extras, from_json, lower, to_json

if TYPE_CHECKING:
    import tf_keras

    from device_bench.kinds import Precision
    from mnas.training.in_training import InTraining

CALIBRATION_INPUTS = 48
"""Training inputs that set the ranges of int8 activations."""


@dataclass(frozen=True, slots=True)
class EvaluateCandidate:
    """The job: trains a candidate and leaves `model.tflite`, `weights.npz` and `evaluation.json` in its folder.

    Attributes:
        arch_json: The architecture, by `search_spaces.to_json`.
        data: Folder of the task's `save`.
        recipe: How to train.
        seed: Of the weights, the order of the examples and their augmentation.
        folder: Where the files go; a complete evaluation found there, of the same job, is the result.
        precision: Of the TFLite file.
        task: Name of the task that trains and judges.
        parent: The file of weights whose fitting pieces the training starts from, and their digest.
    """

    arch_json: str
    data: Path
    recipe: Recipe
    seed: int
    folder: Path
    precision: "Precision" = "int8"
    task: str = DEFAULT
    parent: tuple[Path, str] | None = None

    def __call__(self, report: Report) -> Evaluation:
        """Trains, or finds what was trained before."""
        found = self.found()
        if found is not None:
            return found
        from mnas.training.train import float_predict, prepare_tensorflow, release_memory, train

        began = time.monotonic()
        prepare_tensorflow()
        arch, judged_by = from_json(self.arch_json), task(self.task)
        data = judged_by.open(self.data)
        report("build")
        model = self._build(arch, judged_by, data)
        self._inherit(model, judged_by, data)
        network = self._in_training(model, arch, judged_by, data)
        train(
            network,
            judged_by,
            data,
            self.recipe,
            seed=self.seed,
            before_step=network.before_step,
            on_epoch=lambda epoch, epochs, loss: report("train", epoch, epochs, loss),
        )
        report("convert")
        content = to_tflite(model, self.precision, calibration_inputs(data.train, self.seed))
        report("judge")
        value = judged_by.judge(tflite_predict(content), data.validation)
        counted = cost(arch, data.input_shape, judged_by.head(data.outputs))
        evaluation = Evaluation(
            value=value,
            value_float=judged_by.judge(float_predict(model), data.validation),
            params=counted.params,
            macs=counted.macs,
            size_bytes=len(content),
            seconds=round(time.monotonic() - began, 3),
        )
        self._store(model, content, evaluation)
        release_memory()
        return evaluation

    def found(self) -> Evaluation | None:
        """The result of this very job that an earlier run has left, if it is complete."""
        path = self.folder / "evaluation.json"
        if not path.exists():
            return None
        stored = read_json(path)
        try:
            found = EvaluationFile.of(stored, task(self.task), path)
            whole = (self.folder / "model.tflite").stat().st_size == found.size_bytes
        except (SearchError, FileNotFoundError):
            return None  # of another version: a training can be done again
        same = found.job == self._identity()
        return found.evaluation if same and whole and (self.folder / "weights.npz").exists() else None

    def _identity(self) -> Job:
        parent = self.parent[1] if self.parent else ""
        return Job(arch=self.arch_json, recipe=self.recipe, seed=self.seed, precision=self.precision, parent=parent)

    def _inherit(self, model: "tf_keras.Model", judged_by: Task[Any], data: Data) -> None:
        if self.parent is None:
            return
        from mnas.training.pieces import fitting_pieces
        from mnas.training.transfer import Parent

        place = self.parent[0]
        parent = Parent(self.recipe.weights, str(place), read_weights(place))
        fitting_pieces(model, parent, judged_by.labels(data))

    def _build(self, arch: Arch, judged_by: Task[Any], data: Data) -> "tf_keras.Model":
        from search_spaces import build_model

        return build_model(
            arch,
            data.input_shape,
            judged_by.head(data.outputs),
            dropout=self.recipe.dropout,
            batch_norm_momentum=self.recipe.batch_norm_momentum(len(data.train)),
            seed=self.seed,
        )

    def _in_training(self, model: "tf_keras.Model", arch: Arch, judged_by: Task[Any], data: Data) -> "InTraining":
        from mnas.training.in_training import InTraining

        head = judged_by.head(data.outputs)
        return InTraining(
            model,
            lower(arch, data.input_shape, head),
            extras(arch, data.input_shape, head),
            self.recipe,
            images=len(data.train),
            seed=self.seed,
        )

    def _store(self, model: "tf_keras.Model", content: bytes, evaluation: Evaluation) -> None:
        write_bytes(self.folder / "model.tflite", content)
        save_weights(model, self.folder / "weights.npz")
        whole = EvaluationFile(**dict(evaluation), job=self._identity())
        whole.write(self.folder / "evaluation.json", task(self.task))


@dataclass(frozen=True, slots=True)
class CompileCandidate:
    """The job: an untrained twin of a candidate as a TFLite file, which runs as fast as the trained one.

    Attributes:
        arch_json: The architecture, by `search_spaces.to_json`.
        data: Folder of the task's `save`; its inputs calibrate int8.
        precision: Of the file.
        seed: Of the weights.
        task: Name of the task that gives the head.
    """

    arch_json: str
    data: Path
    precision: "Precision" = "int8"
    seed: int = 0
    task: str = DEFAULT

    def __call__(self, report: Report) -> bytes:
        """Builds and converts."""
        from mnas.training.train import release_memory
        from search_spaces import as_if_trained, build_model

        arch, judged_by = from_json(self.arch_json), task(self.task)
        data = judged_by.open(self.data)
        report("build")
        model = build_model(arch, data.input_shape, judged_by.head(data.outputs), seed=self.seed)
        as_if_trained(model)
        report("convert")
        content = to_tflite(model, self.precision, calibration_inputs(data.train, self.seed))
        release_memory()
        return content


@dataclass(frozen=True, slots=True)
class JudgeOnTest:
    """The job that touches the test split: the metric of a finished candidate's TFLite file on it.

    Attributes:
        folder: Of the candidate.
        data: Folder of the task's `save`.
        task: Name of the task that judges.
    """

    folder: Path
    data: Path
    task: str = DEFAULT

    def __call__(self, report: Report) -> float:
        """Judges the file."""
        report("test")
        judged_by = task(self.task)
        content = (self.folder / "model.tflite").read_bytes()
        return judged_by.judge(tflite_predict(content), judged_by.open(self.data).test)


@dataclass(frozen=True, slots=True)
class CandidateJobs:
    """Makes the jobs of one search, which differ in the candidate alone.

    Attributes:
        data: Folder of the task's `save`.
        recipe: How to train.
        seed: Of a training that is given no other.
        precision: Of the TFLite files.
        task: Name of the task that trains and judges.
        parent: The file of weights whose fitting pieces every training starts from, and their digest.
    """

    data: Path
    recipe: Recipe
    seed: int
    precision: "Precision" = "int8"
    task: str = DEFAULT
    parent: tuple[Path, str] | None = None

    def evaluation(self, arch: Arch, folder: Path, seed: int | None = None) -> EvaluateCandidate:
        """Trains an architecture and judges it, once per folder."""
        return EvaluateCandidate(
            arch_json=to_json(arch),
            data=self.data,
            recipe=self.recipe,
            seed=self.seed if seed is None else seed,
            folder=folder,
            precision=self.precision,
            task=self.task,
            parent=self.parent,
        )

    def twin(self, arch: Arch) -> CompileCandidate:
        """Converts an architecture untrained."""
        return CompileCandidate(arch_json=to_json(arch), data=self.data, precision=self.precision, task=self.task)

    def test(self, folder: Path) -> JudgeOnTest:
        """Judges the candidate of a folder on the test split."""
        return JudgeOnTest(folder, self.data, self.task)


def calibration_inputs(split: Examples, seed: int, count: int = CALIBRATION_INPUTS) -> np.ndarray:
    """Some inputs of the train split, the same for the same seed."""
    return split.inputs[some_places(len(split), count, np.random.default_rng(seed))]
