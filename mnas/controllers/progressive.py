"""Progressive search (Liu et al., ECCV 2018, section 4), from cells of one block to cells of many: an Optuna sampler.

The first level tries cells of one block, each once. Every further level adds a block to each cell of the level before
in every way, predicts all of these by a surrogate that was fitted to all that is known, and tries those of the highest
prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from mnas.controllers import ensemble
from mnas.controllers.arrays import Ints
from mnas.controllers.blas import one_thread
from mnas.controllers.history import History
from mnas.controllers.joint import JointSampler
from mnas.controllers.reader import Reader
from mnas.controllers.trials import Menu, menu_of
from mnas.errors import SearchError
from mnas.reward import Reward
from search_spaces.decision import Space, Tokens

_PAPER = (136, 256, 256, 256, 256)
"""Cells that the paper tried at each level, 1,160 in all (section 5.2)."""

_LARGEST_POOL = 60_000
"""Larger expansions are sampled, so that a level is proposed in seconds."""


class ProgressiveSampler(JointSampler):
    """Proposes cells that grow from level to level.

    What a trial runs is a function of the seed, its number, the number of trials, and what earlier levels have found: a
    search can stop anywhere and resume as if it had not.

    Args:
        space: One whose architectures have several lengths.
        trials: Of the whole search; it is shared out among the levels as in the paper.
        reward: As for ``ControllerSampler``.
        seed: Of every draw, >= 0.
        batch: Trials that are proposed together; a level begins with a batch.

    Raises:
        SearchError: A setting is out of range, or the space does not grow.
    """

    def __init__(
        self,
        space: Space[Any],
        *,
        trials: int = sum(_PAPER),
        reward: Reward | None = None,
        seed: int = 0,
        batch: int = 1,
    ) -> None:
        if seed < 0 or batch < 1 or trials < 1:
            raise SearchError(f"pnas seed is {seed}, batch {batch}, trials {trials}: at least 0, 1 and 1")
        check_grows(space)
        super().__init__(seed)
        self.space, self.batch, self._trials = space, batch, trials
        self._whole = menu_of(space)
        self._reader = Reader(self._whole, () if reward is None else (reward,))
        self._starts = level_starts(len(space.lengths), self._first_level_size(), trials, batch)
        self._proposed: dict[int, tuple[tuple[int, ...], list[Tokens]]] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The decisions of the trial's level."""
        whole = super().infer_relative_search_space(study, trial)
        count = self.space.lengths[self._level(trial.number)]
        return {name: whole[name] for name in list(whole)[:count]}

    def _menu(self, study: Study, trial: FrozenTrial) -> Menu:
        self._reader.is_new(study, study.get_trials(deepcopy=False))
        return self._whole

    def _tokens(self, study: Study, trial: FrozenTrial, menu: Menu) -> Tokens:
        level = self._level(trial.number)
        start = self._starts[level]
        history = self._reader.history(study, study.get_trials(deepcopy=False), menu, start)
        cells = self._cells(level, history)
        padding = (0,) * (len(menu.steps.sizes) - self.space.lengths[level])
        return (*cells[(trial.number - start) % len(cells)], *padding)

    def _level(self, number: int) -> int:
        return max(level for level, start in enumerate(self._starts) if start <= number)

    def _cells(self, level: int, history: History) -> list[Tokens]:
        """What a level tries, in order; kept as long as the levels before it stay as they are."""
        known = tuple(seen.number for seen in history.told)
        kept = self._proposed.get(level)
        if kept is None or kept[0] != known:
            rng = np.random.default_rng([self.seed, 5, level])
            count = max(1, [*self._starts, self._trials][level + 1] - self._starts[level])
            cells = self._first_level(rng) if level == 0 else self._grown(level, history, count, rng)
            kept = self._proposed[level] = known, cells
        return kept[1]

    def _first_level_size(self) -> int:
        return len({self.space.canonical(tokens) for tokens in _blocks(self._places(0))})

    def _first_level(self, rng: np.random.Generator) -> list[Tokens]:
        """All different cells of one block, in random order."""
        cells = sorted({self.space.canonical(tokens) for tokens in _blocks(self._places(0))})
        return [cells[index] for index in rng.permutation(len(cells))]

    def _grown(self, level: int, history: History, count: int, rng: np.random.Generator) -> list[Tokens]:
        """The cells of a level with the highest predictions."""
        told = [(_taken(seen.tokens), (seen.rewards or (0.0,))[0]) for seen in history.told]
        length = self.space.lengths[level - 1]
        parents = sorted({self.space.canonical(tokens) for tokens, _ in told if len(tokens) == length})
        tried = {self.space.canonical(tokens) for tokens in map(_taken, (one.tokens for one in history.observations))}
        # Where a whole level has failed, cells at random are grown.
        parents = parents or [self._random(level - 1, rng) for _ in range(count)]
        pool = self._expanded(parents, level, rng)
        order = rng.permutation(len(pool))
        if told:
            order = order[np.argsort(-self._predicted(told, history, pool[order], rng), kind="stable")]
        chosen: dict[Tokens, None] = {}
        for row in pool[order].tolist():
            tokens = self.space.canonical(row)
            if tokens not in tried:
                chosen.setdefault(tokens)
            if len(chosen) == count:
                break
        return list(chosen) or parents

    def _expanded(self, parents: Sequence[Tokens], level: int, rng: np.random.Generator) -> Ints:
        """Each parent with each block, ``[cells, tokens]``; of too many a random part."""
        blocks = np.array(list(_blocks(self._places(level))))
        whole = len(parents) * len(blocks)
        picks = np.arange(whole) if whole <= _LARGEST_POOL else np.sort(rng.permutation(whole)[:_LARGEST_POOL])
        return np.hstack([np.array(parents)[picks // len(blocks)], blocks[picks % len(blocks)]])

    def _predicted(
        self, told: Sequence[tuple[Tokens, float]], history: History, pool: Ints, rng: np.random.Generator
    ) -> np.ndarray:
        sizes, width = self._places(len(self.space.lengths) - 1), self.space.lengths[0]
        cells = [np.array(tokens).reshape(-1, width) for tokens, _ in told]
        quantiles = history.quantile([reward for _, reward in told])
        with one_thread():
            return ensemble.fit(cells, quantiles, sizes, rng).predict(pool.reshape(len(pool), -1, width))

    def _places(self, level: int) -> tuple[int, ...]:
        """Choices of each decision of the block that a level adds."""
        width = self.space.lengths[0]
        return self.space.sizes[level * width : (level + 1) * width]

    def _random(self, level: int, rng: np.random.Generator) -> Tokens:
        sizes = self.space.sizes[: self.space.lengths[level]]
        return tuple(int(token) for token in rng.integers(sizes))


def check_grows(space: Space[Any]) -> None:
    """Refuses a space whose cells cannot grow block by block.

    Raises:
        SearchError: All architectures are of one length, or levels add different numbers of decisions.
    """
    steps = {later - earlier for earlier, later in zip((0, *space.lengths), space.lengths, strict=False)}
    if len(steps) != 1:
        raise SearchError(
            f"search.algorithm 'pnas' grows cells block by block, which architectures of the space {space.name!r} "
            "cannot: take the space pnas, or another algorithm"
        )


def level_starts(levels: int, cells: int, trials: int, batch: int) -> tuple[int, ...]:
    """The number of the first trial of each level.

    Args:
        levels: How many there are.
        cells: Different ones of one block; the first level tries no more than these.
        trials: Of the search, shared out as in the paper; each level has at least a batch while they last.
        batch: Trials proposed together; levels are whole batches.
    """
    shares = [_PAPER[min(level, len(_PAPER) - 1)] for level in range(levels)]
    starts, left = [0], trials
    for level in range(levels - 1):
        share = left * shares[level] / sum(shares[level:])
        most = max(1, cells // batch) if level == 0 else trials
        batches = max(1, min(most, round(share / batch)))
        starts.append(starts[-1] + batches * batch)
        left = max(0, trials - starts[-1])
    return tuple(starts)


def _blocks(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Each block of two inputs and two operators, without those that exchange its sides."""
    one, other, op, other_op = sizes
    for left, right, first, second in product(range(one), range(other), range(op), range(other_op)):
        if (left, first) <= (right, second):
            yield left, right, first, second


def _taken(tokens: Tokens) -> Tokens:
    """The tokens of the decisions that a trial took."""
    return tuple(token for token in tokens if token >= 0)
