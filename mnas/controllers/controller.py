"""The controller as pure functions: state and history in, proposals or a new state out.

Proposals do not change the state, and nothing here knows Optuna: what a batch of trials proposes is a
function of the seed, the state and the trials before it, so that a search can stop and resume anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnas.controllers.adam import Slots
from mnas.controllers.arrays import Floats, Ints
from mnas.controllers.history import History, Observation
from mnas.controllers.policy import Policy
from mnas.controllers.ppo import Batch, Elite, learn
from mnas.controllers.proposals import Proposals, draw
from mnas.controllers.settings import Settings
from mnas.controllers.steps import Steps
from search_spaces.decision import Tokens

Seen = tuple[int, Tokens, tuple[float, ...] | None]


@dataclass(frozen=True, slots=True)
class State:
    """What learning changes.

    Attributes:
        weights: The policy's, ``[weight_count]``.
        slots: The optimizer's.
        baseline: Moving average of the reward a goal, ``[goals]``; NaN before the first.
    """

    weights: Floats
    slots: Slots
    baseline: Floats


class Controller:
    """One algorithm on one list of steps.

    Args:
        steps: The decisions.
        settings: How it samples and learns.
        seed: Of every draw, >= 0.
        goals: How many rewards it serves.
    """

    def __init__(self, steps: Steps, settings: Settings, *, seed: int, goals: int = 1) -> None:
        self.steps = steps
        self.settings = settings
        self.seed = seed
        self.goals = goals
        self.policy = Policy(
            steps if settings.pointers else replace(steps, points_to=()),
            hidden=settings.hidden,
            embedding=settings.embedding,
            contexts=goals,
            share=settings.share,
            temperature=settings.softmax_temperature,
            tanh_constant=settings.tanh_constant,
            plain_tanh=settings.plain_tanh,
            layers=settings.layers,
        )
        self._last: tuple[State, tuple[int, list[Seen]], Proposals] | None = None

    def initial(self) -> State:
        """The state before the first batch."""
        weights = self.policy.initial(np.random.default_rng([self.seed, 0, 0]), self.settings.init)
        return State(weights, Slots.zeros(weights), np.full(self.goals, np.nan))

    def adopt(self, other: Controller, state: State) -> State:
        """The state of a controller whose steps were others: what both know is kept, what is new starts afresh."""
        fresh = self.initial()
        carry = self.policy.carrier(other.policy)
        weights = carry(state.weights, fresh.weights)
        slots = Slots(
            carry(state.slots.first, fresh.slots.first),
            carry(state.slots.second, fresh.slots.second),
            state.slots.count,
        )
        return State(weights, slots, state.baseline)

    def propose(self, state: State, history: History, index: int) -> Proposals:
        """The architectures of batch ``index``, given all trials before it."""
        # An update asks again for what its batch was drawn from; the answer is a function of these three.
        known = (index, [(seen.number, seen.key, seen.rewards) for seen in history.observations])
        if self._last is not None and self._last[0] is state and self._last[1] == known:
            return self._last[2]
        rng = np.random.default_rng([self.seed, 1, index])
        drawn = draw(self.policy, self.settings, state.weights, history, index, rng)
        self._last = (state, known, drawn)
        return drawn

    def update(self, state: State, history: History, index: int, batch: Sequence[Observation]) -> State:
        """Learns from batch ``index``.

        Args:
            state: Before.
            history: All trials up to and with the batch.
            index: The batch's index.
            batch: Its trials.
        """
        told = [observation for observation in batch if observation.rewards is not None]
        rows = [(observation.tokens, self._goal(observation.number), observation.log_prob) for observation in told]
        rewards = [observation.rewards[self._goal(observation.number)] for observation in told if observation.rewards]
        first = min((observation.number for observation in batch), default=0)
        before = History(self.steps, [seen for seen in history.observations if seen.number < first])
        if self.settings.repeats and told:
            for tokens, goal, key in self.propose(state, before, index).repeats:
                reward = history.reward(key, goal)
                if reward is not None:
                    rows.append((tokens, goal, None))
                    rewards.append(reward)
        advantages, baseline = self._advantages(history, state.baseline, [row[1] for row in rows], rewards)
        learned = Batch(
            _rows([row[0] for row in rows], len(self.steps.sizes)),
            np.array([row[1] for row in rows], dtype=np.int64),
            advantages,
            np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=np.float64),
        )
        weights, slots = learn(self.policy, self.settings, state.weights, state.slots, learned, self._elite(history))
        return State(weights, slots, baseline)

    def _goal(self, number: int) -> int:
        return number % self.goals

    def _advantages(
        self, history: History, baseline: Floats, goals: list[int], rewards: list[float]
    ) -> tuple[Floats, Floats]:
        """Advantages ``[rows]`` and the new baseline ``[goals]``."""
        values, ids = np.array(rewards, dtype=np.float64), np.array(goals, dtype=np.int64)
        values = np.sign(values) * np.abs(values) ** self.settings.power
        if self.settings.advantage == "rank":
            ranks = np.zeros(len(values))
            for goal in range(self.goals):
                ranks[ids == goal] = history.quantile(values[ids == goal], goal)
            spread = ranks.std() if len(ranks) > 1 else 1.0
            return (ranks - ranks.mean() if len(ranks) > 1 else ranks - 0.5) / (spread + 1e-8), baseline
        result, after = np.zeros(len(values)), baseline.copy()
        for goal in range(self.goals):
            mine = ids == goal
            if not mine.any():
                continue
            mean = float(values[mine].mean())
            if np.isnan(after[goal]):
                after[goal] = mean
            result[mine] = values[mine] - after[goal]
            decay = self.settings.baseline_decay
            after[goal] = decay * after[goal] + (1 - decay) * mean
        return result, after

    def _elite(self, history: History) -> Elite:
        tokens: list[Tokens] = []
        goals: list[int] = []
        for goal in range(self.goals if self.settings.queue else 0):
            best = history.best(self.settings.queue, goal)
            tokens += [item[0] for item in best]
            goals += [goal] * len(best)
        return Elite(_rows(tokens, len(self.steps.sizes)), np.array(goals, dtype=np.int64))


def _rows(tokens: Sequence[Tokens], steps: int) -> Ints:
    return np.array(tokens, dtype=np.int64).reshape(-1, steps)
