"""Predicts how good a cell is from its blocks, whatever their number: the surrogate of PNAS, in NumPy.

Source: Liu et al. (ECCV 2018), section 4.2: an ensemble of five multilayer perceptrons that read the mean over the
blocks of their tokens' embeddings, each trained on four fifths of what is known, with an L1 loss and embeddings that
all blocks share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mnas.controllers.adam import Slots, ascend
from mnas.controllers.arrays import Floats, Ints

_MEMBERS = 5
_EMBEDDING, _HIDDEN = 32, 100
_INIT = 0.1
_LEARNING_RATE = 1e-2
_STEPS = 150


class _Weights(NamedTuple):
    """Views of one flat vector.

    Attributes:
        tables: Of each place in a block, ``[choices, embedding]``.
        hidden: ``[places * embedding, hidden]``.
        hidden_bias: ``[hidden]``.
        output: ``[hidden]``.
        output_bias: ``[1]``.
    """

    tables: list[Floats]
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Trained predictors.

    Attributes:
        sizes: Choices of each place in a block.
        members: Flat weights of each.
    """

    sizes: tuple[int, ...]
    members: tuple[Floats, ...]

    def predict(self, cells: Ints) -> Floats:
        """The mean prediction, in (0, 1).

        Args:
            cells: ``[cells, blocks, places]``, all of one number of blocks.
        """
        found: Floats = np.mean([_forward(_views(one, self.sizes), cells)[-1] for one in self.members], axis=0)
        return found


def fit(cells: Sequence[Ints], targets: Floats, sizes: tuple[int, ...], rng: np.random.Generator) -> Ensemble:
    """Trains an ensemble.

    Args:
        cells: ``[blocks, places]`` each.
        targets: In [0, 1], ``[cells]``.
        sizes: Choices of each place in a block.
        rng: Of the first weights and of what each member leaves out.
    """
    order = rng.permutation(len(cells))
    members = []
    for member in range(_MEMBERS):
        known = [index for place, index in enumerate(order.tolist()) if place % _MEMBERS != member] or order.tolist()
        members.append(_trained([cells[index] for index in known], targets[known], sizes, rng))
    return Ensemble(sizes, tuple(members))


def _trained(cells: Sequence[Ints], targets: Floats, sizes: tuple[int, ...], rng: np.random.Generator) -> Floats:
    weights: Floats = rng.uniform(-_INIT, _INIT, _count(sizes))
    # The first predictions are the mean of what is known.
    mean = float(np.clip(targets.mean(), 0.05, 0.95))
    weights[-1] = np.log(mean / (1 - mean))
    groups = _by_length(cells)
    slots = Slots.zeros(weights)
    for _ in range(_STEPS):
        gradient = np.zeros_like(weights)
        for members, batch in groups:
            _add_gradient(weights, gradient, sizes, batch, targets[members], len(cells))
        weights, slots = ascend(weights, gradient, slots, learning_rate=_LEARNING_RATE, clip_norm=0.0)
    return weights


def _by_length(cells: Sequence[Ints]) -> list[tuple[list[int], Ints]]:
    lengths = sorted({len(cell) for cell in cells})
    members = [[index for index, cell in enumerate(cells) if len(cell) == length] for length in lengths]
    return [(one, np.array([cells[index] for index in one])) for one in members]


def _count(sizes: tuple[int, ...]) -> int:
    return sum(sizes) * _EMBEDDING + len(sizes) * _EMBEDDING * _HIDDEN + 2 * _HIDDEN + 1


def _views(flat: Floats, sizes: tuple[int, ...]) -> _Weights:
    place, tables = 0, []
    for size in sizes:
        tables.append(flat[place : place + size * _EMBEDDING].reshape(size, _EMBEDDING))
        place += size * _EMBEDDING
    width = len(sizes) * _EMBEDDING
    hidden = flat[place : place + width * _HIDDEN].reshape(width, _HIDDEN)
    place += width * _HIDDEN
    bias, output, last = flat[place : place + _HIDDEN], flat[place + _HIDDEN : place + 2 * _HIDDEN], flat[-1:]
    return _Weights(tables, hidden, bias, output, last)


def _forward(weights: _Weights, cells: Ints) -> tuple[Floats, Floats, Floats]:
    """Mean embeddings ``[cells, places * embedding]``, hidden values ``[cells, hidden]``, predictions ``[cells]``."""
    embedded = [table[cells[:, :, place]].mean(axis=1) for place, table in enumerate(weights.tables)]
    read = np.concatenate(embedded, axis=1)
    hidden = np.maximum(read @ weights.hidden + weights.hidden_bias, 0.0)
    return read, hidden, 1 / (1 + np.exp(-(hidden @ weights.output + weights.output_bias)))


def _add_gradient(
    flat: Floats, gradient: Floats, sizes: tuple[int, ...], cells: Ints, targets: Floats, total: int
) -> None:
    """Adds the gradient of the negative mean absolute error over `total` cells, some of which these are."""
    weights, slopes = _views(flat, sizes), _views(gradient, sizes)
    read, hidden, predicted = _forward(weights, cells)
    at_output = np.sign(targets - predicted) * predicted * (1 - predicted) / total
    slopes.output_bias[:] += at_output.sum()
    slopes.output[:] += hidden.T @ at_output
    at_hidden = np.outer(at_output, weights.output) * (hidden > 0)
    slopes.hidden_bias[:] += at_hidden.sum(axis=0)
    slopes.hidden[:] += read.T @ at_hidden
    at_read = at_hidden @ weights.hidden.T / cells.shape[1]
    for place, table in enumerate(slopes.tables):
        part = at_read[:, place * _EMBEDDING : (place + 1) * _EMBEDDING]
        for block in range(cells.shape[1]):
            np.add.at(table, cells[:, block, place], part)
