"""How a batch of proposals is drawn: by a screen, from the neighbourhood of the best, from the policy, never one twice.

Sources fill a batch in turn. A screen: what a Gaussian process expects most of, among many candidates. Where there is
none, the neighbourhood: architectures one decision away from the best few, chosen by
the policy's own probability, so that the controller decides what to change. The policy: plain samples, at a higher
temperature when too few are new. Chance: uniform draws and, of a small space, whatever is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mnas.controllers import process
from mnas.controllers.arrays import Floats, Ints
from mnas.controllers.history import History
from mnas.controllers.neighbours import crossings, mutants, neighbours
from mnas.controllers.policy import Policy
from mnas.controllers.screening import Pool, promising
from mnas.controllers.settings import Settings
from mnas.controllers.surrogate import fit
from search_spaces.decision import Tokens

_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
_UNIFORM_TRIES = 20
_ENUMERABLE = 20_000
_LARGEST_NEIGHBOURHOOD = 64
_FARTHEST = 4
_CROSSED_PARENTS = 5
_SCREENED_PARENTS = 5


@dataclass(frozen=True, slots=True)
class Proposals:
    """A batch of architectures to evaluate.

    Attributes:
        tokens: ``[batch, steps]``.
        log_probs: Joint log-probability under the policy at temperature 1, ``[batch]``.
        goals: What each was drawn for, ``[batch]``.
        repeats: Samples of the policy that were tried before: their tokens, goal and key in the history.
    """

    tokens: Ints
    log_probs: Floats
    goals: Ints
    repeats: tuple[tuple[Tokens, int, Tokens], ...] = ()


def draw(
    policy: Policy, settings: Settings, weights: Floats, history: History, index: int, rng: np.random.Generator
) -> Proposals:
    """The proposals of batch ``index``.

    Args:
        policy: The controller's shape.
        settings: How it samples.
        weights: ``[weight_count]``.
        history: All trials before the batch.
        index: The batch's; the goals take turns from batch to batch.
        rng: The only source of chance.
    """
    return _Draw(policy, settings, weights, history, index, rng).proposals()


class _Draw:
    """Fills the slots of one batch."""

    def __init__(
        self,
        policy: Policy,
        settings: Settings,
        weights: Floats,
        history: History,
        index: int,
        rng: np.random.Generator,
    ) -> None:
        self.policy = policy
        self.steps = policy.steps
        self.settings = settings
        self.weights = weights
        self.history = history
        self.index = index
        self.rng = rng
        first = index * settings.batch
        self.goals = (first + np.arange(settings.batch)) % policy.contexts
        self.filled: dict[int, tuple[Tokens, float]] = {}
        self.taken: set[Tokens] = set()
        self.repeats: list[tuple[Tokens, int, Tokens]] = []

    def proposals(self) -> Proposals:
        settings = self.settings
        if not settings.unique:
            tokens, log_probs = self._sample(self.goals)
            return Proposals(tokens, log_probs, self.goals)
        told = len(self.history.told)
        if 0 < settings.screen <= told:
            self._screen()
        elif 0 < settings.surrogate_after <= told:
            self._screen_plainly()
        elif told >= settings.guided_after:
            self._guide()
        for temperature in _TEMPERATURES:
            goals = np.resize(self.goals, settings.batch * settings.overdraw)
            tokens, log_probs = self._sample(goals, temperature)
            self._offer(zip(tokens.tolist(), log_probs.tolist(), goals.tolist(), strict=True), temperature == 1.0)
            if len(self.filled) == settings.batch:
                break
        self._fall_back()
        slots = [self.filled[slot] for slot in range(settings.batch)]
        return Proposals(
            np.array([slot[0] for slot in slots], dtype=np.int64),
            np.array([slot[1] for slot in slots]),
            self.goals,
            tuple(self.repeats[: settings.repeats * settings.batch]),
        )

    def _guide(self) -> None:
        """Fills the guided slots from the neighbourhood, by the policy's probability and the parent's rank."""
        slots = self._share_of_slots(self.settings.guided)
        for goal in sorted({int(self.goals[slot]) for slot in slots}):
            mine = [slot for slot in slots if self.goals[slot] == goal]
            if self.settings.crossed:
                self._choose(mine[: self.settings.crossed], goal, *self._crossed(goal))
            free = [slot for slot in mine if slot not in self.filled]
            self._choose(free, goal, *self._neighbourhood(goal, len(free)))

    def _choose(self, slots: Sequence[int], goal: int, rows: Sequence[Tokens], ranks: Sequence[float]) -> None:
        """Fills slots with some of ``rows``, drawn by the policy's probability and the parents' rank."""
        if not slots or not rows:
            return
        log_probs = self._joint(rows, goal)
        gumbel = -np.log(-np.log(self.rng.random(len(rows))))
        score = log_probs / self.settings.guided_temperature - self.settings.rank_cost * np.array(ranks) + gumbel
        for slot, pick in zip(slots, np.argsort(-score, kind="stable").tolist(), strict=False):
            self._put(slot, rows[pick], float(log_probs[pick]))

    def _crossed(self, goal: int) -> tuple[list[Tokens], list[float]]:
        """New crossings of the best few, and the mean rank of the parents of each."""
        best = [parent for parent, _ in self.history.best(_CROSSED_PARENTS, goal)]
        rows: list[Tokens] = []
        ranks: list[float] = []
        for second in range(len(best)):
            for first in range(second):
                children = crossings(best[first], best[second], self.rng)
                rows += [tuple(row) for row in children.tolist()]
                ranks += [(first + second) / 2] * len(children)
        picks = self._new(rows)
        return [rows[pick] for pick in picks], [ranks[pick] for pick in picks]

    def _neighbourhood(self, goal: int, wanted: int) -> tuple[list[Tokens], list[float]]:
        """New neighbours of the best few, and the rank of the parent of each; a random part where there are many.

        Where fewer than ``wanted`` are new, architectures two, then three and four decisions away are added: a long
        search has tried all neighbours of its best.
        """
        parents = [parent for parent, _ in self.history.best(self.settings.parents, goal)]
        rows: list[Tokens] = []
        ranks: list[float] = []
        for changes in range(1, 1 + _FARTHEST):
            for rank, parent in enumerate(parents):
                near = neighbours(parent, self.steps.sizes)
                if changes > 1:
                    near = mutants(parent, self.steps.sizes, changes, _LARGEST_NEIGHBOURHOOD // 2, self.rng)
                rows += [tuple(row) for row in near.tolist()]
                ranks += [rank] * len(near)
            if len(rows) > _LARGEST_NEIGHBOURHOOD:
                part = sorted(self.rng.permutation(len(rows))[:_LARGEST_NEIGHBOURHOOD].tolist())
                rows, ranks = [rows[pick] for pick in part], [ranks[pick] for pick in part]
            picks = self._new(rows)
            rows, ranks = [rows[pick] for pick in picks], [ranks[pick] for pick in picks]
            if len(rows) >= wanted:
                break
        return rows, ranks

    def _share_of_slots(self, share: float) -> list[int]:
        """Other slots from batch to batch, so that every goal has its share of both sources."""
        exact = share * self.settings.batch
        count = int(exact) + int(self.rng.random() < exact - int(exact))
        return [(self.index + turn) % self.settings.batch for turn in range(count)]

    def _screen(self) -> None:
        """Fills most slots with what a process that weighs the decisions expects most of."""
        slots = self._share_of_slots(self.settings.screened)
        for goal in sorted({int(self.goals[slot]) for slot in slots}):
            mine = [slot for slot in slots if self.goals[slot] == goal]
            known = self.history.told_distinct(goal)
            model = process.fit(np.array([key for key, _ in known]), np.array([reward for _, reward in known]))
            pool = Pool(self.steps, model, self.settings.explore, self.rng)
            pool.add(self._sampled(goal, self.settings.batch * self.settings.overdraw))
            best = [row for row, _ in self.history.best(_SCREENED_PARENTS, goal)]
            self._put_all(mine, promising(pool, best, self.history, self.taken, len(mine)), goal)

    def _screen_plainly(self) -> None:
        """Fills all slots with the most promising of samples and neighbours, by the surrogate of ``ppo-gp``."""
        for goal in sorted({int(goal) for goal in self.goals}):
            slots = [slot for slot in range(self.settings.batch) if self.goals[slot] == goal]
            known = self.history.told_distinct(goal)
            model = fit(np.array([key for key, _ in known]), np.array([reward for _, reward in known]))
            pool = self._sampled(goal, self.settings.pool) + self._neighbourhood(goal, len(slots))[0]
            rows = [pool[pick] for pick in self._new(pool)]
            if not rows:
                continue
            mean, deviation = model.predict(np.array([self.steps.key(row) for row in rows]))
            order = np.argsort(-(mean + self.settings.explore * deviation), kind="stable")[: len(slots)].tolist()
            self._put_all(slots, [rows[pick] for pick in order], goal)

    def _sampled(self, goal: int, checked: int) -> list[Tokens]:
        """The samples that are screened; of the first ``checked`` those tried before are kept for the update."""
        rows = [tuple(row) for row in self._sample(np.full(self.settings.pool, goal))[0].tolist()]
        for row in rows[:checked]:
            tried = self.history.find(self.steps.key(row))
            if tried is not None:
                self.repeats.append((row, goal, tried))
        return rows

    def _put_all(self, slots: Sequence[int], rows: Sequence[Tokens], goal: int) -> None:
        if rows:
            for slot, row, log_prob in zip(slots, rows, self._joint(rows, goal).tolist(), strict=False):
                self._put(slot, row, log_prob)

    def _new(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """Which rows are architectures that nobody tried, each once."""
        keys: set[Tokens] = set()
        picks = []
        for pick, row in enumerate(rows):
            key = self.steps.key(row)
            if key not in keys and key not in self.taken and self.history.find(key) is None:
                keys.add(key)
                picks.append(pick)
        return picks

    def _sample(self, goals: Ints, temperature: float = 1.0) -> tuple[Ints, Floats]:
        uniforms = self.rng.random((len(goals), len(self.steps.sizes)))
        return self.policy.sample(self.weights, uniforms, goals, temperature=temperature)

    def _joint(self, rows: Sequence[Tokens], goal: int) -> Floats:
        tokens = np.array(rows, dtype=np.int64)
        forward = self.policy.forward(self.weights, tokens, np.full(len(tokens), goal))
        joint: Floats = forward.chosen().sum(axis=1).astype(np.float64)
        return joint

    def _put(self, slot: int, row: Sequence[int], log_prob: float) -> None:
        self.filled[slot] = (tuple(row), log_prob)
        self.taken.add(self.steps.key(row))

    def _offer(self, samples: Iterable[tuple[list[int], float, int]], keep: bool) -> None:
        """Puts new architectures into free slots of their goal; ``keep`` collects those tried before."""
        for row, log_prob, goal in samples:
            key = self.steps.key(row)
            tried = self.history.find(key)
            if tried is not None:
                if keep:
                    self.repeats.append((tuple(row), goal, tried))
                continue
            free = [slot for slot in self._free() if self.goals[slot] == goal]
            if free and key not in self.taken:
                self._put(free[0], row, log_prob)

    def _free(self) -> list[int]:
        return [slot for slot in range(self.settings.batch) if slot not in self.filled]

    def _fall_back(self) -> None:
        """Uniform draws, then whatever is left of a small space, then repeats."""
        steps = len(self.steps.sizes)
        for _ in range(_UNIFORM_TRIES):
            if self._free():
                self._force(self.rng.integers(self.steps.sizes, size=(self.settings.batch, steps)))
        if self._free() and self.steps.cardinality <= _ENUMERABLE:
            self._force(self.rng.permutation(np.indices(self.steps.sizes).reshape(steps, -1).T))
        for slot in self._free():
            tokens, log_probs = self._sample(self.goals[slot : slot + 1])
            self.filled[slot] = (tuple(tokens[0].tolist()), float(log_probs[0]))

    def _force(self, tokens: Ints) -> None:
        rows = tokens.tolist()
        for slot, pick in zip(self._free(), self._new(rows), strict=False):
            self._put(slot, rows[pick], float(self._joint([rows[pick]], int(self.goals[slot]))[0]))
