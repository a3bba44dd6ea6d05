"""The int8 file of an order: by calibration, by a training that knows of it, and repaired where a doctor helps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device_bench.conversion.colour_front import colour_front, in_colour
from device_bench.conversion.convert import to_tflite
from device_bench.errors import ConversionError
from device_bench.terminal import counted, say
from device_bench.tflite.graph import Graph, reading
from mnas.data.inputs import Inputs
from mnas.shipping.doctor import Case, diagnose
from mnas.shipping.order import Order
from mnas.shipping.repair import repair
from mnas.shipping.training import Trained, further, train_on
from mnas.tasks import Data, Task
from mnas.tasks.task import Predict
from mnas.training.jobs import calibration_inputs
from mnas.training.outputs import tflite_predict

if TYPE_CHECKING:
    import tf_keras

_LOSS = 0.002
"""What calibration may lose of the metric's merit before `auto` trains on: 0.2 points of accuracy."""


_COMPARED = 16
"""Images on which operators are compared."""

_MORE = 5
"""Images of a repair's calibration, as a multiple of those of the first."""


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
    work = _Work(order, task, data, folder, trained)
    first = work.trained() if order.files.quantize == "qat" else work.calibrated()
    if order.files.diagnose:
        return work.repaired(first)
    return work.checked(first) if order.files.quantize == "auto" else first


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


@dataclass(frozen=True, slots=True)
class _Work:
    """The ways to the int8 file of one network."""

    order: Order
    task: Task[Any]
    data: Data
    folder: Path
    network: Trained

    def calibrated(self) -> Quantized:
        """By calibration."""
        images = self._images(self.order.files.calibration)
        return Quantized(self._int8(self.network.model, images), f"calibrated on {counted(len(images), 'image')}")

    def trained(self) -> Quantized:
        """By a training that rounds as the file will."""
        from mnas.training.quantization_aware import quantization_aware

        recipe, images = further(self.network.recipe), self._images(self.order.files.calibration)
        network = quantization_aware(self.network.graph, self.network.model, images)
        stay_pruned = _pruned_again(network) if self.network.facts.sparsity else lambda: None
        folder, what = self._checkpoints(), "training for int8"
        train_on(network, self.order, self.task, self.data, recipe, folder, what, before_step=lambda *_: stay_pruned())
        stay_pruned()
        route = f"trained on for {counted(recipe.epochs, 'epoch')} with quantization"
        return Quantized(self._int8(network, images), route)

    def _checkpoints(self) -> Path:
        """Where the training for int8 is kept: one that began from the ranges of other images is another one."""
        above = self.folder / "training-int8"
        own = above / f"calibrated-{self.order.files.calibration}"
        for other in above.iterdir() if above.is_dir() else ():
            if other != own:
                shutil.rmtree(other, ignore_errors=True)
        return own

    def checked(self, first: Quantized) -> Quantized:
        """The calibrated file, or where that loses too much the better one of it and a trained one."""
        from mnas.training.train import float_predict

        metric, validation = self.task.metric, self.data.validation
        plain = self.task.judge(float_predict(self.network.model), validation)
        before = self.task.judge(file_predict(first.content), validation)
        if metric.merit(plain) - metric.merit(before) <= _LOSS:
            return first
        lost = metric.difference_words(abs(plain - before))
        say(f"calibration alone loses {lost} on the validation split: training on for int8")
        try:
            second = self.trained()
        except ConversionError as error:
            note = f"Calibration lost {lost} on the validation split, and a training for int8 made no file: {error}."
            return replace(first, notes=(*first.notes, note))
        after = self.task.judge(file_predict(second.content), validation)
        better = second if metric.gain(after) > metric.gain(before) else first
        note = (
            f"On the validation split the float network has {metric.exact_words(plain)}, int8 {first.route} "
            f"{metric.exact_words(before)}, int8 {second.route} {metric.exact_words(after)}."
        )
        return replace(better, notes=(*better.notes, note))

    def repaired(self, first: Quantized) -> Quantized:
        """What the doctor says of a file, and makes of it where it does not reach the floor."""
        plain = to_tflite(fronted(self.order, self.network.model), "float32")
        compared = self._fronted(self._images(_COMPARED))
        case = Case(plain, first.content, self.task, self.data.validation, compared, file_predict)
        diagnosis = diagnose(case)
        say("\n".join(diagnosis.lines(self.task)))
        metric, floor = self.task.metric, self.order.files.floor
        if floor is None:
            floor = metric.from_merit(max(0.0, metric.merit(diagnosis.value_float) - _LOSS))
        more = self._fronted(self._images(_MORE * self.order.files.calibration))
        done, content = repair(case, diagnosis, floor=floor, calibration=more, retrain=lambda: self.trained().content)
        say("\n".join(done.lines(self.task)))
        lines = (*diagnosis.lines(self.task), *done.lines(self.task))
        if content is None or not done.tried:
            return replace(first, diagnosis=lines)
        way = done.tried[-1] if done.met else done.best(metric)
        return replace(first, content=content, route=way.way, diagnosis=lines)

    def _images(self, count: int) -> np.ndarray:
        return calibration_inputs(self.data.train, self.order.training.seed, count)

    def _fronted(self, images: np.ndarray) -> np.ndarray:
        """Images as the files take them."""
        grey = self.network.model.inputs[0].shape[-1] == 1
        return in_colour(images) if grey and self.order.files.colour else images

    def _int8(self, model: tf_keras.Model, images: np.ndarray) -> bytes:
        interface = self.order.files.interface
        return to_tflite(fronted(self.order, model), "int8", self._fronted(images), interface=interface)


def _pruned_again(network: tf_keras.Model) -> Callable[[], None]:
    """What makes the weights zero again that are zero now."""
    kernels = [one for one in network.trainable_variables if len(one.shape) > 1]
    masks = [(one.numpy() != 0).astype(np.float32) for one in kernels]

    def apply() -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(kernel * mask)

    return apply
