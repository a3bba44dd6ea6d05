"""The latency of the files of an order, on its device or by its table; timed once per file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.errors import BenchError, TransportError
from device_bench.latency_table.table import LatencyTable
from device_bench.terminal import say
from device_bench.timing.timing import Timing
from mnas.config import TABLE, LatencySection
from mnas.files import read_json, write_json
from mnas.home import path_at_home
from mnas.latency.source import LatencySource, open_latency
from mnas.latency.timer import usable
from mnas.shipping.files import Made
from mnas.shipping.order import FilesOrder, Order

_KEPT = "latencies.json"

NOWHERE = "none"


def check_device(files: FilesOrder) -> None:
    """Refuses a device that cannot be, before anything is trained; one that only is not there may come yet.

    Raises:
        BenchError: No such kind of device, or it cannot do what is asked.
        SearchError: A table that cannot be read, or does not price TFLite files.
    """
    if files.device == NOWHERE:
        return
    try:
        _open(files).close()
    except TransportError as error:
        say(f"{error}: the files will be timed at the end, if it is there then", err=True)


def time_files(order: Order, files: list[Made], folder: Path) -> dict[str, Timing]:
    """Latencies by the name of the file; what was timed before under the same conditions is not timed again.

    A device that is not there leaves the files untimed: they are whole without it, and the same command times them
    later.
    """
    if order.files.device == NOWHERE:
        return {}
    kept = _kept(folder / _KEPT)
    keys = {one.path.name: _key(order.files, one.record.sha256) for one in files}
    known = {name: kept[key] for name, key in keys.items() if key in kept}
    missing = {one.path.name: one.path.read_bytes() for one in files if one.path.name not in known}
    if missing:
        try:
            found = _measured(order, missing, folder)
        except BenchError as error:
            say(f"not timed: {error}; run the same command again to time the files", err=True)
            found = {}
        known |= found
        fresh = {keys[name]: timing.to_dict() for name, timing in found.items() if usable(timing)}
        write_json(folder / _KEPT, {**{key: one.to_dict() for key, one in kept.items()}, **fresh})
    return known


def _measured(order: Order, models: Mapping[str, bytes], folder: Path) -> dict[str, Timing]:
    rng = np.random.default_rng(order.training.seed)
    source = _open(order.files)
    try:
        return source.measure(models, rng, folder)
    finally:
        source.close()


def _open(files: FilesOrder) -> LatencySource:
    """The device or table; a table's own precision is that of the files that it prices."""
    table = (
        LatencyTable.load(path_at_home(files.device.removeprefix(TABLE))) if files.device.startswith(TABLE) else None
    )
    precision: Any = table.facts["precision"] if table else "int8"
    section = LatencySection(
        device=files.device, target_ms=files.target_ms or 1.0, threads=files.threads, precision=precision
    )
    return open_latency(section, lambda _: None, say)


def _key(files: FilesOrder, sha256: str) -> str:
    return f"{sha256} {files.device} {files.threads}"


def _kept(path: Path) -> dict[str, Timing]:
    if not path.exists():
        return {}
    values: Any = read_json(path)
    try:
        return {str(key): Timing.from_dict(one) for key, one in values.items()}
    except (BenchError, AttributeError, TypeError):
        return {}  # of another version: a file can be timed again
