"""What a TFLite file gives, as the phone will run it: on LiteRT, quantization included."""

from typing import Any

import numpy as np

from mnas.data.inputs import Inputs
from mnas.errors import SearchError
from mnas.tasks.task import Predict

_BATCH = 16


def tflite_predict(model: bytes) -> Predict:
    """What a TFLite file predicts, for a task's judge.

    Args:
        model: A TFLite file with one input and one output.
    """

    def predict(inputs: Inputs) -> np.ndarray:
        outputs, scale, zero_point = _outputs(model, inputs, _BATCH)
        if outputs.dtype.kind == "f":
            return outputs
        return np.float32(scale) * (outputs.astype(np.float32) - np.float32(zero_point))

    return predict


def tflite_outputs(model: bytes, inputs: Inputs, *, batch: int = _BATCH) -> np.ndarray:
    """Outputs of the file.

    Args:
        model: A TFLite file with one input and one output.
        inputs: `[count, ...]`, read a batch at a time.
        batch: Inputs per call, by resizing the input; a file that cannot be resized is run one by one.

    Returns:
        `[count, ...]`, in the number format of the file (int8 of an int8 file).

    Raises:
        SearchError: The file is damaged, or LiteRT cannot run it.
    """
    return _outputs(model, inputs, batch)[0]


def _outputs(model: bytes, inputs: Inputs, batch: int) -> tuple[np.ndarray, float, int]:
    """The outputs, and their scale and zero point."""
    if batch > 1 and len(inputs) > 1:
        try:
            return _run(model, inputs, min(batch, len(inputs)))
        except (RuntimeError, ValueError):
            pass  # a constant batch somewhere in the file: one input at a time then
    try:
        return _run(model, inputs, 1)
    except (RuntimeError, ValueError) as error:
        raise SearchError(f"LiteRT cannot run the TFLite file: {' '.join(str(error).split())}") from error


def _run(model: bytes, inputs: Inputs, batch: int) -> tuple[np.ndarray, float, int]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model, num_threads=1)
    entry = interpreter.get_input_details()[0]
    if batch > 1:
        interpreter.resize_tensor_input(entry["index"], [batch, *inputs.shape[1:]], strict=False)
    interpreter.allocate_tensors()
    exit_ = interpreter.get_output_details()[0]
    if exit_["shape"][0] != batch:
        raise ValueError(f"the output has the shape {exit_['shape'].tolist()} for a batch of {batch}")
    outputs = []
    for start in range(0, len(inputs), batch):
        chunk = inputs[start : start + batch]
        padded = np.zeros((batch, *inputs.shape[1:]), np.float32)
        padded[: len(chunk)] = chunk
        interpreter.set_tensor(entry["index"], quantized(padded, entry))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(exit_["index"])[: len(chunk)])
    return np.concatenate(outputs), *exit_["quantization"]


def quantized(inputs: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """Floats in the number format of a file's input (TFLite: real = scale * (quantized - zero point))."""
    kind = entry["dtype"]
    if kind == np.float32:
        return inputs
    scale, zero_point = entry["quantization"]
    limits = np.iinfo(kind)
    return np.clip(np.round(inputs / scale) + zero_point, limits.min, limits.max).astype(kind)
