"""What a card says beside its tables: names and values, in words."""

from __future__ import annotations

from mnas.shipping.card import Card, ShippedFile
from mnas.shipping.card_words import change_words, conditions_words, lead, recipe_words, shape_words, verdict_words

Facts = list[tuple[str, str]]


def trade(card: Card) -> list[str]:
    """What the file of the headline gives and costs; sentences."""
    if not card.files:
        return []
    file = lead(card)
    sentences = [f"Against the float network: {change_words(file.change, card.metric)}."] if file.change else []
    if file.latency:
        sentences.append(f"Its latency is {verdict_words(file.latency, card.target_ms)}.")
    return sentences


def of_file(card: Card, file: ShippedFile) -> Facts:
    """What an app needs to know of a file, and how far its latency can be trusted."""
    facts = [
        ("precision", file.precision),
        ("input", f"{file.input_kind} {shape_words(file.input_shape)}"),
        ("output", file.output_kind),
        ("made by", file.route),
    ]
    if file.latency:
        facts += [
            ("timing", verdict_words(file.latency, card.target_ms)),
            ("timed on", conditions_words(file.latency)),
        ]
    return _known([*facts, ("SHA-256", file.sha256)])


def of_data(card: Card) -> Facts:
    """What the network was trained and judged on."""
    return _known(
        [
            ("source", card.data.source),
            (card.judged_by.examples, ", ".join(f"{count:,} {name}" for name, count in card.data.splits.items())),
            ("input", shape_words(card.data.input_shape)),
            (card.judged_by.outputs, f"{card.data.outputs:,}"),
        ]
    )


def of_training(card: Card) -> Facts:
    """How long it was trained."""
    training = card.training
    return _known(
        [
            ("epochs", f"{len(training.history)}"),
            ("minutes", f"{training.minutes:.1f}"),
            ("seed", f"{training.seed}"),
            ("pruned", f"{training.sparsity:.0%} of the weights" if training.sparsity else ""),
        ]
    )


def course(card: Card) -> list[str]:
    """What happened in the training beside its epochs; sentences."""
    training = card.training
    return [line for line in (training.ended, *training.initial, *training.further) if line]


def of_recipe(card: Card) -> Facts:
    """The recipe, as `--recipe` takes it."""
    return [(name, recipe_words(value)) for name, value in card.training.recipe.items()]


def _known(facts: Facts) -> Facts:
    return [(name, value) for name, value in facts if value]
