"""Which of many candidates are evaluated, by what a Gaussian process expects of them.

Candidates are samples of the policy, neighbours and crossings of the best architectures, and then neighbours of the
most promising candidates, so that several changes that the process thinks well of come together. A batch is chosen one
by one: what was chosen counts as known to the process, which makes what is like it less worth trying (Ginsbourger et
al. 2010, the "believer"; Desautels et al. 2014).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mnas.controllers.arrays import Floats
from mnas.controllers.history import History
from mnas.controllers.neighbours import crossings, neighbours
from mnas.controllers.process import Process
from mnas.controllers.steps import Steps
from search_spaces.decision import Tokens

_PARENTS = 5
_NEAR_PARENTS = 150
_ROUNDS, _CLIMBING, _NEAR_CLIMBING = 4, 4, 100


class Pool:
    """Architectures that nobody tried, each once and as it was spelt first.

    Args:
        steps: The decisions.
        history: What was tried.
        taken: Keys that the batch has already.
    """

    def __init__(self, steps: Steps, history: History, taken: Iterable[Tokens]) -> None:
        self.steps = steps
        self.rows: list[Tokens] = []
        self.keys: list[Tokens] = []
        self._history = history
        self._seen = set(taken)

    def add(self, rows: Iterable[Sequence[int]]) -> None:
        """Takes up those that are new."""
        for row in rows:
            key = self.steps.key(row)
            if key not in self._seen and self._history.find(key) is None:
                self._seen.add(key)
                self.rows.append(tuple(row))
                self.keys.append(key)

    def add_neighbours(self, rows: Iterable[Tokens], most: int, rng: np.random.Generator) -> None:
        """Takes up what differs from one of ``rows`` in one decision: ``most`` of these at random, or all."""
        near = [other for row in rows for other in neighbours(row, self.steps.sizes).tolist()]
        picks = range(len(near)) if len(near) <= most else sorted(rng.permutation(len(near))[:most].tolist())
        self.add(near[pick] for pick in picks)


def promising(
    pool: Pool, model: Process, best: Sequence[Tokens], count: int, explore: float, rng: np.random.Generator
) -> list[Tokens]:
    """The architectures to evaluate next.

    Args:
        pool: Candidates, which grow here.
        model: What is expected of them.
        best: The best architectures so far, best first.
        count: How many are wanted; fewer are returned where fewer are new.
        explore: Standard deviations added to the mean.
        rng: The only source of chance.
    """
    parents = [row for row in best[:_PARENTS] if -1 not in row]
    pool.add_neighbours(parents, _NEAR_PARENTS, rng)
    for second in range(len(parents)):
        for first in range(second):
            pool.add(crossings(parents[first], parents[second], rng).tolist())
    score, climbed, scored = np.empty(0), set[int](), 0
    for turn in range(1 + _ROUNDS):
        if len(pool.rows) > scored:
            mean, deviation = model.predict(np.array(pool.keys[scored:]))
            score, scored = np.append(score, mean + explore * deviation), len(pool.rows)
        top = [pick for pick in np.argsort(-score, kind="stable")[:_CLIMBING].tolist() if pick not in climbed]
        if turn < _ROUNDS and top:
            climbed.update(top)
            pool.add_neighbours([pool.rows[pick] for pick in top], _NEAR_CLIMBING, rng)
    return [pool.rows[pick] for pick in _apart(pool, model, count, explore)]


def _apart(pool: Pool, model: Process, count: int, explore: float) -> list[int]:
    """Which candidates have the highest bound, each in the knowledge that those before it are evaluated."""
    if not pool.keys:
        return []
    keys = np.array(pool.keys)
    mean, reached = model.expected(keys), model.reached(keys)
    variance: Floats = np.maximum(1.0 - (reached * reached).sum(axis=0), 0.0)
    picks: list[int] = []
    for _ in range(min(count, len(keys))):
        score = mean + explore * np.sqrt(variance)
        score[picks] = -np.inf
        pick = int(np.argmax(score))
        picks.append(pick)
        # One more row of the Cholesky factor, for a point whose value is what the process expects.
        covariance = model.correlation(keys, keys[pick : pick + 1])[:, 0] - reached.T @ reached[:, pick]
        row = covariance / np.sqrt(variance[pick] + model.noise)
        reached = np.vstack([reached, row])
        variance = np.maximum(variance - row * row, 0.0)
    return picks
