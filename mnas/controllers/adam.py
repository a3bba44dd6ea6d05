"""Adam (Kingma & Ba 2014) on one flat vector, ascending."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mnas.controllers.arrays import Floats

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


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
    weights: Floats, gradient: Floats, slots: Slots, *, learning_rate: float, clip_norm: float
) -> tuple[Floats, Slots]:
    """One step uphill.

    Args:
        weights: ``[weights]``; left as they are.
        gradient: ``[weights]``.
        slots: The optimizer's state.
        learning_rate: Step size.
        clip_norm: A longer gradient is scaled to this norm; 0 leaves it.

    Returns:
        New weights and new slots.
    """
    norm = float(np.sqrt(gradient @ gradient))
    if clip_norm and norm > clip_norm:
        gradient = gradient * (clip_norm / norm)
    count = slots.count + 1
    first = _BETA1 * slots.first + (1 - _BETA1) * gradient
    second = _BETA2 * slots.second + (1 - _BETA2) * gradient * gradient
    rate = learning_rate * math.sqrt(1 - _BETA2**count) / (1 - _BETA1**count)
    return weights + rate * first / (np.sqrt(second) + _EPSILON), Slots(first, second, count)
