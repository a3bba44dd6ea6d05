"""The quantization doctor: says what an int8 file loses against its float32 network, and by which operators."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from device_bench.conversion.compare import OperatorError, compare
from device_bench.terminal import counted
from mnas.data.inputs import Inputs
from mnas.records.record import Many, Record
from mnas.tasks import Examples, Task
from mnas.tasks.shares import wilson
from mnas.tasks.task import Predict
from mnas.training.outputs import tflite_predict

NAMED = 3
"""How many operators a diagnosis names."""

# Layers that a converter joins to the operator in front of them have its name and one of these.
_JOINED = re.compile(r"\.(norm|relu6?|flatten|dropout|range)$")
_NETWORK = "network"
_KINDS = {"INPUT": "the input", "SOFTMAX": "the softmax at the end", "LOGISTIC": "the sigmoid at the end"}


@dataclass(frozen=True, slots=True)
class Case:
    """A quantized file and what is needed to judge it.

    Attributes:
        plain: The float32 file of the network.
        quantized: The int8 file.
        task: What it is for.
        examples: What the files are judged on. A repair is chosen by it, so not the test split.
        compared: Inputs on which operators are compared, float32 `[count, height, width, channels]` as the files take
            them; 16 do.
        predict: A file -> what it predicts from the inputs of `examples`.
    """

    plain: bytes
    quantized: bytes
    task: Task[Any]
    examples: Examples
    compared: np.ndarray
    predict: Callable[[bytes], Predict] = tflite_predict

    def judged(self, content: bytes) -> Judged:
        """The metric of a file, and which output it prefers for each example."""
        predict, choices = self.predict(content), []

        def noting(inputs: Inputs) -> np.ndarray:
            outputs = predict(inputs)
            choices.append(outputs.argmax(axis=-1).ravel())
            return outputs

        value = self.task.judge(noting, self.examples)
        return Judged(value, np.concatenate(choices))


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging a file has shown.

    Attributes:
        value: Of the task's metric.
        choices: The output that the file prefers, for each example.
    """

    value: float
    choices: np.ndarray

    def agreement(self, other: Judged) -> float:
        """Share of the examples for which both files prefer the same output."""
        return float((self.choices == other.choices).mean())


class Finding(Record):
    """What quantization does to one operator; errors are roots of noise power over signal power.

    Attributes:
        place: Where it stands, in words.
        kind: What it is in the file, such as `CONV_2D`; `INPUT` for the rounding of the network's input.
        name: Of its output in the float32 file.
        kept: Whether it computes in float32 in the int8 file too.
        error: Of its output against the float32 network.
        own: What it adds itself.
        weights: The part of its own error that comes from its weights; the rest comes from rounding its output.
        cost: Error of the network's outputs when its own error is the only one.
        share: Of the noise power that all operators together cause at the outputs.
    """

    place: str
    kind: str
    name: str
    kept: bool
    error: float
    own: float
    weights: float
    cost: float
    share: float

    @property
    def operator(self) -> OperatorError:
        """As comparing the files gave it."""
        return OperatorError(self.kind, self.name, self.kept, self.error, self.own, self.weights, self.cost)

    @property
    def words(self) -> str:
        """In a sentence."""
        cause = "its weights" if self.weights**2 >= self.own**2 / 2 else "its output"
        where = self.place if self.kind in _KINDS else f"{self.place} ({self.kind})"
        why = "" if self.kind == "INPUT" else f", mostly from rounding {cause}"
        return f"{where}: {self.share:.0%} of the noise at the outputs{why}; its own error is {self.own:.1%}"


class Diagnosis(Record):
    """What an int8 file loses, and where.

    Attributes:
        value: The metric of the int8 file.
        value_float: The metric of the float32 file.
        agreement: Share of the examples for which both prefer the same output.
        count: Examples that these were judged on.
        compared: Inputs on which operators were compared.
        error: Of the network's outputs.
        operators: The input and all operators, in the order in which they run.
    """

    value: float
    value_float: float
    agreement: float
    count: int
    compared: int
    error: float
    operators: Many[Finding]

    @property
    def worst(self) -> tuple[Finding, ...]:
        """The operators, those that cost most first."""
        return tuple(sorted(self.operators, key=lambda one: -one.cost))

    def lines(self, task: Task[Any]) -> list[str]:
        """The diagnosis for people, a line each."""
        metric, examples = task.metric, counted(self.count, task.example, task.examples)
        compared = counted(self.compared, task.example, task.examples)
        low, high = wilson(self.agreement, self.count)
        return [
            f"{_sentence(metric.name)} on {examples}: float32 {metric.words(self.value_float)}, "
            f"int8 {metric.words(self.value)}.",
            f"Both prefer the same output for {self.agreement:.1%} of them (95 % interval {low:.1%} to {high:.1%}).",
            f"Quantization moves the outputs by {self.error:.1%} of their size "
            f"({compared} compared operator by operator). Most of that comes from:",
            *(f"{rank}. {one.words}." for rank, one in enumerate(self.worst[:NAMED], 1)),
        ]


def diagnose(case: Case) -> Diagnosis:
    """Judges both files and compares them operator by operator.

    Raises:
        BadRequest: The files are not of the same network.
        SearchError: LiteRT cannot run a file.
    """
    plain, quantized = case.judged(case.plain), case.judged(case.quantized)
    found = compare(case.plain, case.quantized, case.compared)
    total = sum(one.cost**2 for one in found) or 1.0
    return Diagnosis(
        value=quantized.value,
        value_float=plain.value,
        agreement=quantized.agreement(plain),
        count=len(case.examples),
        compared=len(case.compared),
        error=found[-1].error,
        operators=tuple(
            Finding(
                place=place(one.name, one.kind),
                kind=one.kind,
                name=one.name,
                kept=one.kept,
                error=one.error,
                own=one.own,
                weights=one.weights,
                cost=one.cost,
                share=one.cost**2 / total,
            )
            for one in found
        ),
    )


def place(name: str, kind: str) -> str:
    """Where an operator stands, from the name of its output: "block 3, layer 1, expand".

    The name lists what was joined, such as `network/block3.layer1.expand.relu6/Relu6;network/block3.layer1.expand/...`;
    the result of a network is called otherwise.
    """
    steps = name.split(";")[0].split("/")
    inner = [step for step in steps if step != _NETWORK]  # a colour front stands around the network
    if len(inner) == len(steps):
        return _KINDS.get(kind, "the output")
    parts = _JOINED.sub("", inner[0]).split(".")
    return ", ".join(re.sub(r"(?<=[a-z])(?=\d+$)", " ", part) for part in parts)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
