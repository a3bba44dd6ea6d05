"""A moving average of a network's weights over the steps of its training."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

_DECAY = 0.9999
"""MnasNet's and the reference definitions'; it is reached after 90,000 steps, for it climbs with their number."""


class MovingAverage:
    """The average, kept beside the network.

    Attributes:
        shadows: The averaged values, in the order of the variables.
        state: All that a checkpoint has to keep.
    """

    def __init__(self, variables: Sequence[tf.Variable]) -> None:
        """Begins with the values that the variables have."""
        self._variables = [one for one in variables if one.dtype.is_floating]
        self.shadows = [tf.Variable(one, trainable=False) for one in self._variables]
        self._count = tf.Variable(0.0, trainable=False)
        self.state = [*self.shadows, self._count]

    def update(self) -> None:
        """Takes in the values of a step; to be called in the step's graph."""
        self._count.assign_add(1.0)
        decay = tf.minimum(_DECAY, (1.0 + self._count) / (10.0 + self._count))
        for shadow, variable in zip(self.shadows, self._variables, strict=True):
            shadow.assign_add((1.0 - decay) * (variable - shadow))

    def restart(self) -> None:
        """Begins anew with the values that the variables have."""
        self._count.assign(0.0)
        for shadow, variable in zip(self.shadows, self._variables, strict=True):
            shadow.assign(variable)

    def swap(self) -> None:
        """Exchanges the average and the values of the network; a second call undoes it."""
        for shadow, variable in zip(self.shadows, self._variables, strict=True):
            value = variable.numpy()
            variable.assign(shadow)
            shadow.assign(value)
