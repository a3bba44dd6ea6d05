"""Adam (Kingma & Ba 2014) on one flat vector, ascending."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mnas.controllers.arrays import Floats

_BETA2 = 0.999


@dataclass(frozen=True, slots=True)
class Slots:
    """Adam's running moments ``[weights]`` and how many steps made them."""

    first: Floats
    second: Floats
    count: int = 0

    @classmethod
    def zeros(cls, weights: Floats) -> Slots:
        """The state before the first step on ``weights``."""
        return cls(np.zeros_like(weights), np.zeros_like(weights))


def ascend(
    weights: Floats,
    gradient: Floats,
    slots: Slots,
    *,
    learning_rate: float,
    clip_norm: float,
    beta1: float = 0.9,
    epsilon: float = 1e-8,
) -> tuple[Floats, Slots]:
    """One step uphill.

    Args:
        weights: ``[weights]``; left as they are.
        gradient: ``[weights]``.
        slots: The optimizer's state.
        learning_rate: Step size.
        clip_norm: A longer gradient is scaled to this norm; 0 leaves it.
        beta1: Decay of the first moment.
        epsilon: Added to the root of the second.

    Returns:
        New weights and new slots.
    """
    norm = float(np.sqrt(gradient @ gradient))
    if clip_norm and norm > clip_norm:
        gradient = gradient * (clip_norm / norm)
    count = slots.count + 1
    first = beta1 * slots.first + (1 - beta1) * gradient
    second = _BETA2 * slots.second + (1 - _BETA2) * gradient * gradient
    rate = learning_rate * math.sqrt(1 - _BETA2**count) / (1 - beta1**count)
    return weights + rate * first / (np.sqrt(second) + epsilon), Slots(first, second, count)
