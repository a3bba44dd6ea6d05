"""How a controller learns from a batch: PPO in NASNet's form, or REINFORCE, with an optional priority queue.

Sources: Schulman et al. 2017 (the clipped objective), NASNet (Zoph et al. 2017, appendix A: PPO over the joint
probability of an architecture, no critic), NAS (Zoph & Le 2016, section 3.2: REINFORCE), Abolafia et al. 2018
(priority queue).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnas.controllers.adam import Slots, ascend
from mnas.controllers.arrays import Floats, Ints
from mnas.controllers.policy import Policy
from mnas.controllers.settings import Settings


@dataclass(frozen=True, slots=True)
class Batch:
    """Architectures to learn from.

    Attributes:
        tokens: ``[rows, steps]``; -1 where the trial did not take the decision.
        contexts: The goal of each row, ``[rows]``.
        advantages: ``[rows]``.
        log_probs: Of the behaviour that proposed them, ``[rows]``; NaN means the present policy's own.
    """

    tokens: Ints
    contexts: Ints
    advantages: Floats
    log_probs: Floats


@dataclass(frozen=True, slots=True)
class Elite:
    """Architectures to make likelier whatever the batch says: tokens ``[rows, steps]``, goals ``[rows]``."""

    tokens: Ints
    contexts: Ints


def learn(
    policy: Policy, settings: Settings, weights: Floats, slots: Slots, batch: Batch, elite: Elite
) -> tuple[Floats, Slots]:
    """One update: ``settings.epochs`` full-batch steps.

    Args:
        policy: The controller's shape.
        settings: How to learn.
        weights: ``[weight_count]``; left as they are.
        slots: The optimizer's state.
        batch: May have no rows.
        elite: May have no rows.

    Returns:
        New weights and new optimizer state.
    """
    tokens = np.concatenate([batch.tokens, elite.tokens])
    contexts = np.concatenate([batch.contexts, elite.contexts])
    rows, elites = len(batch.tokens), len(elite.tokens)
    if not len(tokens):
        return weights, slots
    taken = (tokens >= 0).astype(np.float64)
    filled = np.where(tokens >= 0, tokens, 0)
    weight = np.zeros(len(tokens))
    weight[rows:] = settings.queue_weight / max(1, elites)
    entropy = np.zeros(len(tokens))
    entropy[:rows] = settings.entropy / max(1, rows)
    skip_weight = np.zeros(len(tokens))
    skip_weight[:rows] = settings.skip_weight / max(1, rows)
    skip = (skip_weight, settings.skip_rate) if settings.skip_weight else None
    old, advantages = batch.log_probs, batch.advantages
    for _ in range(settings.epochs if settings.loss == "ppo" else 1):
        forward = policy.forward(weights, filled, contexts)
        joint = (forward.chosen() * taken)[:rows].sum(axis=1)
        old = np.where(np.isnan(old), joint, old)
        if settings.entropy_reward:
            advantages = batch.advantages + settings.entropy_reward * (forward.entropy() * taken)[:rows].sum(axis=1)
        weight[:rows] = _slope(settings, joint - old, advantages) / max(1, rows)
        gradient = policy.gradient(weights, forward, weight[:, None] * taken, entropy[:, None] * taken, skip)
        weights, slots = ascend(
            weights,
            gradient,
            slots,
            learning_rate=settings.learning_rate,
            clip_norm=settings.clip_norm,
            beta1=settings.beta1,
            epsilon=settings.epsilon,
        )
    return weights, slots


def _slope(settings: Settings, log_ratio: Floats, advantages: Floats) -> Floats:
    """Derivative of the objective by each row's log-probability, ``[rows]``."""
    if settings.loss == "reinforce":
        return advantages
    ratio = np.exp(np.clip(log_ratio, -20.0, 20.0))
    beyond = np.where(advantages > 0, ratio > 1 + settings.clip_ratio, ratio < 1 - settings.clip_ratio)
    return np.where(beyond, 0.0, ratio * advantages)
