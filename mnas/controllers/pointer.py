"""Steps that point to earlier ones: attention over what the controller has decided so far, in NumPy.

Choice j of a step scores ``v . tanh(W1 a_j + W2 h)``, where h is the LSTM's output at the step and the anchor a_j its
first output that has read the decision the choice stands for: the anchor points of NAS (Zoph & Le 2016, section 3.3)
and the indices of ENAS (Pham et al. 2018, section 2). A choice that stands for no decision has a learned anchor.

A softmax over the scores picks one choice. A yes-or-no decision has the logits [-score, score], as in ENAS. So the
probability of yes is sigmoid(2 score): that of NAS, sigmoid(score), with v doubled.
What the LSTM reads next is the anchor that was picked or, after yes-or-no decisions, the sum of those that were,
divided by one more than their number (ENAS). Weights are one set per tag: they serve any number of choices and steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnas.controllers.arrays import Floats, Ints
from mnas.controllers.steps import Steps

Views = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Pointer:
    """How one step of the LSTM points.

    Attributes:
        kind: Which set of weights it uses.
        learned: How many choices, the first ones, stand for no decision.
        anchors: What the other choices stand for, as indices into the LSTM's outputs with the zero state first.
        yes_no: Whether every anchor is taken or not; else one choice is picked.
    """

    kind: int
    learned: int
    anchors: tuple[int, ...]
    yes_no: bool

    def seen(self, view: Views, outputs: Sequence[Floats] | Floats) -> Floats:
        """What the choices look like, ``[choices, rows, hidden]``; the outputs start with the zero state."""
        rows, hidden = outputs[0].shape
        learned = view["learned"][self.kind, : self.learned, None]
        own = np.broadcast_to(learned, (self.learned, rows, hidden))
        return np.concatenate([own, *(outputs[anchor][None] for anchor in self.anchors)])

    def attended(self, view: Views, seen: Floats, output: Floats) -> Floats:
        """``tanh(W1 a_j + W2 h)``, ``[choices, rows, hidden]``."""
        hidden = output.shape[1]
        keys = (seen.reshape(-1, hidden) @ view["key"][self.kind]).reshape(seen.shape)
        result: Floats = np.tanh(keys + output @ view["query"][self.kind])
        return result

    def logits(self, view: Views, attended: Floats) -> Floats:
        """``[steps, rows, choices]``: one step that picks, or two choices for each yes-or-no step."""
        scores = attended @ view["score"][self.kind]
        return np.stack([-scores, scores], axis=-1) if self.yes_no else scores.T[None]

    def read(self, seen: Floats, tokens: Ints) -> Floats:
        """What is read next, ``[rows, hidden]``, after tokens ``[steps, rows]``."""
        result: Floats = (self._parts(seen, tokens)[:, :, None] * seen).sum(axis=0)
        return result

    def back_from_read(self, seen: Floats, tokens: Ints, dread: Floats) -> Floats:
        """The gradient at ``seen``, given that at what was read."""
        result: Floats = self._parts(seen, tokens)[:, :, None] * dread
        return result

    def back_from_logits(
        self, view: Views, grad: Views, attended: Floats, seen: Floats, output: Floats, dlogits: Floats
    ) -> tuple[Floats, Floats]:
        """The gradients at ``seen`` and ``output``, given that at the logits; adds those of the weights to ``grad``."""
        kind, hidden = self.kind, output.shape[1]
        dscores = dlogits[:, :, 1] - dlogits[:, :, 0] if self.yes_no else dlogits[0].T
        grad["score"][kind] += np.tensordot(dscores, attended, axes=2)
        raw = dscores[:, :, None] * view["score"][kind] * (1 - attended * attended)
        flat, dquery = raw.reshape(-1, hidden), raw.sum(axis=0)
        grad["key"][kind] += seen.reshape(-1, hidden).T @ flat
        grad["query"][kind] += output.T @ dquery
        return (flat @ view["key"][kind].T).reshape(seen.shape), dquery @ view["query"][kind].T

    def back_from_seen(self, grad: Views, dseen: Floats, doutputs: Floats) -> None:
        """Adds the gradient at ``seen`` to those of the learned anchors and of the outputs, zero state left out."""
        grad["learned"][self.kind, : self.learned] += dseen[: self.learned].sum(axis=1)
        for anchor, gradient in zip(self.anchors, dseen[self.learned :], strict=True):
            doutputs[anchor - 1] += gradient

    def _parts(self, seen: Floats, tokens: Ints) -> Floats:
        """How much of each choice is read, ``[choices, rows]``."""
        if not self.yes_no:
            return (np.arange(len(seen))[:, None] == tokens).astype(seen.dtype)
        return tokens.astype(seen.dtype) / (1 + tokens.sum(axis=0)).astype(seen.dtype)


@dataclass(frozen=True, slots=True)
class Tick:
    """One step of the LSTM and the decisions read off it: one, or a run of yes-or-no decisions.

    Attributes:
        steps: Which decisions.
        pointer: ``None`` for a plain softmax.
    """

    steps: slice
    pointer: Pointer | None = None


def pointer_kinds(steps: Steps) -> tuple[str, ...]:
    """The tags of the steps that point, each of which has a set of weights."""
    return tuple(dict.fromkeys(tag for step, tag in enumerate(steps.tags) if steps.points(step)))


def ticks_of(steps: Steps) -> tuple[Tick, ...]:
    """The LSTM's steps: yes-or-no decisions in a row share one if they are of one tag and independent."""
    kinds = pointer_kinds(steps)
    ticks: list[Tick] = []
    tick_of: list[int] = []
    for step, (size, tag) in enumerate(zip(steps.sizes, steps.tags, strict=True)):
        tick = Tick(slice(step, step + 1))
        if points := steps.points(step):
            # The output of tick t is number t + 1, and the first that has read t's decision is the one after it.
            anchors = tuple(tick_of[point] + 2 for point in points)
            yes_no = steps.yes_or_no(step)
            learned = 0 if yes_no else size - len(points)
            tick = Tick(tick.steps, Pointer(kinds.index(tag), learned, anchors, yes_no))
        joined = _joined(ticks[-1], tick, len(ticks)) if ticks else None
        if joined:
            ticks[-1] = joined
        else:
            ticks.append(tick)
        tick_of.append(len(ticks) - 1)
    return tuple(ticks)


def _joined(last: Tick, new: Tick, output: int) -> Tick | None:
    """Both as one tick, where the new one is independent of the last, whose output is number ``output``."""
    one, other = last.pointer, new.pointer
    if one is None or other is None or one.kind != other.kind or not (one.yes_no and other.yes_no):
        return None
    if other.anchors[0] > output:
        return None
    steps = slice(last.steps.start, new.steps.stop)
    return Tick(steps, Pointer(one.kind, 0, one.anchors + other.anchors, yes_no=True))
