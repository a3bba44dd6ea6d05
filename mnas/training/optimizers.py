"""Optimizer steps by TensorFlow's fused kernels, one operation a variable.

A Keras optimizer adds some ten operations a variable to the graph; for the hundred small variables of a candidate
their optimization doubles the time before the first step, which a proxy training of seconds cannot hide.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from mnas.training.recipe import Optimizer

Apply = Callable[[Sequence[tf.Tensor], tf.Tensor], None]

MOMENTUM = 0.9
RMS_DECAY = 0.9
RMS_EPSILON = 1e-3


def make_apply(
    kind: Optimizer, variables: Sequence[tf.Variable], weight_decay: float
) -> tuple[Apply, list[tf.Variable]]:
    """A function of (gradients, learning rate) that updates `variables`, and the slots that it keeps beside them.

    Args:
        kind: `sgd`: Nesterov momentum 0.9. `rmsprop`: decay 0.9, momentum 0.9, epsilon 1e-3, mean squares from 1, as
            in the published MnasNet training.
        variables: What to update.
        weight_decay: L2 factor on variables of two or more dimensions.
    """
    update, slots = {"sgd": _sgd, "rmsprop": _rmsprop}[kind](variables)
    decayed = [weight_decay > 0 and len(variable.shape) > 1 for variable in variables]

    def apply(gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        for index, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
            if decayed[index]:
                gradient = gradient + weight_decay * variable
            update(index, variable, gradient, rate)

    return apply, slots


_Update = Callable[[int, tf.Variable, tf.Tensor, tf.Tensor], None]


def _sgd(variables: Sequence[tf.Variable]) -> tuple[_Update, list[tf.Variable]]:
    momenta = [tf.Variable(tf.zeros_like(variable)) for variable in variables]

    def update(index: int, variable: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=momenta[index].handle,
            lr=rate,
            grad=gradient,
            momentum=MOMENTUM,
            use_nesterov=True,
        )

    return update, momenta


def _rmsprop(variables: Sequence[tf.Variable]) -> tuple[_Update, list[tf.Variable]]:
    squares = [tf.Variable(tf.ones_like(variable)) for variable in variables]
    momenta = [tf.Variable(tf.zeros_like(variable)) for variable in variables]

    def update(index: int, variable: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=squares[index].handle,
            mom=momenta[index].handle,
            lr=rate,
            rho=RMS_DECAY,
            momentum=MOMENTUM,
            epsilon=RMS_EPSILON,
            grad=gradient,
        )

    return update, [*squares, *momenta]
