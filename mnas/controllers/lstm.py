"""One layer of long short-term memory in NumPy: a step forward, and back-propagation through all of them."""

from __future__ import annotations

import numpy as np

from mnas.controllers.arrays import Floats


class Lstm:
    """The arithmetic of a layer whose gates are i, f, g and o; it holds no weights.

    Args:
        hidden: Units.
    """

    def __init__(self, hidden: int) -> None:
        self.hidden = hidden
        sigmoid = np.arange(4 * hidden) // hidden != 2
        # float32 holds these exactly, and takes on the type of whatever it meets.
        self._half: Floats = np.where(sigmoid, 0.5, 1.0).astype(np.float32)
        self._lift: Floats = np.where(sigmoid, 0.5, 0.0).astype(np.float32)

    def scaled(self, weights: Floats) -> Floats:
        """Weights ``[..., 4 * hidden]`` as ``step`` needs them: those of all gates but g are halved.

        Since sigmoid(x) = (1 + tanh(x / 2)) / 2, one tanh serves all gates: the fastest form in NumPy.
        """
        result: Floats = weights * self._half
        return result

    def step(self, gates: Floats, recurrent: Floats, cell: Floats, output: Floats) -> tuple[Floats, Floats]:
        """One step; returns the cell and the output, ``[rows, hidden]``.

        Args:
            gates: What the input does to the gates, by ``scaled`` weights, ``[rows, 4 * hidden]``; afterwards it
                holds the activated i, f, g, o.
            recurrent: ``scaled`` weights, ``[hidden, 4 * hidden]``.
            cell: Before the step.
            output: Before the step.
        """
        hidden = self.hidden
        gates += output @ recurrent
        np.tanh(gates, out=gates)
        gates *= self._half
        gates += self._lift
        new = gates[:, hidden : 2 * hidden] * cell
        new += gates[:, :hidden] * gates[:, 2 * hidden : 3 * hidden]
        return new, gates[:, 3 * hidden :] * np.tanh(new)


class Unrolled:
    """Back-propagation through the steps of one layer, one after another from the last.

    Args:
        recurrent: Unscaled weights, ``[hidden, 4 * hidden]``.
        gates: As `Lstm.step` left them, ``[steps, rows, 4 * hidden]``.
        cells: With the zero state first, ``[steps + 1, rows, hidden]``.
        doutputs: The gradient at every output, ``[steps, rows, hidden]``; what is added to it for a step counts until
            that step is gone back.
    """

    def __init__(self, recurrent: Floats, gates: Floats, cells: Floats, doutputs: Floats) -> None:
        steps, rows, hidden = doutputs.shape
        i, f, g, o = (gates[..., part * hidden : (part + 1) * hidden] for part in range(4))
        squashed = np.tanh(cells[1:])
        # What a unit of dcell (for i, f and g) and of doutput (for o) does to the gates.
        slope = np.empty((steps, rows, 4, hidden), doutputs.dtype)
        slope[:, :, 0] = g * i * (1 - i)
        slope[:, :, 1] = cells[:-1] * f * (1 - f)
        slope[:, :, 2] = i * (1 - g * g)
        slope[:, :, 3] = squashed * o * (1 - o)
        self.doutputs = doutputs
        self._slope, self._forget = slope, f
        self._into_cell = o * (1 - squashed * squashed)
        self._backwards = np.ascontiguousarray(recurrent.T)
        self._doutput = self._dcell = np.zeros((rows, hidden), doutputs.dtype)

    def back(self, step: int) -> Floats:
        """The gradient at the pre-activations of a step's gates, ``[rows, 4 * hidden]``."""
        doutput = self._doutput + self.doutputs[step]
        dcell = self._dcell + doutput * self._into_cell[step]
        raw = self._slope[step]
        raw[:, :3] *= dcell[:, None]
        raw[:, 3] *= doutput
        dgates: Floats = raw.reshape(len(raw), -1)
        self._doutput = dgates @ self._backwards
        self._dcell = dcell * self._forget[step]
        return dgates

    @property
    def dgates(self) -> Floats:
        """That of all steps that were gone back, ``[steps, rows, 4 * hidden]``."""
        steps, rows = self._slope.shape[:2]
        return self._slope.reshape(steps, rows, -1)
