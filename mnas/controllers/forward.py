"""What a policy's pass over given tokens leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnas.controllers.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Trace:
    """What went through one layer of the LSTM.

    Attributes:
        gates: Activated i, f, g, o, ``[ticks, rows, 4 * hidden]``.
        cells: Cell states with the zero state first, ``[ticks + 1, rows, hidden]``.
        outputs: Hidden states with the zero state first, ``[ticks + 1, rows, hidden]``.
    """

    gates: Floats
    cells: Floats
    outputs: Floats


@dataclass(frozen=True, slots=True)
class Forward:
    """What one teacher-forced pass leaves for the backward pass; a tick is a step of the LSTM.

    Attributes:
        tokens: ``[rows, steps]``.
        contexts: ``[rows]``.
        log_probs: Log-probability of every choice, ``[steps, rows, choices]``.
        slopes: Derivative of every logit by what it was before temperature and tanh, of the same shape; ``None`` where
            neither is used.
        layers: Of the LSTM, the lowest first; what the decisions are read off is the last one's outputs.
        pointed: By tick that points, what `Pointer.seen` and `Pointer.attended` made of its choices.
    """

    tokens: Ints
    contexts: Ints
    log_probs: Floats
    slopes: Floats | None
    layers: tuple[Trace, ...]
    pointed: dict[int, tuple[Floats, Floats]]

    @property
    def outputs(self) -> Floats:
        """Of the last layer, with the zero state first, ``[ticks + 1, rows, hidden]``."""
        return self.layers[-1].outputs

    def chosen(self) -> Floats:
        """Log-probability of each token, ``[rows, steps]``."""
        picked = np.take_along_axis(self.log_probs, self.tokens.T[:, :, None], axis=2)
        return np.ascontiguousarray(picked[:, :, 0].T)

    def entropy(self) -> Floats:
        """Entropy of each softmax in nats, ``[rows, steps]``."""
        entropy: Floats = -(np.exp(self.log_probs) * self.log_probs).sum(axis=2).T
        return entropy
