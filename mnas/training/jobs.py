"""A candidate's work, as jobs for an executor: architecture -> trained model -> int8 file -> accuracy.

The files of a candidate appear whole, `evaluation.json` last: a folder that has it is complete, and is not trained
again.
"""

import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from device_bench import to_tflite
from mnas.data import Dataset, Split, open_dataset
from mnas.errors import SearchError
from mnas.executors.events import Report
from mnas.files import read_json, read_npz, write_bytes, write_json, write_npz
from mnas.training.accuracy import tflite_accuracy
from mnas.training.recipe import Recipe
from search_spaces import Arch, cost, from_json

if TYPE_CHECKING:
    import tf_keras

    from device_bench.conversion.convert import Precision

CALIBRATION_IMAGES = 48
"""Training images that set the ranges of int8 activations."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What training a candidate has shown.

    Attributes:
        accuracy: Of the TFLite file, on the validation split.
        accuracy_float: Of the float model, on the validation split.
        params: Trainable parameters.
        macs: Multiply-accumulates of one inference.
        size_bytes: Of the TFLite file.
        seconds: What building, training, converting and judging took.
    """

    accuracy: float
    accuracy_float: float
    params: int
    macs: int
    size_bytes: int
    seconds: float

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Reads what `dataclasses.asdict` gave; other keys are passed over."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class EvaluateCandidate:
    """The job: trains a candidate and leaves `model.tflite`, `weights.npz` and `evaluation.json` in its folder.

    Attributes:
        arch_json: The architecture, by `search_spaces.to_json`.
        data: Folder of `mnas.data.save_dataset`.
        recipe: How to train.
        seed: Of the weights, the order of the images and their augmentation.
        folder: Where the files go; a complete evaluation found there, of the same job, is the result.
        precision: Of the TFLite file.
    """

    arch_json: str
    data: Path
    recipe: Recipe
    seed: int
    folder: Path
    precision: "Precision" = "int8"

    def __call__(self, report: Report) -> Evaluation:
        """Trains, or finds what was trained before."""
        found = self.found()
        if found is not None:
            return found
        from mnas.training.train import float_accuracy, prepare_tensorflow, release_memory, train

        began = time.monotonic()
        prepare_tensorflow()
        arch, dataset = from_json(self.arch_json), open_dataset(self.data)
        report("build")
        model = self._build(arch, dataset)
        train(
            model,
            dataset,
            self.recipe,
            seed=self.seed,
            on_epoch=lambda epoch, epochs, loss: report("train", epoch, epochs, loss),
        )
        report("convert")
        content = to_tflite(model, self.precision, calibration_images(dataset.train, self.seed))
        report("judge")
        accuracy = tflite_accuracy(content, dataset.validation)
        counted = cost(arch, dataset.input_shape, dataset.classes)
        evaluation = Evaluation(
            accuracy,
            float_accuracy(model, dataset.validation),
            counted.params,
            counted.macs,
            len(content),
            round(time.monotonic() - began, 3),
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
            evaluation = Evaluation.from_dict(stored)
            same = stored["job"] == self._identity()
            whole = (self.folder / "model.tflite").stat().st_size == evaluation.size_bytes
        except (KeyError, TypeError, FileNotFoundError):
            return None
        return evaluation if same and whole and (self.folder / "weights.npz").exists() else None

    def _identity(self) -> dict[str, Any]:
        return {"arch": self.arch_json, "recipe": asdict(self.recipe), "seed": self.seed, "precision": self.precision}

    def _build(self, arch: Arch, dataset: Dataset) -> "tf_keras.Model":
        from search_spaces import build_model

        return build_model(
            arch,
            dataset.input_shape,
            dataset.classes,
            dropout=self.recipe.dropout,
            batch_norm_momentum=self.recipe.batch_norm_momentum(len(dataset.train)),
            seed=self.seed,
        )

    def _store(self, model: "tf_keras.Model", content: bytes, evaluation: Evaluation) -> None:
        write_bytes(self.folder / "model.tflite", content)
        write_npz(self.folder / "weights.npz", {weight.name: weight.numpy() for weight in model.weights})
        write_json(self.folder / "evaluation.json", asdict(evaluation) | {"job": self._identity()})


@dataclass(frozen=True, slots=True)
class CompileCandidate:
    """The job: an untrained twin of a candidate as a TFLite file, which runs as fast as the trained one.

    Attributes:
        arch_json: The architecture, by `search_spaces.to_json`.
        data: Folder of `mnas.data.save_dataset`; its images calibrate int8.
        precision: Of the file.
        seed: Of the weights.
    """

    arch_json: str
    data: Path
    precision: "Precision" = "int8"
    seed: int = 0

    def __call__(self, report: Report) -> bytes:
        """Builds and converts."""
        from mnas.training.train import release_memory
        from search_spaces import as_if_trained, build_model

        arch, dataset = from_json(self.arch_json), open_dataset(self.data)
        report("build")
        model = build_model(arch, dataset.input_shape, dataset.classes, seed=self.seed)
        as_if_trained(model)
        report("convert")
        content = to_tflite(model, self.precision, calibration_images(dataset.train, self.seed))
        release_memory()
        return content


@dataclass(frozen=True, slots=True)
class JudgeOnTest:
    """The job that touches the test split: accuracy of a finished candidate's TFLite file on it.

    Attributes:
        folder: Of the candidate.
        data: Folder of `mnas.data.save_dataset`.
    """

    folder: Path
    data: Path

    def __call__(self, report: Report) -> float:
        """Judges the file."""
        report("test")
        return tflite_accuracy((self.folder / "model.tflite").read_bytes(), open_dataset(self.data).test)


def calibration_images(split: Split, seed: int) -> np.ndarray:
    """Some images of the train split, the same for the same seed."""
    count = min(CALIBRATION_IMAGES, len(split))
    chosen = np.sort(np.random.default_rng(seed).choice(len(split), count, replace=False))
    return np.asarray(split.images[chosen])


def load_weights(model: "tf_keras.Model", path: Path) -> None:
    """Fills `model` with the weights that an evaluation has stored.

    Raises:
        SearchError: They are damaged, or those of another architecture.
    """
    stored = read_npz(path)
    expected = {weight.name: tuple(weight.shape) for weight in model.weights}
    if expected != {name: array.shape for name, array in stored.items()}:
        raise SearchError(f"the weights in {path} are not those of this architecture")
    for weight in model.weights:
        weight.assign(stored[weight.name])
