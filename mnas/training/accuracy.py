"""Accuracy of a TFLite file, as the phone will run it: on LiteRT, quantization included."""

from typing import Any

import numpy as np

from mnas.data import Split
from mnas.errors import SearchError

_BATCH = 16


def tflite_accuracy(model: bytes, split: Split, *, batch: int = _BATCH) -> float:
    """Share of `split` that the file puts into the right class.

    Args:
        model: A TFLite file with one input [1, height, width, channels] and one output [1, classes].
        split: Images and labels.
        batch: Images a call, by resizing the input; a file that cannot be resized is run one by one.

    Raises:
        SearchError: The file is damaged, or LiteRT cannot run it.
    """
    scores = tflite_scores(model, np.asarray(split.images), batch=batch)
    return float((scores.argmax(axis=1) == split.labels).mean())


def tflite_scores(model: bytes, images: np.ndarray, *, batch: int = _BATCH) -> np.ndarray:
    """Outputs of the file for `images`.

    Args:
        model: A TFLite file.
        images: float32 [count, height, width, channels].
        batch: Images a call.

    Returns:
        [count, classes], in the number format of the file (int8 scores of an int8 file).
    """
    if batch > 1 and len(images) > 1:
        try:
            return _run(model, images, min(batch, len(images)))
        except (RuntimeError, ValueError):
            pass  # a constant batch somewhere in the file: one image at a time then
    try:
        return _run(model, images, 1)
    except (RuntimeError, ValueError) as error:
        raise SearchError(f"LiteRT cannot run the TFLite file: {' '.join(str(error).split())}") from error


def _run(model: bytes, images: np.ndarray, batch: int) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=1)
    entry = interpreter.get_input_details()[0]
    if batch > 1:
        interpreter.resize_tensor_input(entry["index"], [batch, *images.shape[1:]], strict=False)
    interpreter.allocate_tensors()
    exit_ = interpreter.get_output_details()[0]
    if exit_["shape"][0] != batch:
        raise ValueError(f"the output has the shape {exit_['shape'].tolist()} for a batch of {batch}")
    scores = []
    for start in range(0, len(images), batch):
        chunk = images[start : start + batch]
        padded = np.zeros((batch, *images.shape[1:]), np.float32)
        padded[: len(chunk)] = chunk
        interpreter.set_tensor(entry["index"], quantized(padded, entry))
        interpreter.invoke()
        scores.append(interpreter.get_tensor(exit_["index"])[: len(chunk)])
    return np.concatenate(scores)


def quantized(images: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """Floats in the number format of a file's input (TFLite: real = scale * (quantized - zero point))."""
    kind = entry["dtype"]
    if kind == np.float32:
        return images
    scale, zero_point = entry["quantization"]
    limits = np.iinfo(kind)
    return np.clip(np.round(images / scale) + zero_point, limits.min, limits.max).astype(kind)
