"""Networks priced by a table, from their files or their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from device_bench.latency_table.published import PROXYLESS
from device_bench.latency_table.table import OPERATORS, LatencyTable, Prediction
from device_bench.model_file import model_precision
from mnas.errors import SearchError
from search_spaces import MnasNetArch, published
from search_spaces.architecture import Shape
from search_spaces.block_keys import proxyless_keys
from search_spaces.signatures import signatures


def price(path: Path, models: Sequence[str], *, fill: bool, image_size: int, classes: int) -> Iterator[str]:
    """One line a model.

    Args:
        path: The table.
        models: Paths of TFLite files, or names of published networks.
        fill: Estimate what the table does not have.
        image_size: Of published networks.
        classes: Of published networks.

    Raises:
        BenchError: The table or a file cannot be read, or the table lacks an operator.
        SpaceError: No network is published under a name.
    """
    table = LatencyTable.load(path)
    for model in models:
        if model.endswith(".tflite"):
            guess = _file(table, Path(model), fill)
        else:
            shape = (image_size, image_size, 3)
            guess = table.predict(architecture_keys(table, published(model), shape, classes), fill=fill)
        filled = f", {guess.filled_share:.0%} estimated" if guess.filled_share else ""
        yield f"{model}: {guess.median_ms:.3f} ms ({guess.low_ms:.3f} to {guess.high_ms:.3f}{filled})"


def architecture_keys(table: LatencyTable, arch: MnasNetArch, shape: Shape, classes: int) -> tuple[str, ...]:
    """The keys under which `table` lists the parts of an architecture.

    Raises:
        SearchError: The table's keys cannot be told from an architecture.
        SpaceError: The architecture has a part that such tables do not know.
    """
    if table.keys == OPERATORS:
        return signatures(arch, shape, classes, table.facts["precision"])
    if table.keys == PROXYLESS:
        return proxyless_keys(arch, shape, classes)
    raise SearchError(f"a table of {table.keys} prices networks of its own space alone, by their keys")


def _file(table: LatencyTable, path: Path, fill: bool) -> Prediction:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
    if table.keys == OPERATORS:
        table.require(precision=model_precision(content))
    return table.predict(content, fill=fill)
