"""Networks cut out of shared weights, as orders that ship them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device_bench.conversion.quiet import quiet_tensorflow
from device_bench.terminal import counted, say
from mnas.errors import SearchError
from mnas.files import write_text
from mnas.run import Run
from mnas.search.mining import judged, spread
from mnas.search.shared import supernet_of
from mnas.shipping.card import CARD, Card
from mnas.shipping.order import FilesOrder, Order, Subject, TrainingOrder
from search_spaces import Arch, arch_hash, to_json

_CUT = "cut"
"""Folder of the weights that were cut out."""


@dataclass(frozen=True, slots=True)
class Child:
    """A network that was cut out of shared weights.

    Attributes:
        run: The search.
        arch: The network.
        folder: Where its files go.
        weights: Its part of the weights, with statistics of its own.
    """

    run: Run
    arch: Arch
    folder: Path
    weights: Path


def children(path: Path, count: int, output: Path) -> list[Child]:
    """Cuts networks out of the shared weights of a search, or finds them cut.

    Args:
        path: The run directory.
        count: How many, from the fastest to the best, as the search has judged them with shared weights.
        output: Receives a folder for each.

    Raises:
        SearchError: The search has no shared weights, or has judged no network with them yet.
    """
    run = Run.open(path)
    supernet = supernet_of(run)
    if not supernet.trained:
        raise SearchError(f"{path} has no shared weights: run its search with -o search.evaluate=shared")
    found = spread(judged(run), count, run.task.metric)
    named = {arch_hash(one.arch): one.arch for one in found}
    cut = [Child(run, arch, output / name, output / _CUT / f"{name}.npz") for name, arch in named.items()]
    missing = [one for one in cut if not one.weights.exists()]
    if missing:
        say(f"cutting {counted(len(missing), 'network')} out of the shared weights")
        with quiet_tensorflow():
            from mnas.sharing.cut import cut_out

            cut_out(supernet, {one.weights: one.arch for one in missing}, run.config.sharing.calibration)
    return cut


def orders(cut: Sequence[Child], epochs: int, files: FilesOrder, command: str) -> dict[Path, Order]:
    """What is to be made of networks, by folder.

    Args:
        cut: The networks.
        epochs: Of a training of its own for each; 0 for none.
        files: What is made of them.
        command: The command line that makes the same again.
    """
    return {
        one.folder: Order(
            subject=Subject(arch=to_json(one.arch), task=one.run.task.name, run=one.run.path.absolute()),
            training=TrainingOrder(epochs=epochs, weights=str(one.weights.absolute()), seed=one.run.config.search.seed),
            files=files,
            named=f"a network cut out of the shared weights of {one.run.path}",
            command=command,
        )
        for one in cut
    }


def write_front(cut: Sequence[Child], path: Path) -> None:
    """Lists the files that ship, with what their cards say of them."""
    task, text = cut[0].run.task, io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("folder", "file", "precision", "latency_ms", task.metric.test_key, "low", "high", "size_bytes"))
    for one in cut:
        for file in Card.read(one.folder / CARD, task).files:
            latency = file.latency.median_ms if file.latency else None
            tested = (file.tested.test_value, file.tested.low, file.tested.high)
            table.writerow((one.folder.name, file.name, file.precision, latency, *tested, file.size_bytes))
    write_text(path, text.getvalue())
    say(f"front: {path}")
