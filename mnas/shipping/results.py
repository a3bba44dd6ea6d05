"""What a shipped file says of the test split, and small pictures of the examples that are worth a look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mnas.data.inputs import Inputs
from mnas.errors import SearchError
from mnas.files import read_npz, write_npz
from mnas.tasks import Examples, Task
from mnas.tasks.findings import Findings, Picture, Predictions
from mnas.tasks.task import Predict

THUMBNAILS = "thumbnails.npz"
"""Beside the card."""

MOST_THUMBNAILS = 600
"""Of all files of a card together."""

_LONGEST_SIDE = 96
_BATCH = 64


def predictions_path(model: Path) -> Path:
    """Where the predictions of a model file are kept: `model-int8.predictions.npz` beside `model-int8.tflite`."""
    return model.with_suffix(".predictions.npz")


def judged(task: Task[Any], predict: Predict, examples: Examples) -> Predictions:
    """Judges a network, and keeps what it said on the way: it runs once.

    Args:
        task: Its judge gives the value.
        predict: The network.
        examples: Usually the test split.

    Raises:
        SearchError: The judge does not let the network predict each example once.
    """
    said: list[np.ndarray] = []

    def kept(inputs: Inputs) -> np.ndarray:
        said.append(np.asarray(predict(inputs)))
        return said[-1]

    value = task.judge(kept, examples)
    if sum(map(len, said)) != len(examples):
        raise SearchError(
            f"the judge of the task {task.name!r} let the network predict {sum(map(len, said))} of {len(examples)} "
            f"{task.examples}: it must ask for each of them once, in their order"
        )
    outputs = np.concatenate(said).astype(np.float32, copy=False)
    return Predictions(value, outputs, np.asarray(examples.targets), np.arange(len(examples)))


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes `value`, `outputs` (probabilities of a classification), `targets` and `indices`, whole or not at all.

    Raises:
        RunFailed: The file cannot be written.
    """
    arrays = {name: getattr(predictions, name) for name in ("outputs", "targets", "indices")}
    write_npz(path, {"value": np.array(predictions.value, np.float64), **arrays})


def read_predictions(path: Path) -> Predictions:
    """Reads what `write_predictions` wrote.

    Raises:
        SearchError: The file is missing or damaged.
    """
    arrays = read_npz(path)
    try:
        value, outputs, targets, indices = (arrays[name] for name in ("value", "outputs", "targets", "indices"))
        if not len(outputs) == len(targets) == len(indices):
            raise ValueError("its arrays differ in length")
        return Predictions(float(value), outputs, targets, indices)
    except (KeyError, TypeError, ValueError) as error:
        raise SearchError(f"{path} does not hold predictions ({error}): delete it, and export again") from error


def write_thumbnails(path: Path, findings: Sequence[Findings], examples: Examples) -> None:
    """Writes small pictures of the examples that are worth a look; none where the inputs are not images.

    Args:
        path: The file: `indices` `[count]` in rising order, and uint8 `images` `[count, height, width, channels]`.
        findings: Of each file of the card.
        examples: The split that they are about.

    Raises:
        RunFailed: The file cannot be written.
    """
    shape = examples.inputs.shape[1:]
    drawable = len(shape) == 3 and shape[2] in (1, 3)
    indices = np.array(_worth_a_look(findings) if drawable else [], np.int64)
    batches = [indices[start : start + _BATCH] for start in range(0, len(indices), _BATCH)]
    images = [_small(one) for batch in batches for one in np.asarray(examples.inputs[batch])]
    write_npz(path, {"indices": indices, "images": np.stack(images) if images else np.zeros((0, 1, 1, 1), np.uint8)})


def read_thumbnails(path: Path) -> dict[int, np.ndarray]:
    """Place in the split -> uint8 `[height, width, channels]`.

    Raises:
        SearchError: The file is missing or damaged.
    """
    arrays = read_npz(path)
    indices, images = arrays.get("indices"), arrays.get("images")
    if indices is None or images is None or indices.shape != images.shape[:1] or images.dtype != np.uint8:
        raise SearchError(f"{path} does not hold thumbnails: delete it, and export again")
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise SearchError(f"{path} holds thumbnails of the shape {images.shape}: delete it, and export again")
    return dict(zip(indices.tolist(), images, strict=True))


def _worth_a_look(findings: Sequence[Findings]) -> list[int]:
    """The places of the examples in rising order: first all galleries, then one picture of each cell after another."""
    chosen: dict[int, None] = {}
    for picture in _ranked(findings):
        if len(chosen) == MOST_THUMBNAILS:
            break
        chosen.setdefault(picture.index)
    return sorted(chosen)


def _ranked(findings: Sequence[Findings]) -> Iterator[Picture]:
    for one in findings:
        if one.gallery:
            yield from one.gallery.pictures
    cells = [cell for one in findings if one.matrix for cell in one.matrix.cells.values()]
    cells.sort(key=lambda cell: (cell.kind == "right", -cell.count))
    for rank in zip_longest(*(cell.pictures for cell in cells)):
        yield from (picture for picture in rank if picture is not None)


def _small(image: np.ndarray) -> np.ndarray:
    """A float image `[height, width, channels]` in [0, 1] as uint8, no side longer than a thumbnail's."""
    pixels = np.round(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    height, width, channels = pixels.shape
    scale = _LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    drawn = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    return np.asarray(drawn.resize(size, Image.Resampling.BOX)).reshape(size[1], size[0], channels)
