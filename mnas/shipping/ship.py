"""The way of a model that ships: data, training, files, latencies, card. Each stage that is done stays done."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from device_bench.terminal import brief, say
from mnas.errors import SearchError
from mnas.run import Run, check_directory
from mnas.shipping.card import Card
from mnas.shipping.card_text import write_card_text
from mnas.shipping.order import Order, claimed
from mnas.tasks import Data, Task, task
from search_spaces import from_json

PAGES = "mnas.pages"
"""The entry-point group of what draws a card: each takes the folder of one and returns the files that it wrote."""


def ship(order: Order, folder: Path) -> Card:
    """Makes what an order asks for, or what is still missing of it.

    Args:
        order: What to make.
        folder: Receives `model-PRECISION.tflite`, `weights.npz`, `card.json`, `card.md`, the card's pages, and what it
            takes to resume.

    Raises:
        SearchError: Bad input, found before anything is trained where that is possible.
        RunFailed: The folder cannot be written to.
        BenchError: The network cannot be converted.
    """
    from mnas.shipping.timing import check_device

    check_directory(folder)
    judged_by = task(order.subject.task)
    check_device(order.files)
    with claimed(folder, order):
        from device_bench.conversion.quiet import quiet_tensorflow

        data = _data(order, judged_by, folder)
        with quiet_tensorflow():
            card = _made(order, judged_by, data, folder)
        for path in _pages(folder):
            say(f"page: {path}")
    say(f"card: {folder / 'card.md'}")
    return card


def _made(order: Order, judged_by: Task[Any], data: Data, folder: Path) -> Card:
    from mnas.shipping.files import float_predictions, make_files
    from mnas.shipping.make_card import Judgement, architecture_facts, make_card
    from mnas.shipping.results import THUMBNAILS, write_thumbnails
    from mnas.shipping.timing import time_files
    from mnas.shipping.training import train_order
    from mnas.training.train import prepare_tensorflow

    prepare_tensorflow()
    trained = train_order(order, judged_by, data, folder)
    plain = float_predictions(judged_by, data, folder, trained)
    files = make_files(order, judged_by, data, folder, trained)
    timed = time_files(order, files, folder)
    card = make_card(
        judged_by,
        data,
        architecture_facts(order.named, from_json(order.subject.arch), judged_by, data, order.notes),
        trained.facts,
        [
            Judgement(one.path, one.predictions, timed.get(one.path.name), one.record.route, one.record.notes)
            for one in files
        ],
        command=order.command,
        float_network=plain,
        target_ms=order.files.target_ms,
        diagnosis=[line for one in files for line in one.record.diagnosis],
    )
    findings = [judged_by.findings(one.predictions, judged_by.labels(data)) for one in files]
    write_thumbnails(folder / THUMBNAILS, findings, data.test)
    card.save(folder)
    write_card_text(card, folder)
    return card


def _data(order: Order, judged_by: Task[Any], folder: Path) -> Data:
    """The data of the order, read once; those of a search stay where they are."""
    if order.subject.run is not None:
        return judged_by.open(Run.open(order.subject.run).path / "data")
    section = order.subject.data
    if section is None:
        raise SearchError("an order needs images")
    where, done = folder / "data", folder / "data" / ".whole"
    if not done.exists():
        loaded = section.load(judged_by, order.training.seed)
        say("\n".join(loaded.summary))
        judged_by.save(loaded, where)
        done.touch()
    return judged_by.open(where)


def _pages(folder: Path) -> list[Path]:
    """What was drawn. What ships is there already, so whatever goes wrong in a page is a warning."""
    found: list[Path] = []
    for entry in entry_points(group=PAGES):
        try:
            draw: Callable[[Path], list[Path]] = entry.load()
            found += draw(folder)
        except Exception as error:  # pages come from other packages, which raise whatever they come upon
            say(f"warning: the page {entry.name} was not drawn: {type(error).__name__}: {brief(str(error))}", err=True)
    return found
