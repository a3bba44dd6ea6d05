"""`card.json`: what is known of a model that ships. `mnas.shipping.card_text` renders it as card.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from mnas.errors import SearchError, quoted
from mnas.files import read_json
from mnas.records.record import Many, Record, StoredTiming
from mnas.tasks import DEFAULT, Metric, Task, task

CARD_FORMAT = 1
"""Raised whenever this version can no longer read what an older one has written, or the reverse."""

CARD = "card.json"

_VERSIONED = ("mnas", "tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy")


class Architecture(Record):
    """The network.

    Attributes:
        name: As it was asked for, such as `mnasnet-a1@0.5` or `trial 7 of runs/demo`.
        arch: As JSON values; `search_spaces.from_json` reads them.
        arch_hash: The same for all spellings of one network.
        blocks: Its published notation; empty where there is none.
        params: Trainable parameters.
        macs: Multiply-accumulates of one inference.
        notes: What was changed of what the name says; sentences.
    """

    name: str
    arch: dict[str, Any]
    arch_hash: str
    blocks: Many[str]
    params: int
    macs: int
    notes: Many[str] = ()


class DataFacts(Record):
    """What it was trained and judged on.

    Attributes:
        source: As it was asked for.
        splits: Name of a split -> its number of examples.
        input_shape: Of one input.
        outputs: What the task's head was made for, such as the number of classes.
        labels: Names of the outputs, in their order; empty where they have none.
        summary: What was read, and warnings; a line each.
    """

    source: str
    splits: dict[str, int]
    input_shape: Many[int]
    outputs: int
    labels: Many[str] = ()
    summary: Many[str] = ()


class Epoch(Record):
    """An epoch of the float training.

    Attributes:
        epoch: From 1.
        loss: Its mean over the epoch; None where it is not known or not finite.
        value: The task's metric on the validation split behind it; None where it was not judged.
    """

    epoch: int
    loss: float | None = None
    value: float | None = None


class Training(Record):
    """How the weights came to be.

    Attributes:
        recipe: Name -> value.
        seed: Every random source is a function of it.
        minutes: Of the float training and of pruning, as they were spent.
        history: Of the float training.
        ended: Why it ended before its last epoch; a sentence, or empty.
        initial: What it started from and what was taken of it; a line each, none for random weights.
        further: What followed it, such as pruning; a line each. How a file was quantized is said of the file.
        sparsity: Share of the kernels' weights that were pruned to 0; 0 where nothing was.
    """

    recipe: dict[str, Any]
    seed: int
    minutes: float
    history: Many[Epoch] = ()
    ended: str = ""
    initial: Many[str] = ()
    further: Many[str] = ()
    sparsity: float = 0.0


class Scored(Record):
    """A value of the metric on the test split.

    Attributes:
        test_value: The task's metric.
        low: Lower end of its 95 % interval; None where it is not known.
        high: Upper end.
    """

    test_value: float
    low: float | None = None
    high: float | None = None


class Change(Record):
    """How a file differs from the float network on the same examples of the test split.

    Attributes:
        difference: The file's metric less the float network's.
        low: Lower end of its 95 % interval, for the same examples; None where it is not known.
        high: Upper end.
    """

    difference: float
    low: float | None = None
    high: float | None = None


class ShippedFile(Record):
    """A file that ships.

    Attributes:
        name: Within the card's folder.
        precision: How it computes.
        input_kind: Number format of its input, such as `uint8`.
        input_shape: Of one input: colour channels may stand in front of a network of grey images.
        output_kind: Number format of its output.
        route: How it was quantized, such as "calibrated on 200 images" or "quantization-aware training"; may be empty.
        size_bytes: Of the file.
        gz_bytes: Of the file as gzip -9 packs it, which is about what a download takes.
        sha256: Of the file.
        tested: The metric on the test split, judged on this file's own outputs.
        change: Against the float network; None where that was not judged.
        latency: As the timing protocol found it, or a table estimated it; None where nothing timed it.
        notes: Sentences.
    """

    name: str
    precision: str
    input_kind: str
    input_shape: Many[int]
    output_kind: str
    route: str
    size_bytes: int
    gz_bytes: int
    sha256: str
    tested: Scored
    change: Change | None = None
    latency: StoredTiming | None = None
    notes: Many[str] = ()


class Card(Record):
    """A model that ships.

    Attributes:
        format: Version of the card's schema.
        task: Name of the task.
        architecture: The network.
        data: What it was trained and judged on.
        training: How.
        float_network: On the test split, before conversion; None where it was not judged.
        files: What ships.
        target_ms: The latency aimed at, in milliseconds.
        command: What makes the same again.
        versions: Program -> version.
        warnings: What a user of the files has to know; sentences.
        diagnosis: What comparing the float network and the int8 file operator by operator found; lines.
    """

    format: int
    task: str
    architecture: Architecture
    data: DataFacts
    training: Training
    float_network: Scored | None = None
    files: Many[ShippedFile]
    target_ms: float | None = None
    command: str
    versions: dict[str, str]
    warnings: Many[str] = ()
    diagnosis: Many[str] = ()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Reads the card in a folder.

        Raises:
            SearchError: There is none, it is damaged, of another version, or of a task that is not installed.
        """
        path = folder / CARD
        values = read_json(path)
        found = values.get("format") if isinstance(values, dict) else None
        if found != CARD_FORMAT:
            raise SearchError(
                f"{path} is of format {quoted(found)}, and this version of mnas reads format {CARD_FORMAT}: "
                "use the version that made the card"
            )
        return cls.of(values, task(str(values.get("task", DEFAULT))), path)

    @property
    def judged_by(self) -> Task[Any]:
        """The task."""
        return task(self.task)

    @property
    def metric(self) -> Metric:
        """The number that says how good a file is."""
        return self.judged_by.metric

    def save(self, folder: Path) -> None:
        """Writes card.json, whole or not at all.

        Raises:
            RunFailed: It cannot be written.
        """
        self.write(folder / CARD, self.judged_by)


def is_card(folder: Path) -> bool:
    """Whether a folder holds a card."""
    return (folder / CARD).is_file()


def versions(names: Sequence[str] = _VERSIONED) -> dict[str, str]:
    """Program -> version, of those that are installed and of Python."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
