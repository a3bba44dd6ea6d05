"""card.md: the card as people read it in an editor, or on a page that renders Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from device_bench.terminal import counted, printable
from mnas.files import write_text
from mnas.shipping.card import Card
from mnas.shipping.card_words import (
    change_words,
    conditions_words,
    count_words,
    headline,
    recipe_words,
    shape_words,
    size_words,
    tested_words,
    time_words,
    verdict_words,
)
from search_spaces import Drawing, SpaceError, drawing, from_json

CARD_TEXT = "card.md"

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_BARS = 30
_LABELS = 24


def write_card_text(card: Card, folder: Path) -> Path:
    """Writes card.md into a folder, whole or not at all.

    Raises:
        RunFailed: It cannot be written.
    """
    path = folder / CARD_TEXT
    write_text(path, card_text(card))
    return path


def card_text(card: Card) -> str:
    """The card in Markdown; every name and every word of it stands for itself and is not markup."""
    parts = [
        [f"# {_plain(card.architecture.name)}", "", _plain(headline(card))],
        _warnings(card),
        ["## Files", "", *_files(card)],
        ["## The network", "", *_network(card)],
        ["## Data", "", *_data(card)],
        ["## Training", "", *_training(card)],
        ["## Quantization, operator by operator", "", *_code(card.diagnosis)] if card.diagnosis else [],
        ["## How to make it again", "", *_code([card.command]), "", "With:", "", *_versions(card)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def boxes(card: Card) -> Drawing:
    """What is drawn of the network, without its input and its head; nothing where its family is not installed."""
    height, width, channels = (*card.data.input_shape, 0, 0, 0)[:3]
    try:
        return drawing(from_json(json.dumps(card.architecture.arch)), (height, width, channels))
    except SpaceError:
        return ()


def _plain(text: str) -> str:
    """Text without markup, on one line."""
    return _MARKUP.sub(r"\\\1", printable(text))


def _code(lines: Iterable[str]) -> list[str]:
    """A block of code that its own lines cannot end."""
    shown = [printable(line) for line in lines]
    fence = "`" * max(3, *(len(run) + 1 for line in shown for run in re.findall("`+", line)), 0)
    return [fence, *shown, fence]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *([_plain(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _warnings(card: Card) -> list[str]:
    return ["## Mind", "", *(f"- {_plain(one)}" for one in card.warnings)] if card.warnings else []


def _files(card: Card) -> Iterator[str]:
    metric = card.metric
    heads = ["file", f"test {metric.name}", "against the float network", "latency", "size", "gzip -9"]
    yield from _table(
        heads,
        (
            [
                one.name,
                tested_words(one.tested, metric),
                change_words(one.change, metric) if one.change else "not compared",
                time_words(one.latency) if one.latency else "not timed",
                size_words(one.size_bytes),
                size_words(one.gz_bytes),
            ]
            for one in card.files
        ),
    )
    if card.float_network:
        yield from ("", _plain(f"The float network reaches {tested_words(card.float_network, metric)}."))
    count = card.data.splits.get("test", 0)
    yield from (
        "",
        f"Values are of {count:,} {_plain(card.judged_by.examples)} of the test split, with 95% intervals in brackets.",
    )
    for one in card.files:
        yield ""
        kinds = f"{one.precision}, input {one.input_kind} {shape_words(one.input_shape)}, output {one.output_kind}"
        yield f"**{_plain(one.name)}**: {_plain('; '.join(filter(None, (kinds, one.route))))}."
        if one.latency:
            words = f"Latency: {verdict_words(one.latency, card.target_ms)} ({conditions_words(one.latency)})."
            yield _plain(words)
        yield from (_plain(note) for note in one.notes)
        yield f"SHA-256 `{one.sha256}`."


def _network(card: Card) -> Iterator[str]:
    network = card.architecture
    yield f"{count_words(network.params)} parameters, {count_words(network.macs)} multiply-accumulates per inference."
    yield from (_plain(note) for note in network.notes)
    parts = boxes(card)
    if parts:
        wide = max(len(box.name) for box in parts)
        lines = [f"{card.judged_by.example:{wide}}      {shape_words(card.data.input_shape)}"]
        for box in parts:
            repeats = f"x{box.repeats}" if box.repeats > 1 else ""
            shape = shape_words(box.shape) if box.shape else ""
            lines.append(f"{box.name:{wide}} {repeats:4} {shape:12} {box.note}".rstrip())
        yield from ("", *_code([*lines, f"{card.judged_by.ending} {card.data.outputs}"]))
    if network.blocks:
        yield from ("", "Its notation:", "", *_code(network.blocks))


def _data(card: Card) -> Iterator[str]:
    data, task = card.data, card.judged_by
    splits = ", ".join(f"{count:,} {name}" for name, count in data.splits.items())
    yield f"- source: {_plain(data.source)}"
    yield f"- {_plain(task.examples)}: {splits}"
    yield f"- input: {shape_words(data.input_shape)}"
    yield f"- {_plain(task.outputs)}: {data.outputs:,}"
    if data.labels:
        more = f", and {len(data.labels) - _LABELS:,} more" if len(data.labels) > _LABELS else ""
        yield f"- labels: {', '.join(map(_plain, data.labels[:_LABELS]))}{more}"
    yield from (f"- {_plain(line)}" for line in data.summary)


def _training(card: Card) -> Iterator[str]:
    training, metric = card.training, card.metric
    epochs = f"{counted(len(training.history), 'epoch')} in {training.minutes:.1f} minutes"
    yield f"{epochs if training.history else 'Not trained anew'}, seed {training.seed}."
    yield from map(_plain, filter(None, (training.ended, *training.initial, *training.further)))
    yield ""
    yield from (f"- {_plain(name)}: {_plain(recipe_words(value))}" for name, value in training.recipe.items())
    known = [one for one in training.history if one.value is not None]
    if known:
        yield from ("", f"Validation {metric.name} by epoch:", "")
        steps = max(1, -(-len(known) // _BARS))
        shown = {one.epoch: one for one in (*known[::steps], known[-1])}.values()
        yield from _code(f"{one.epoch:4}  {metric.words(one.value or 0.0)}" for one in shown)


def _versions(card: Card) -> list[str]:
    return [f"- {_plain(name)} {_plain(number)}" for name, number in card.versions.items()]
