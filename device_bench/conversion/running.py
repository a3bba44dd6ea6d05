"""Runs TFLite files with their tensors in sight."""

from collections.abc import Iterable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device_bench.conversion.instrumented import taken_apart
from device_bench.conversion.pairs import Pair
from device_bench.tflite.numbers import to_file, to_real
from device_bench.tflite.packing import packed

Values = dict[int, np.ndarray]
"""Values of tensors, by their number."""


class Runner:
    """A file in LiteRT, with one thread."""

    def __init__(self, model: schema.ModelT) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=packed(model), num_threads=1)
        self._interpreter.allocate_tensors()
        self._details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}

    def run(self, given: Values) -> None:
        """One inference; values are real numbers, whatever the file computes in."""
        for tensor, values in given.items():
            detail = self._details[tensor]
            self._interpreter.set_tensor(tensor, to_file(values, detail).reshape(detail["shape"]))
        self._interpreter.invoke()

    def clear(self, tensors: Iterable[int]) -> None:
        """Sets inputs to zero."""
        for tensor in tensors:
            self._interpreter.set_tensor(tensor, np.zeros(self._details[tensor]["shape"], np.float32))

    def values(self, tensors: Iterable[int]) -> list[np.ndarray]:
        """Tensors as real numbers."""
        return [to_real(self._interpreter.get_tensor(one), self._details[one]) for one in tensors]


class Alone:
    """Each operator of a float32 file on inputs of its own: what it makes of those of the quantized file."""

    def __init__(self, model: schema.ModelT, pairs: tuple[Pair, ...]) -> None:
        places = taken_apart(model, [(pair.plain, pair.inputs) for pair in pairs])
        self._sources = {
            place: pair.inputs[tensor]
            for pair, found in zip(pairs, places, strict=True)
            for tensor, place in found.items()
        }
        self._runner = Runner(model)
        self.values = self._runner.values

    def run(self, quantized: Runner) -> None:
        """Runs them all on what the quantized file has just computed."""
        self._runner.run(dict(zip(self._sources, quantized.values(self._sources.values()), strict=True)))
