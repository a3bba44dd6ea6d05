"""The gradients of a policy's weights: from the logits to the LSTM's outputs, from its gates to what it read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnas.controllers.arrays import Floats
from mnas.controllers.forward import Forward
from mnas.controllers.layout import Layout
from mnas.controllers.lstm import Unrolled


class Backward:
    """One backward pass.

    Args:
        layout: Of the weights.
        forward: The pass before it.
        view: The weights, by name.
        grad: Their gradients, 0 at first; every method adds to them.
    """

    def __init__(self, layout: Layout, forward: Forward, view: dict[str, Floats], grad: dict[str, Floats]) -> None:
        self.layout = layout
        self.forward = forward
        self.view = view
        self.grad = grad

    def from_logits(self, dlogits: Floats) -> Floats:
        """The gradient at every output, ``[ticks, rows, hidden]``, given that at the logits."""
        layout, view, grad, outputs = self.layout, self.view, self.grad, self.forward.outputs
        dplain = dlogits[layout.plain_steps, :, : layout.choices]
        grad["head_bias"] += dplain.sum(axis=1)
        dheads = outputs[1:][layout.plain_ticks].transpose(0, 2, 1) @ dplain
        for row, group in enumerate(layout.groups):
            grad["head"][group] += dheads[row]
        plain: Floats = dplain @ view["head"][layout.groups].transpose(0, 2, 1)
        if not layout.pointers:
            return plain
        doutputs = np.zeros_like(outputs[1:])
        doutputs[layout.plain_ticks] = plain
        for tick, (seen, attended) in self.forward.pointed.items():
            pointer = layout.pointers[tick]
            some = dlogits[layout.ticks[tick].steps, :, : 2 if pointer.yes_no else len(seen)]
            dseen, doutput = pointer.back_from_logits(view, grad, attended, seen, outputs[tick + 1], some)
            doutputs[tick] += doutput
            pointer.back_from_seen(grad, dseen, doutputs)
        return doutputs

    def returning(self, doutputs: Floats) -> Callable[[int, Floats], None] | None:
        """What hands the gradient at a tick's gates on to the outputs it read; ``None`` where no step points."""
        if not self.layout.pointers:
            return None
        view, grad, ticks = self.view, self.grad, self.layout.ticks

        def back(tick: int, dgates: Floats) -> None:
            pointer = self.layout.pointers.get(tick - 1)
            if pointer is None:
                return
            seen, tokens = self.forward.pointed[tick - 1][0], self.forward.tokens.T[ticks[tick - 1].steps]
            read, weights = pointer.read(seen, tokens), view["read"][pointer.kind]
            dinput = dgates @ view["kernel"].T
            grad["kernel"] += (read @ weights).T @ dgates
            grad["read"][pointer.kind] += read.T @ dinput
            pointer.back_from_seen(grad, pointer.back_from_read(seen, tokens, dinput @ weights.T), doutputs)

        return back

    def through_layers(self, doutputs: Floats) -> None:
        """The gradients of the LSTM and of what drives it, given that at every output of its last layer."""
        traces, last = self.forward.layers, len(self.forward.layers) - 1
        runs = [
            Unrolled(
                self.view["lift_recurrent"][layer - 1] if layer else self.view["recurrent"],
                trace.gates,
                trace.cells,
                doutputs if layer == last else np.zeros_like(doutputs),
            )
            for layer, trace in enumerate(traces)
        ]
        returning = self.returning(doutputs)
        for tick in reversed(range(len(doutputs))):
            for layer in range(last, 0, -1):
                runs[layer - 1].doutputs[tick] += runs[layer].back(tick) @ self.view["lift"][layer - 1].T
            dgates = runs[0].back(tick)
            if returning is not None:
                returning(tick, dgates)
        self.from_gates(runs[0].dgates)
        for layer in range(1, last + 1):
            self._from_lift(layer, runs[layer].dgates)

    def _from_lift(self, layer: int, dgates: Floats) -> None:
        """The gradients of a layer above the first, given that at all its gates."""
        below, own = (self.forward.layers[one].outputs for one in (layer - 1, layer))
        hidden, flat = own.shape[2], dgates.reshape(-1, dgates.shape[2])
        self.grad["lift"][layer - 1] += below[1:].reshape(-1, hidden).T @ flat
        self.grad["lift_recurrent"][layer - 1] += own[:-1].reshape(-1, hidden).T @ flat
        self.grad["lift_bias"][layer - 1] += flat.sum(axis=0)

    def from_gates(self, dgates: Floats) -> None:
        """The gradients of the first layer and of what drives it, given that at its gates."""
        layout, view, grad, forward = self.layout, self.view, self.grad, self.forward
        (embedding, width), hidden = view["kernel"].shape, len(view["recurrent"])
        grad["bias"] += dgates.sum(axis=(0, 1))
        before = forward.layers[0].outputs[:-1]
        grad["recurrent"] += before.reshape(-1, hidden).T @ dgates.reshape(-1, width)
        # What a plain step feeds is one of few embeddings: the gradients of those that are equal are added first.
        fed = forward.tokens.T[layout.feeding][:, None, :]
        chosen = (fed == np.arange(layout.choices)[:, None]).astype(dgates.dtype)
        dstart = np.zeros((len(view["start"]), width), dgates.dtype)
        np.add.at(dstart, forward.contexts, dgates[0])
        dembed = np.zeros((*view["embed"].shape[:2], width), dgates.dtype)
        for group, of_step in zip(layout.feeding_groups, chosen @ dgates[layout.fed_ticks], strict=True):
            dembed[group] += of_step
        equal = dembed.reshape(-1, width)
        grad["kernel"] += view["start"].T @ dstart + view["embed"].reshape(-1, embedding).T @ equal
        grad["start"] += dstart @ view["kernel"].T
        grad["embed"] += (equal @ view["kernel"].T).reshape(view["embed"].shape)
