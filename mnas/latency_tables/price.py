"""Networks priced by a table, from their files or their names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from device_bench.errors import BadRequest
from device_bench.latency_table.content import OPERATORS
from device_bench.latency_table.table import LatencyTable, Prediction
from device_bench.tflite.model_file import model_precision
from device_bench.tflite.model_inputs import choose
from mnas.errors import SearchError
from mnas.tasks import task_of
from search_spaces import Arch, SpaceError, families, family_of, published
from search_spaces.graph import Shape
from search_spaces.signatures import signatures


def price(
    path: Path, models: Sequence[str], *, fill: bool | None, image_size: int, classes: int, shapes: Sequence[str] = ()
) -> Iterator[str]:
    """One line a model.

    Args:
        path: The table.
        models: Paths of TFLite files or of net definitions of ProxylessNAS and Once-for-all (`.config`, `.json`), or
            names of published networks.
        fill: As for `LatencyTable.predict`.
        image_size: Of published networks and of definitions.
        classes: What the head of published networks is made for; a definition tells its own.
        shapes: Of inputs that a TFLite file leaves open, such as "1,224,224,3".

    Raises:
        BenchError: The table or a file cannot be read, or the table lacks an operator.
        SpaceError: No network is published under a name.
    """
    table = LatencyTable.load(path)
    for model in models:
        if model.lower().endswith(".tflite"):
            guess = _file(table, Path(model), fill, shapes)
        elif model.lower().endswith((".config", ".json")):
            guess = table.predict(_definition(table, Path(model), image_size), fill=fill)
        else:
            shape = (image_size, image_size, 3)
            guess = table.predict(architecture_keys(table, published(model), shape, classes), fill=fill)
        filled = f", {guess.filled_share:.0%} estimated" if guess.filled_share else ""
        yield f"{model}: {guess.median_ms:.3f} ms ({guess.low_ms:.3f} to {guess.high_ms:.3f}{filled})"


def architecture_keys(table: LatencyTable, arch: Arch, shape: Shape, classes: int) -> tuple[str, ...]:
    """The keys under which `table` lists the parts of an architecture.

    Raises:
        SearchError: The table's keys cannot be told from an architecture, or its task is unknown.
        SpaceError: The architecture has a part that such tables do not know.
    """
    if table.keys == OPERATORS:
        space = table.facts.get("space")
        named = {"name": space["task"]} if isinstance(space, Mapping) and "task" in space else {}
        return signatures(arch, shape, task_of({"task": named}).head(classes), table.facts["precision"])
    if (keys_of := family_of(arch).table_keys.get(table.keys)) is not None:
        return keys_of(arch, shape, classes)
    raise SearchError(f"a table of {table.keys} has no words for this network: {_other_ways(table)}")


def _readers(table: LatencyTable) -> list[Callable[[Any, int], tuple[str, ...]]]:
    """What reads the net definitions of the table's authors."""
    return [one.definition_keys[table.keys] for one in families().values() if table.keys in one.definition_keys]


def _other_ways(table: LatencyTable) -> str:
    if _readers(table):
        return "give a net definition (.config, .json) of its authors"
    return "it prices only its own keys, in Python with `LatencyTable.load(...).predict(keys)`"


def _definition(table: LatencyTable, path: Path, image_size: int) -> tuple[str, ...]:
    if not (readers := _readers(table)):
        raise SearchError(f"a table of {table.keys} has no words for a net definition: {_other_ways(table)}")
    try:
        definition = json.loads(_content(path))
    except (ValueError, RecursionError) as error:
        raise SearchError(f"{path} is not JSON: {error}") from error
    try:
        return readers[0](definition, image_size)
    except SpaceError as error:
        raise SearchError(f"{path}: {error}") from error


def _file(table: LatencyTable, path: Path, fill: bool | None, shapes: Sequence[str]) -> Prediction:
    content = choose(_content(path), shapes, None, str(path)).model
    try:
        if table.keys == OPERATORS:
            table.require(precision=model_precision(content))
        return table.predict(content, fill=fill)
    except BadRequest as error:
        error.args = (f"{path}: {error}",)
        raise


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
