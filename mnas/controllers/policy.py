"""The controller's policy: a one-layer LSTM that chooses one token a step, in NumPy.

A recurrent controller after NAS (Zoph & Le 2016, section 3.1) and NASNet (Zoph et al. 2017, appendix A): the token
chosen at one step is embedded and fed to the next; each step has a softmax. Weights are one flat vector, so
that an optimizer is a few vector operations and a checkpoint a single array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnas.controllers.steps import Steps

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
_IMPOSSIBLE = -1e30  # the logit of a padded choice: its probability is exactly 0
# Memory fresh from the system costs more here than the arithmetic in it; once so large an array was freed, glibc
# keeps what is freed.
np.empty(1 << 24, np.uint8)


@dataclass(frozen=True, slots=True)
class Forward:
    """What one teacher-forced pass leaves for the backward pass.

    Attributes:
        tokens: ``[rows, steps]``.
        contexts: ``[rows]``.
        log_probs: Log-probability of every choice, ``[steps, rows, choices]``.
        gates: Activated i, f, g, o, ``[steps, rows, 4 * hidden]``.
        cells: Cell states with the zero state first, ``[steps + 1, rows, hidden]``.
        outputs: Hidden states with the zero state first, ``[steps + 1, rows, hidden]``.
    """

    tokens: Ints
    contexts: Ints
    log_probs: Floats
    gates: Floats
    cells: Floats
    outputs: Floats

    def chosen(self) -> Floats:
        """Log-probability of each token, ``[rows, steps]``."""
        picked = np.take_along_axis(self.log_probs, self.tokens.T[:, :, None], axis=2)
        return np.ascontiguousarray(picked[:, :, 0].T)

    def entropy(self) -> Floats:
        """Entropy of each softmax in nats, ``[rows, steps]``."""
        entropy: Floats = -(np.exp(self.log_probs) * self.log_probs).sum(axis=2).T
        return entropy


class Policy:
    """The shape of a controller: it holds no weights, every method is given them.

    Args:
        steps: The decisions.
        hidden: LSTM units.
        embedding: Length of a token's embedding.
        contexts: How many goals one controller serves; each has its own first input.
        share: ``"tag"``: steps of one tag and size share their embedding and head (a bias of its own is
            left to each); ``"step"``: nothing is shared.
    """

    def __init__(
        self, steps: Steps, *, hidden: int = 64, embedding: int = 32, contexts: int = 1, share: str = "tag"
    ) -> None:
        self.steps = steps
        self.hidden = hidden
        self.embedding = embedding
        self.contexts = contexts
        self.share = share
        names = list(zip(steps.tags if share == "tag" else steps.names, steps.sizes, strict=True))
        distinct = list(dict.fromkeys(names))
        self._group: Ints = np.array([distinct.index(name) for name in names], dtype=np.int64)
        self._choices = max(steps.sizes)
        valid = np.arange(self._choices)[None, :] < np.array(steps.sizes)[:, None]
        self._padding: Floats = np.where(valid, 0.0, _IMPOSSIBLE)
        groups, width = len(distinct), 4 * hidden
        sigmoid = np.arange(width) // hidden != 2
        # float32 holds these exactly, and takes on the type of whatever it meets.
        self._half: Floats = np.where(sigmoid, 0.5, 1.0).astype(np.float32)
        self._lift: Floats = np.where(sigmoid, 0.5, 0.0).astype(np.float32)
        self._shapes: dict[str, tuple[int, ...]] = {
            "start": (contexts, embedding),
            "embed": (groups, self._choices, embedding),
            "kernel": (embedding, width),
            "recurrent": (hidden, width),
            "bias": (width,),
            "head": (groups, hidden, self._choices),
            "head_bias": (len(steps.sizes), self._choices),
        }
        self.weight_count = sum(math.prod(shape) for shape in self._shapes.values())

    def initial(self, rng: np.random.Generator, scale: float = 0.1) -> Floats:
        """Weights uniform in +-``scale``, biases 0, forget bias 1 (NASNet appendix A; Jozefowicz et al. 2015).

        They are float32, twice as fast as float64; every method computes in the type of the weights it is given.
        """
        weights = rng.uniform(-scale, scale, self.weight_count).astype(np.float32)
        views = self.views(weights)
        views["bias"][:] = 0.0
        views["bias"][self.hidden : 2 * self.hidden] = 1.0
        views["head_bias"][:] = 0.0
        return weights

    def views(self, weights: Floats) -> dict[str, Floats]:
        """Named, shaped views into a flat weight (or gradient) vector."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            size = math.prod(shape)
            views[name] = weights[start : start + size].reshape(shape)
            start += size
        return views

    def carrier(self, other: Policy) -> Callable[[Floats, Floats], Floats]:
        """A function ``(theirs, ours) -> ours`` that copies what belongs to steps both policies have."""
        mine, theirs = (dict(zip(p.steps.names, range(len(p.steps.names)), strict=True)) for p in (self, other))
        both = [
            (mine[name], theirs[name], self.steps.sizes[mine[name]])
            for name in self.steps.names
            if name in theirs and self.steps.sizes[mine[name]] == other.steps.sizes[theirs[name]]
        ]

        def carry(source: Floats, target: Floats) -> Floats:
            result = target.copy()
            new, old = self.views(result), other.views(source)
            for name in ("start", "kernel", "recurrent", "bias"):
                new[name][...] = old[name]
            for to, by, size in both:
                new["embed"][self._group[to], :size] = old["embed"][other._group[by], :size]
                new["head"][self._group[to], :, :size] = old["head"][other._group[by], :, :size]
                new["head_bias"][to, :size] = old["head_bias"][by, :size]
            return result

        return carry

    def sample(
        self,
        weights: Floats,
        uniforms: Floats,
        contexts: Ints | None = None,
        *,
        temperature: float = 1.0,
        fixed: Ints | None = None,
    ) -> tuple[Ints, Floats]:
        """Draws architectures.

        Args:
            weights: ``[weight_count]``.
            uniforms: One number in [0, 1) a token, ``[rows, steps]``: the draw is a function of these.
            contexts: The goal of each row, ``[rows]``; all 0 when not given.
            temperature: Divides the logits for the draw.
            fixed: Tokens to keep, ``[rows, steps]``, -1 where the policy chooses.

        Returns:
            Tokens ``[rows, steps]`` and their log-probabilities at temperature 1, ``[rows]``.
        """
        view = self.views(weights)
        rows, count = uniforms.shape
        ids = np.zeros(rows, dtype=np.int64) if contexts is None else contexts
        tokens = np.empty((rows, count), dtype=np.int64)
        total, every = np.zeros(rows), np.arange(rows)
        cell = output = np.zeros((rows, self.hidden), weights.dtype)
        first, embedded, recurrent = self._prepared(view)
        head_bias = view["head_bias"] + self._padding.astype(weights.dtype)
        driven = first[ids]
        for step in range(count):
            cell, output = self._cell(driven, recurrent, cell, output)
            group = self._group[step]
            logits = output @ view["head"][group] + head_bias[step]
            log_probs = _log_softmax(logits)
            draw = log_probs if temperature == 1.0 else _log_softmax(logits / temperature)
            below = np.cumsum(np.exp(draw), axis=1) <= uniforms[:, step, None]
            chosen = np.minimum(below.sum(axis=1), self.steps.sizes[step] - 1)
            if fixed is not None:
                chosen = np.where(fixed[:, step] >= 0, fixed[:, step], chosen)
            tokens[:, step] = chosen
            total += log_probs[every, chosen]
            driven = embedded[group, chosen]
        return tokens, total

    def forward(self, weights: Floats, tokens: Ints, contexts: Ints | None = None) -> Forward:
        """One pass over given tokens ``[rows, steps]``; what ``gradient`` needs."""
        view = self.views(weights)
        rows, count = tokens.shape
        ids = np.zeros(rows, dtype=np.int64) if contexts is None else contexts
        kind = weights.dtype
        first, embedded, recurrent = self._prepared(view)
        gates = np.empty((count, rows, 4 * self.hidden), kind)
        gates[0] = first[ids]
        gates[1:] = embedded[self._group[:-1, None], tokens.T[:-1]]
        cells = np.zeros((count + 1, rows, self.hidden), kind)
        outputs = np.zeros((count + 1, rows, self.hidden), kind)
        for step in range(count):
            cells[step + 1], outputs[step + 1] = self._cell(gates[step], recurrent, cells[step], outputs[step])
        logits = outputs[1:] @ view["head"][self._group] + (view["head_bias"] + self._padding.astype(kind))[:, None, :]
        return Forward(tokens, ids, _log_softmax(logits), gates, cells, outputs)

    def gradient(self, weights: Floats, forward: Forward, token_weight: Floats, entropy_weight: Floats) -> Floats:
        """Gradient of ``sum(token_weight * log_prob + entropy_weight * entropy)``.

        Args:
            weights: ``[weight_count]``, those of the forward pass.
            forward: The pass.
            token_weight: ``[rows, steps]``.
            entropy_weight: ``[rows, steps]``.

        Returns:
            The gradient, ``[weight_count]``.
        """
        probs = np.exp(forward.log_probs)
        token_weight, entropy_weight = token_weight.astype(weights.dtype), entropy_weight.astype(weights.dtype)
        surprise = forward.log_probs - (probs * forward.log_probs).sum(axis=2, keepdims=True)
        dlogits = -probs * (token_weight.T[:, :, None] + entropy_weight.T[:, :, None] * surprise)
        steps, rows = forward.tokens.shape[1], forward.tokens.shape[0]
        every_step, every_row = np.arange(steps)[:, None], np.arange(rows)[None, :]
        dlogits[every_step, every_row, forward.tokens.T] += token_weight.T
        flat = np.zeros_like(weights)
        grad, view = self.views(flat), self.views(weights)
        grad["head_bias"][:] = dlogits.sum(axis=1)
        dheads = forward.outputs[1:].transpose(0, 2, 1) @ dlogits
        for step, group in enumerate(self._group):
            grad["head"][group] += dheads[step]
        doutputs = dlogits @ view["head"][self._group].transpose(0, 2, 1)
        dgates = self._through_time(view["recurrent"], forward, doutputs)
        width = 4 * self.hidden
        grad["bias"][:] = dgates.sum(axis=(0, 1))
        grad["recurrent"][:] = forward.outputs[:-1].reshape(-1, self.hidden).T @ dgates.reshape(-1, width)
        # What is fed back is one of few embeddings: the gradients of those that are equal are added first.
        chosen = (forward.tokens.T[:-1, None, :] == np.arange(self._choices)[:, None]).astype(weights.dtype)
        dstart = np.zeros((self.contexts, width), weights.dtype)
        np.add.at(dstart, forward.contexts, dgates[0])
        dembed = np.zeros((len(view["embed"]), self._choices, width), weights.dtype)
        for group, of_step in zip(self._group, chosen @ dgates[1:], strict=False):
            dembed[group] += of_step
        equal = dembed.reshape(-1, width)
        grad["kernel"][:] = view["start"].T @ dstart + view["embed"].reshape(-1, self.embedding).T @ equal
        grad["start"][:] = dstart @ view["kernel"].T
        grad["embed"][:] = (equal @ view["kernel"].T).reshape(grad["embed"].shape)
        return flat

    def _prepared(self, view: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        """What drives the gates: first inputs ``[contexts, 4 * hidden]``, every embedding, the recurrent weights.

        Gates but g are halved, since sigmoid(x) = (1 + tanh(x / 2)) / 2: one tanh over them all is the fastest form
        in NumPy.
        """
        kernel, bias = view["kernel"] * self._half, view["bias"] * self._half
        flat = view["embed"].reshape(-1, self.embedding) @ kernel + bias
        embedded = flat.reshape(*view["embed"].shape[:2], -1)
        return view["start"] @ kernel + bias, embedded, view["recurrent"] * self._half

    def _cell(self, gates: Floats, recurrent: Floats, cell: Floats, output: Floats) -> tuple[Floats, Floats]:
        """One LSTM step; returns the cell and the output.

        ``gates`` holds what ``_prepared`` made of the input, and afterwards the activated i, f, g, o.
        """
        hidden = self.hidden
        gates += output @ recurrent
        np.tanh(gates, out=gates)
        gates *= self._half
        gates += self._lift
        new = gates[:, hidden : 2 * hidden] * cell
        new += gates[:, :hidden] * gates[:, 2 * hidden : 3 * hidden]
        return new, gates[:, 3 * hidden :] * np.tanh(new)

    def _through_time(self, recurrent: Floats, forward: Forward, doutputs: Floats) -> Floats:
        """Back-propagation through time: gradient at the gates' pre-activations, ``[steps, rows, 4 * hidden]``."""
        steps, rows, hidden = doutputs.shape
        i, f, g, o = (forward.gates[..., part * hidden : (part + 1) * hidden] for part in range(4))
        squashed = np.tanh(forward.cells[1:])
        # What a unit of dcell (for i, f and g) and of doutput (for o) does to the gates.
        slope = np.empty((steps, rows, 4, hidden), doutputs.dtype)
        slope[:, :, 0] = g * i * (1 - i)
        slope[:, :, 1] = forward.cells[:-1] * f * (1 - f)
        slope[:, :, 2] = i * (1 - g * g)
        slope[:, :, 3] = squashed * o * (1 - o)
        into_cell = o * (1 - squashed * squashed)
        backwards = np.ascontiguousarray(recurrent.T)
        doutput = dcell = np.zeros((rows, hidden), doutputs.dtype)
        for step in reversed(range(steps)):
            doutput = doutput + doutputs[step]
            dcell = dcell + doutput * into_cell[step]
            raw = slope[step]
            raw[:, :3] *= dcell[:, None]
            raw[:, 3] *= doutput
            doutput = raw.reshape(rows, -1) @ backwards
            dcell = dcell * f[step]
        return slope.reshape(steps, rows, -1)


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
