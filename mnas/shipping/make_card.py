"""The card of a model, from what its export made and found."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_bench.errors import BenchError
from device_bench.tflite.graph import Graph, reading
from device_bench.tflite.model_file import check_model, model_precision
from device_bench.timing.timing import Timing
from mnas.errors import RunFailed, SearchError
from mnas.shipping.card import (
    CARD_FORMAT,
    Architecture,
    Card,
    Change,
    DataFacts,
    Scored,
    ShippedFile,
    Training,
    versions,
)
from mnas.shipping.card_warnings import card_warnings
from mnas.tasks import Data, Task
from mnas.tasks.findings import Predictions
from search_spaces import Arch, cost, describe

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A file as it will ship, and what was found out about it.

    Attributes:
        path: The file.
        predictions: What it says of the test split.
        latency: Of exactly this file; None where nothing timed it.
        route: How it was quantized, such as "calibrated on 200 images"; may be empty.
        notes: Sentences for the card.
    """

    path: Path
    predictions: Predictions
    latency: Timing | None = None
    route: str = ""
    notes: tuple[str, ...] = ()


def make_card(
    task: Task[Any],
    data: Data,
    architecture: Architecture,
    training: Training,
    files: Sequence[Judgement],
    *,
    command: str,
    float_network: Predictions | None = None,
    target_ms: float | None = None,
    warnings: Sequence[str] = (),
    diagnosis: Sequence[str] = (),
) -> Card:
    """Puts a card together.

    Args:
        task: What the network was trained and judged on.
        data: Its data.
        architecture: As `architecture_facts` gives it.
        training: How the weights came to be.
        files: What ships.
        command: What makes the same again.
        float_network: What the float network says of the test split.
        target_ms: The latency aimed at.
        warnings: Sentences beside those that follow from the files.
        diagnosis: Lines of the quantization doctor.

    Raises:
        SearchError: A file is not a TFLite file.
        RunFailed: A file cannot be read.
    """
    shipped = tuple(_shipped(task, one, float_network) for one in files)
    return Card(
        format=CARD_FORMAT,
        task=task.name,
        architecture=architecture,
        data=_data_facts(task, data),
        training=training,
        float_network=_tested(task, float_network) if float_network else None,
        files=shipped,
        target_ms=target_ms,
        command=command,
        versions=versions(),
        warnings=(*card_warnings(shipped, training.sparsity), *warnings),
        diagnosis=tuple(diagnosis),
    )


def architecture_facts(name: str, arch: Arch, task: Task[Any], data: Data, notes: Sequence[str] = ()) -> Architecture:
    """What a card says of the network.

    Args:
        name: As it was asked for.
        arch: The network.
        task: Its head counts, too.
        data: Their inputs and outputs.
        notes: What was changed of what the name says; sentences.
    """
    costs = cost(arch, data.input_shape, task.head(data.outputs))
    facts = describe(arch)
    return Architecture(
        name=name,
        arch=facts["arch"],
        arch_hash=facts["arch_hash"],
        blocks=tuple(facts["blocks"]),
        params=costs.params,
        macs=costs.macs,
        notes=tuple(notes),
    )


def _data_facts(task: Task[Any], data: Data) -> DataFacts:
    return DataFacts(
        source=data.name,
        splits={split: len(getattr(data, split)) for split in _SPLITS},
        input_shape=tuple(data.input_shape),
        outputs=data.outputs,
        labels=tuple(task.labels(data)),
        summary=tuple(_whole_lines(data.summary)),
    )


def _whole_lines(wrapped: Sequence[str]) -> list[str]:
    """Lines as they were before they were broken for a terminal: what is indented belongs to the line above."""
    lines: list[str] = []
    for line in wrapped:
        if lines and line.startswith(" "):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return lines


def _tested(task: Task[Any], predictions: Predictions) -> Scored:
    low, high = map(_known, task.metric.interval(predictions.value, len(predictions)))
    return Scored(test_value=predictions.value, low=low, high=high)


def _shipped(task: Task[Any], one: Judgement, float_network: Predictions | None) -> ShippedFile:
    try:
        content = one.path.read_bytes()
    except OSError as error:
        raise RunFailed(f"cannot read {one.path}: {error.strerror or error}") from error
    name = one.path.name
    try:
        check_model(content, name)
        with reading(name):
            graph = Graph(content)
            entry, exit_ = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        precision = model_precision(content, name)
    except BenchError as error:
        raise SearchError(str(error)) from error
    return ShippedFile(
        name=name,
        precision=precision,
        input_kind=entry.kind,
        input_shape=tuple(entry.sizes[1:]),
        output_kind=exit_.kind,
        route=one.route,
        size_bytes=len(content),
        gz_bytes=len(gzip.compress(content, 9, mtime=0)),
        sha256=hashlib.sha256(content).hexdigest(),
        tested=_tested(task, one.predictions),
        change=_change(task, one.predictions, float_network) if float_network else None,
        latency=one.latency,
        notes=one.notes,
    )


def _change(task: Task[Any], file: Predictions, network: Predictions) -> Change:
    low, high = map(_known, task.difference(file, network))
    return Change(difference=file.value - network.value, low=low, high=high)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
