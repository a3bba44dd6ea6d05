"""The cells of a result matrix: what makes one number another than the next."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from device_bench.cores import check_cores
from device_bench.errors import BadRequest
from device_bench.runners.runner import BenchSpec
from device_bench.tflite.model_file import model_precision
from device_bench.tflite.model_inputs import choose, parse_shapes


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One number of the matrix.

    Attributes:
        device: Name of the device.
        repeat: Number of the repetition, counted from 1.
        threads: Threads of the runtime.
        delegate: cpu, gpu, nnapi or npu.
        cores: As the user said it, or "".
        model: Name of the model.
        sha256: Content of the model.
        precision: Its precision.
        shape: The input shapes that were chosen for it, such as "images=1,224,224,3", or "".
        signature: The signature that was chosen, or "".
    """

    device: str
    repeat: int
    threads: int
    delegate: str
    cores: str
    model: str
    sha256: str
    precision: str
    shape: str = ""
    signature: str = ""

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes it another measurement: all but the model's name, and its precision, which its content decides."""
        values = self.to_row()
        return tuple(values[name] for name in IDENTITY)

    def to_row(self) -> dict[str, Any]:
        """The cell as a table holds it: what UTF-8 lacks, such as odd bytes of a file name, is escaped."""
        return {name: _encodable(value) if isinstance(value, str) else value for name, value in asdict(self).items()}


IDENTITY = tuple(one.name for one in fields(Cell) if one.name not in ("model", "precision"))


@dataclass(frozen=True, slots=True)
class Axes:
    """The sides of the matrix besides the models.

    Attributes:
        devices: Names of devices.
        threads: Numbers of threads.
        delegates: Delegates.
        cores: "big", "little", "all", a mask, or None.
        repeats: How often each cell is measured, all else between.
    """

    devices: tuple[str, ...]
    threads: tuple[int, ...] = (1,)
    delegates: tuple[str, ...] = ("cpu",)
    cores: str | None = None
    repeats: int = 1


def cells(models: Mapping[str, bytes], axes: Axes, spec: BenchSpec | None = None) -> list[Cell]:
    """All cells of a matrix, in the order in which each device does them.

    Args:
        models: TFLite files by name.
        axes: The other sides.
        spec: The shapes and the signature to time.

    Raises:
        BadRequest: A file is no TFLite model or leaves a choice open, or a number of threads, a delegate or the cores
            are none.
    """
    for threads in axes.threads:
        for delegate in axes.delegates:
            BenchSpec(threads=threads, delegate=delegate)  # type: ignore[arg-type]
    if axes.cores:
        check_cores(axes.cores)
    known = _known(models, spec or BenchSpec())
    return [
        Cell(device, repeat, threads, delegate, axes.cores or "", *model)
        for device in axes.devices
        for repeat in range(1, axes.repeats + 1)
        for threads in axes.threads
        for delegate in axes.delegates
        for model in known
    ]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _known(models: Mapping[str, bytes], spec: BenchSpec) -> list[tuple[str, str, str, str, str]]:
    """Each model's name, content, precision, shape and signature."""
    chosen = {name: choose(model, spec.shapes, spec.signature, name) for name, model in models.items()}
    inputs = {one for model in chosen.values() for one in model.inputs}
    if unknown := sorted(set(parse_shapes(spec.shapes)) - inputs - {""}):
        raise BadRequest(f"no model has an input {unknown[0]!r}; there are {', '.join(map(repr, sorted(inputs)))}")
    return [
        (
            name,
            hashlib.sha256(models[name]).hexdigest(),
            model_precision(one.model, name),
            one.shape,
            one.signature,
        )
        for name, one in chosen.items()
    ]
