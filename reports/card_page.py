"""`card.html`: the card of a model that ships, and what its files say of the test split, as one page.

All of it comes from the card's folder: `card.json`, what each file said (`*.predictions.npz`) and the pictures
(`thumbnails.npz`), so a page can be drawn again where the data set is not. It is bounded however large that is: at most
`MOST_THUMBNAILS` pictures of 96 pixels, as WebP inside the page (a few kB each), and of each file at most
25 × 25 cells, 24 classes and 24 mistakes. Only the pictures and the drawing of the network need JavaScript.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from markupsafe import Markup
from PIL import Image

from mnas.errors import RunFailed, SearchError
from mnas.files import write_text
from mnas.shipping import card_words
from mnas.shipping.card import Card, ShippedFile
from mnas.shipping.card_text import boxes
from mnas.shipping.results import MOST_THUMBNAILS, THUMBNAILS, predictions_path, read_predictions, read_thumbnails
from mnas.tasks.findings import Findings, Picture
from reports import card_facts, curves
from reports.drawings import packed, packed_cells, packed_skips, with_ends
from reports.errors import ReportError
from reports.page_parts import environment, made, printable_values, script_json, source

PAGE = "card.html"

_SCRIPTS = ("elements", "storage", "theme", "network", "card")
_QUALITY = 85
_LABELS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What there is to see in the predictions of one file.

    Attributes:
        name: The file.
        found: By its task.
    """

    name: str
    found: Findings


def write_pages(folder: Path) -> list[Path]:
    """Draws the page of the card in a folder: what `mnas train` and `mnas export` call through `mnas.pages`.

    Raises:
        ReportError: The card or what lies beside it is damaged, or the page cannot be written.
    """
    path = folder / PAGE
    write_card_page(folder, path)
    return [path]


def write_card_page(folder: Path, path: Path) -> Card:
    """Writes the page of the card in a folder, whole or not at all, and returns the card.

    Args:
        folder: What `mnas train` or `mnas export` has left.
        path: Where the page goes; its links to the files are relative to there.

    Raises:
        ReportError: The card or what lies beside it is damaged, or the page cannot be written.
    """
    try:
        card = Card.open(folder)
        write_text(path, card_page(card, folder, path))
    except (SearchError, RunFailed) as error:
        raise ReportError(str(error)) from error
    return card


def card_page(card: Card, folder: Path, path: Path) -> str:
    """The page as text. Every name and every word that comes from the folder is escaped.

    Raises:
        SearchError: A file beside the card is damaged.
    """
    looks = _looks(card, folder)
    stored = folder / THUMBNAILS
    pictures = read_thumbnails(stored) if stored.is_file() else {}
    shown = dict(list(pictures.items())[:MOST_THUMBNAILS])
    return (
        environment()
        .get_template("card.html")
        .render(
            title=card.architecture.name,
            made=made(),
            card=card,
            task=card.judged_by,
            words=card_words,
            metric=card.metric,
            base=quote(os.fsencode(os.path.relpath(folder, path.parent))),
            looks=looks,
            pictures=shown,
            caption=_caption,
            dots=curves.dots,
            across=curves.across,
            up=curves.up,
            trade=card_facts.trade(card),
            file_facts=partial(card_facts.of_file, card),
            data_facts=card_facts.of_data(card),
            training_facts=card_facts.of_training(card),
            course=card_facts.course(card),
            recipe=card_facts.of_recipe(card),
            inline_labels=_LABELS,
            styles=[source("page.css"), source("card.css")],
            scripts=[source(f"{name}.js") for name in _SCRIPTS],
            data=Markup(script_json(printable_values(_payload(card, looks, shown)))),
        )
    )


def _looks(card: Card, folder: Path) -> list[Look]:
    """Of each file whose predictions lie beside the card."""
    found = []
    for file in card.files:
        path = predictions_path(folder / file.name)
        if path.is_file():
            found.append(Look(file.name, _findings(card, file, path)))
    return found


def _findings(card: Card, file: ShippedFile, path: Path) -> Findings:
    predictions = read_predictions(path)
    try:
        return card.judged_by.findings(predictions, card.data.labels)
    except (IndexError, TypeError, ValueError) as error:
        raise SearchError(
            f"{path} does not hold predictions of {file.name} ({error}): delete it, and export again"
        ) from error


def _payload(card: Card, looks: Sequence[Look], pictures: dict[int, np.ndarray]) -> dict[str, Any]:
    """What the page's scripts draw: pictures by their place in the split, those behind each cell, the network."""
    ends = with_ends(boxes(card), card.judged_by, _shape(card), card.data.outputs)
    return {
        "pictures": {str(place): _inline(image) for place, image in pictures.items()},
        "cells": [_cells(look.found, pictures) for look in looks],
        "boxes": [packed(box) for box in ends],
        "skips": packed_skips(ends),
        "networkCells": packed_cells(ends),
        "title": card.architecture.name,
    }


def _cells(found: Findings, pictures: dict[int, np.ndarray]) -> dict[str, list[tuple[int, str]]]:
    """Row and column of a cell -> place and caption of each of its pictures that the page holds."""
    cells = found.matrix.cells if found.matrix else {}
    return {
        f"{row} {column}": [(one.index, _caption(one)) for one in cell.pictures if one.index in pictures]
        for (row, column), cell in cells.items()
    }


def _caption(picture: Picture) -> str:
    """What stands below a picture."""
    sure = "" if picture.confidence is None else f", {picture.confidence:.0%} sure"
    return f"{picture.caption}{sure}"


def _shape(card: Card) -> tuple[int, int, int] | None:
    shape = card.data.input_shape
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None


def _inline(image: np.ndarray) -> str:
    """A uint8 image `[height, width, channels]` as the address of itself."""
    content = io.BytesIO()
    drawn = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    drawn.save(content, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
