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

_NEAR_BEST = 150
_ROUNDS, _CLIMBING, _NEAR_CLIMBING = 4, 4, 100
_FINALISTS = 8  # per architecture that is wanted


class Pool:
    """Candidates by their tokens, each once, with the bound that a process gives them.

    Args:
        steps: The decisions.
        model: What is expected of architectures.
        explore: Standard deviations that a bound is above the mean.
        rng: The only source of chance.
    """

    def __init__(self, steps: Steps, model: Process, explore: float, rng: np.random.Generator) -> None:
        self.steps = steps
        self.model = model
        self.explore = explore
        self.rows: list[Tokens] = []
        self.bounds: Floats = np.empty(0)
        self._seen: set[Tokens] = set()
        self.rng = rng

    def add(self, rows: Iterable[Sequence[int]]) -> None:
        """Takes up those that it does not have."""
        new = [row for row in dict.fromkeys(map(tuple, rows)) if row not in self._seen]
        if new:
            self._seen.update(new)
            self.rows += new
            mean, deviation = self.model.predict(np.array(new))
            self.bounds = np.append(self.bounds, mean + self.explore * deviation)

    def add_neighbours(self, rows: Iterable[Tokens], most: int) -> None:
        """Takes up what differs from one of ``rows`` in one decision: ``most`` of these at random, or all."""
        near = [other for row in rows for other in neighbours(row, self.steps.sizes).tolist()]
        picks = range(len(near)) if len(near) <= most else sorted(self.rng.permutation(len(near))[:most].tolist())
        self.add(near[pick] for pick in picks)

    def climb(self) -> None:
        """Takes up neighbours of the most promising candidates, and of those among them, and so on."""
        climbed: set[int] = set()
        for _ in range(_ROUNDS):
            top = [pick for pick in self.ranking()[:_CLIMBING] if pick not in climbed]
            climbed.update(top)
            self.add_neighbours([self.rows[pick] for pick in top], _NEAR_CLIMBING)

    def ranking(self) -> list[int]:
        """All candidates, the most promising first."""
        ranked: list[int] = np.argsort(-self.bounds, kind="stable").tolist()
        return ranked

    def finalists(self, most: int, history: History, taken: Iterable[Tokens]) -> dict[Tokens, Tokens]:
        """The most promising architectures that nobody tried: key -> tokens.

        Only these are brought to their canonical form, which costs more than to ask the process.
        """
        known, found = set(taken), dict[Tokens, Tokens]()
        for pick in self.ranking():
            key = self.steps.key(self.rows[pick])
            if key not in known and key not in found and history.find(key) is None:
                found[key] = self.rows[pick]
                if len(found) == most:
                    break
        return found


def promising(
    pool: Pool, best: Sequence[Tokens], history: History, taken: Iterable[Tokens], count: int
) -> list[Tokens]:
    """The architectures to evaluate next.

    Args:
        pool: Candidates, which grow here.
        best: The best architectures so far, best first.
        history: What was tried.
        taken: Keys that the batch has already.
        count: How many are wanted; fewer are returned where fewer are new.
    """
    parents = [row for row in best if -1 not in row]
    pool.add_neighbours(parents, _NEAR_BEST)
    for second in range(len(parents)):
        for first in range(second):
            pool.add(crossings(parents[first], parents[second], pool.rng).tolist())
    pool.climb()
    finalists = pool.finalists(_FINALISTS * count, history, taken)
    keys = list(finalists)
    return [finalists[keys[pick]] for pick in _apart(pool.model, keys, count, pool.explore)]


def _apart(model: Process, keys: Sequence[Tokens], count: int, explore: float) -> list[int]:
    """Which of some architectures have the highest bound, each in the knowledge that those before it are evaluated."""
    if not keys:
        return []
    tokens = np.array(keys)
    mean, reached = model.expected(tokens), model.reached(tokens)
    variance: Floats = np.maximum(1.0 - (reached * reached).sum(axis=0), 0.0)
    picks: list[int] = []
    for _ in range(min(count, len(keys))):
        score = mean + explore * np.sqrt(variance)
        score[picks] = -np.inf
        pick = int(np.argmax(score))
        picks.append(pick)
        # One more row of the Cholesky factor, for a point whose value is what the process expects.
        covariance = model.correlation(tokens, tokens[pick : pick + 1])[:, 0] - reached.T @ reached[:, pick]
        row = covariance / np.sqrt(variance[pick] + model.noise)
        reached = np.vstack([reached, row])
        variance = np.maximum(variance - row * row, 0.0)
    return picks
