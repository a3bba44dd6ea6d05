"""Where a policy's weights lie: one flat vector, and what of it belongs to which step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from mnas.controllers.arrays import Floats, Ints
from mnas.controllers.pointer import Pointer, pointer_kinds, ticks_of
from mnas.controllers.steps import Steps


class Layout:
    """The weights of a policy, by name; arguments as for `Policy`.

    Steps that do not point are plain: a row each of the biases, a group each of the embeddings and heads.

    Attributes:
        ticks: The LSTM's steps.
        pointers: By tick that points.
        plain_ticks: Which ticks are plain steps'.
        plain_steps: Which steps are plain, in the same order.
        fed_ticks: The ticks that read what a plain step chose.
        feeding: These plain steps, in the same order.
        feeding_groups: Their groups.
        row: By plain step.
        groups: By row.
        choices: Largest number of choices of a plain step.
        weight_count: Length of the flat vector.
    """

    def __init__(
        self, steps: Steps, *, hidden: int, embedding: int, contexts: int, share: str, layers: int = 1
    ) -> None:
        self.steps = steps
        self.hidden = hidden
        self.layers = layers
        self.kinds = pointer_kinds(steps)
        self.ticks = ticks_of(steps)
        self.pointers: dict[int, Pointer] = {
            number: tick.pointer for number, tick in enumerate(self.ticks) if tick.pointer is not None
        }
        plain = [number for number in range(len(self.ticks)) if number not in self.pointers]
        taken = [self.ticks[number].steps.start for number in plain]
        fed = [number + 1 for number in plain if number + 1 < len(self.ticks)]
        self.plain_ticks, self.plain_steps = _span(plain), _span(taken)
        self.fed_ticks, self.feeding = _span(fed), _span(taken[: len(fed)])
        self.row = {step: row for row, step in enumerate(taken)}
        names = [((steps.tags if share == "tag" else steps.names)[step], steps.sizes[step]) for step in taken]
        distinct = list(dict.fromkeys(names))
        self.groups: Ints = np.array([distinct.index(name) for name in names], dtype=np.int64)
        self.feeding_groups = self.groups[: len(fed)]
        self.choices = max((steps.sizes[step] for step in taken), default=0)
        learned = max((pointer.learned for pointer in self.pointers.values()), default=0)
        width, kinds = 4 * hidden, len(self.kinds)
        self._shapes: dict[str, tuple[int, ...]] = {
            "start": (contexts, embedding),
            "embed": (len(distinct), self.choices, embedding),
            "kernel": (embedding, width),
            "recurrent": (hidden, width),
            "bias": (width,),
            "head": (len(distinct), hidden, self.choices),
            "head_bias": (len(taken), self.choices),
        }
        if layers > 1:
            # Of the layers above the first.
            self._shapes |= {
                "lift": (layers - 1, hidden, width),
                "lift_recurrent": (layers - 1, hidden, width),
                "lift_bias": (layers - 1, width),
            }
        if self.kinds:
            # Of `Pointer`: W1, W2, v, learned anchors, and what makes an input of the anchors that were chosen.
            self._shapes |= {
                "key": (kinds, hidden, hidden),
                "query": (kinds, hidden, hidden),
                "score": (kinds, hidden),
                "learned": (kinds, learned, hidden),
                "read": (kinds, hidden, embedding),
            }
        self.weight_count = sum(math.prod(shape) for shape in self._shapes.values())

    def initial(self, rng: np.random.Generator, scale: float) -> Floats:
        """See `Policy.initial`."""
        weights = rng.uniform(-scale, scale, self.weight_count).astype(np.float32)
        views = self.views(weights)
        views["bias"][:] = 0.0
        views["bias"][self.hidden : 2 * self.hidden] = 1.0
        if self.layers > 1:
            views["lift_bias"][:] = 0.0
            views["lift_bias"][:, self.hidden : 2 * self.hidden] = 1.0
        views["head_bias"][:] = 0.0
        return weights

    def views(self, weights: Floats) -> dict[str, Floats]:
        """Named, shaped views into a flat weight (or gradient) vector."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            size = math.prod(shape)
            views[name] = weights[start : start + size].reshape(shape)
            start += size
        return views

    def carrier(self, other: Layout) -> Callable[[Floats, Floats], Floats]:
        """See `Policy.carrier`."""
        mine, theirs = self._plain(), other._plain()
        both = [(*mine[name], *theirs[name], name[1]) for name in mine if name in theirs]
        kinds = [(to, other.kinds.index(tag)) for to, tag in enumerate(self.kinds) if tag in other.kinds]

        def carry(source: Floats, target: Floats) -> Floats:
            result = target.copy()
            new, old = self.views(result), other.views(source)
            lifts = ("lift", "lift_recurrent", "lift_bias") if self.layers > 1 else ()
            for name in ("start", "kernel", "recurrent", "bias", *lifts):
                new[name][...] = old[name]
            for row, group, their_row, their_group, size in both:
                new["embed"][group, :size] = old["embed"][their_group, :size]
                new["head"][group, :, :size] = old["head"][their_group, :, :size]
                new["head_bias"][row, :size] = old["head_bias"][their_row, :size]
            for to, by in kinds:
                for name in ("key", "query", "score", "read"):
                    new[name][to] = old[name][by]
                learned = min(new["learned"].shape[1], old["learned"].shape[1])
                new["learned"][to, :learned] = old["learned"][by, :learned]
            return result

        return carry

    def _plain(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Row and group of each plain step, by its name and size."""
        return {
            (self.steps.names[step], self.steps.sizes[step]): (row, int(self.groups[row]))
            for step, row in self.row.items()
        }


def _span(numbers: Sequence[int]) -> slice | Ints:
    """An index of these rows: a slice where they follow one another, since that copies nothing."""
    first, last = (numbers[0], numbers[-1]) if numbers else (0, -1)
    if list(numbers) == list(range(first, last + 1)):
        return slice(first, last + 1)
    return np.array(numbers, dtype=np.int64)
