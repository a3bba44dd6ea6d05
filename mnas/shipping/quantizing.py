"""The int8 file of an order: by calibration, by a training that knows of it, and repaired where a doctor helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device_bench.conversion.colour_front import colour_front, in_colour
from device_bench.conversion.convert import to_tflite
from device_bench.terminal import counted, say
from device_bench.tflite.graph import Graph, reading
from mnas.data.inputs import Inputs
from mnas.shipping.order import Order
from mnas.shipping.training import Trained, further, train_on
from mnas.tasks import Data, Task
from mnas.tasks.task import Predict
from mnas.training.outputs import tflite_predict

if TYPE_CHECKING:
    import tf_keras

_LOSS = 0.002
"""What calibration may lose of the metric before `auto` trains on: 0.2 points of accuracy."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A converted file.

    Attributes:
        content: The flatbuffer.
        route: How it was quantized; empty where it was not.
        notes: Sentences for the card.
        diagnosis: Lines of the quantization doctor.
    """

    content: bytes
    route: str = ""
    notes: tuple[str, ...] = ()
    diagnosis: tuple[str, ...] = ()


def quantize(order: Order, task: Task[Any], data: Data, folder: Path, trained: Trained) -> Quantized:
    """Makes the int8 file of a trained network in the way that the order asks for.

    Raises:
        ConversionError: The converter refused the network.
        SearchError: The training for int8 diverged.
    """
    from mnas.training.train import float_predict

    images = calibration(data, order.files.calibration, order.training.seed)
    if order.files.quantize == "qat":
        return _trained(order, task, data, folder, trained, images)
    first = _calibrated(order, trained, images)
    if order.files.quantize == "ptq":
        return first
    before = task.judge(float_predict(trained.model), data.validation)
    values = [task.judge(file_predict(first.content), data.validation)]
    if task.metric.gain(before) - task.metric.gain(values[0]) <= _LOSS:
        return first
    lost = task.metric.difference_words(abs(before - values[0]))
    say(f"calibration alone loses {lost} on the validation split: training on for int8")
    second = _trained(order, task, data, folder, trained, images)
    values.append(task.judge(file_predict(second.content), data.validation))
    better = second if task.metric.gain(values[1]) > task.metric.gain(values[0]) else first
    note = (
        f"On the validation split the float network has {task.metric.exact_words(before)}, int8 {first.route} "
        f"{task.metric.exact_words(values[0])}, int8 {second.route} {task.metric.exact_words(values[1])}."
    )
    return replace(better, notes=(*better.notes, note))


def calibration(data: Data, count: int, seed: int) -> np.ndarray:
    """Some inputs of the train split, the same for the same seed."""
    split = data.train
    chosen = np.sort(np.random.default_rng(seed).choice(len(split), min(count, len(split)), replace=False))
    return np.asarray(split.inputs[chosen], np.float32)


def fronted(order: Order, model: tf_keras.Model) -> tf_keras.Model:
    """The network as it ships: one for grey images gets a front that takes colour."""
    return colour_front(model) if order.files.colour and model.inputs[0].shape[-1] == 1 else model


def file_predict(content: bytes) -> Predict:
    """What a file predicts from the inputs of a split; grey images are handed to a colour front as it takes them."""
    with reading("the file"):
        graph = Graph(content)
        channels = graph.tensors[graph.inputs[0]].sizes[-1]
    predict = tflite_predict(content)
    return lambda inputs: predict(_Coloured(inputs) if inputs.shape[-1] == 1 and channels == 3 else inputs)


class _Coloured:
    """Grey inputs as a colour front takes them, a batch at a time."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self._inputs.shape[:-1], 3)

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, chosen: Any, /) -> np.ndarray:
        return in_colour(self._inputs[chosen])


def _calibrated(order: Order, trained: Trained, images: np.ndarray) -> Quantized:
    route = f"calibrated on {counted(len(images), 'image')}"
    return Quantized(_int8(order, trained.model, images), route)


def _trained(
    order: Order, task: Task[Any], data: Data, folder: Path, trained: Trained, images: np.ndarray
) -> Quantized:
    from mnas.training.quantization_aware import quantization_aware

    recipe = further(trained.recipe)
    network = quantization_aware(trained.graph, trained.model, images)
    stay_pruned = _pruned_again(network) if trained.facts.sparsity else lambda: None
    where, what = folder / "training-int8", "training for int8"
    train_on(network, order, task, data, recipe, where, what, before_step=lambda _: stay_pruned())
    stay_pruned()
    return Quantized(
        _int8(order, network, images), f"trained on for {counted(recipe.epochs, 'epoch')} with quantization"
    )


def _pruned_again(network: tf_keras.Model) -> Callable[[], None]:
    """What makes the weights zero again that are zero now."""
    kernels = [one for one in network.trainable_variables if len(one.shape) > 1]
    masks = [(one.numpy() != 0).astype(np.float32) for one in kernels]

    def apply() -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(kernel * mask)

    return apply


def _int8(order: Order, model: tf_keras.Model, images: np.ndarray) -> bytes:
    whole = fronted(order, model)
    return to_tflite(
        whole, "int8", in_colour(images) if whole is not model else images, interface=order.files.interface
    )
