"""The files of an order: each precision converted, quantized with care, labelled, and judged on the test split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device_bench.conversion.convert import to_tflite
from device_bench.terminal import counted, say
from device_bench.tflite.apps import check_for_apps, finished
from device_bench.tflite.metadata import Metadata
from mnas.errors import SearchError
from mnas.files import write_bytes
from mnas.records.record import Many, Record
from mnas.shipping.order import Order
from mnas.shipping.quantizing import Quantized, file_predict, fronted, quantize
from mnas.shipping.results import judged, predictions_path, read_predictions, write_predictions
from mnas.shipping.training import WEIGHTS, Trained
from mnas.tasks import Data, Task
from mnas.tasks.findings import Predictions
from mnas.tasks.task import Predict

if TYPE_CHECKING:
    from device_bench.kinds import Precision

_MADE = "files"
"""Folder of the records that say how each file was made."""


class FileRecord(Record):
    """How a file was made: `files/PRECISION.json`, written when the file and its predictions are there.

    Attributes:
        key: Of everything that the file follows from.
        sha256: Of the file.
        route: How it was quantized; empty where it was not.
        notes: Sentences for the card.
        diagnosis: Lines of the quantization doctor.
    """

    key: str
    sha256: str
    route: str = ""
    notes: Many[str] = ()
    diagnosis: Many[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A file that ships, not yet timed."""

    path: Path
    record: FileRecord
    predictions: Predictions


def make_files(order: Order, task: Task[Any], data: Data, folder: Path, trained: Trained) -> list[Made]:
    """Makes each file that is not there yet, or not of this order.

    Raises:
        ConversionError: The converter refused the network.
        BadRequest: The labels do not fit.
    """
    return [_file(order, task, data, folder, trained, precision) for precision in order.files.precisions]


def float_predictions(task: Task[Any], data: Data, folder: Path, trained: Trained) -> Predictions:
    """What the float network says of the test split."""
    from mnas.training.train import float_predict

    return _said(task, data, predictions_path(folder / WEIGHTS), lambda: float_predict(trained.model))


def _said(task: Task[Any], data: Data, path: Path, predict: Callable[[], Predict]) -> Predictions:
    """The predictions that are kept at `path`; those that are missing, damaged or of other examples are made again."""
    try:
        found = read_predictions(path)
        if np.array_equal(found.targets, data.test.targets):
            return found
    except SearchError:
        pass
    write_predictions(path, judged(task, predict(), data.test))
    return read_predictions(path)


def _record(path: Path, task: Task[Any]) -> FileRecord | None:
    """How a file was made; None where that is not known, or no longer readable: it is made again then."""
    try:
        return FileRecord.read(path, task) if path.exists() else None
    except SearchError:
        return None


def _file(order: Order, task: Task[Any], data: Data, folder: Path, trained: Trained, precision: Precision) -> Made:
    path, about = folder / f"model-{precision}.tflite", folder / _MADE / f"{precision}.json"
    key = _key(order, precision, folder)
    record = _record(about, task)
    if record is None or record.key != key or not _holds(path, record.sha256):
        say(f"{path.name}: converting")
        made = _converted(order, task, data, folder, trained, precision)
        content = _labelled(order, task, data, made.content)
        write_bytes(path, content)
        record = FileRecord(
            key=key,
            sha256=hashlib.sha256(content).hexdigest(),
            route=made.route,
            notes=(*made.notes, *_for_apps(task, data, content)),
            diagnosis=made.diagnosis,
        )
        predictions = judged(task, file_predict(content), data.test)
        write_predictions(predictions_path(path), predictions)
        record.write(about, task)
    found = _said(task, data, predictions_path(path), lambda: file_predict(path.read_bytes()))
    say(
        f"{path.name}: {counted(path.stat().st_size, 'byte')}, test {task.metric.name} {task.metric.words(found.value)}"
    )
    return Made(path, record, found)


def _converted(
    order: Order, task: Task[Any], data: Data, folder: Path, trained: Trained, precision: Precision
) -> Quantized:
    if precision == "int8":
        return quantize(order, task, data, folder, trained)
    return Quantized(to_tflite(fronted(order, trained.model), precision))


def _labelled(order: Order, task: Task[Any], data: Data, content: bytes) -> bytes:
    labels = task.labels(data)
    if not labels:
        return finished(content)
    names = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
    about = f"{order.named}, trained on {data.name}; tells {len(labels)} {task.outputs} apart: {names}"
    return finished(content, Metadata(labels=labels, name=order.named, description=about))


def _for_apps(task: Task[Any], data: Data, content: bytes) -> list[str]:
    """Why the readers of classifiers refuse a file; nothing of files that are for none of them."""
    return [f"For apps: {fault}" for fault in check_for_apps(content)] if task.labels(data) else []


def _holds(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _key(order: Order, precision: Precision, folder: Path) -> str:
    """What the file follows from: the weights, and of the options those that this precision has."""
    asked = order.files.model_dump(mode="json")
    names = ["colour"]
    if precision == "int8":
        names += ["quantize", "calibration", "interface", "diagnose", "floor"]
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps([weights, {name: asked[name] for name in names}]).encode()).hexdigest()
