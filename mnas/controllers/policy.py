"""The controller's policy: a one-layer LSTM that chooses one token a step, in NumPy.

A recurrent controller after NAS (Zoph & Le 2016, section 3.1) and NASNet (Zoph et al. 2017, appendix A): the token
chosen at one step is embedded and fed to the next; each step has a softmax, and steps that point to earlier ones attend
to these. Weights are one flat vector, so that an optimizer is a few vector operations and a checkpoint a single array.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mnas.controllers.arrays import Floats, Ints
from mnas.controllers.backward import Backward
from mnas.controllers.forward import Forward
from mnas.controllers.layout import Layout
from mnas.controllers.lstm import Lstm
from mnas.controllers.steps import Steps

_IMPOSSIBLE = -1e30  # the logit of a padded choice: its probability is exactly 0
# Memory fresh from the system costs more here than the arithmetic in it; once so large an array was freed, glibc
# keeps what is freed.
np.empty(1 << 24, np.uint8)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What drives the gates, in the LSTM's scale, each ``[..., 4 * hidden]``.

    Attributes:
        first: By context.
        embedded: By group and token of a plain step.
        read: What pointing steps read of an output, by kind, each ``[hidden, 4 * hidden]``.
        bias: To be added to what they read.
        recurrent: ``[hidden, 4 * hidden]``.
    """

    first: Floats
    embedded: Floats
    read: tuple[Floats, ...]
    bias: Floats
    recurrent: Floats


class Policy:
    """The shape of a controller: it holds no weights, every method is given them.

    Args:
        steps: The decisions.
        hidden: LSTM units.
        embedding: Length of a token's embedding.
        contexts: How many goals one controller serves; each has its own first input.
        share: ``"tag"``: steps of one tag and size share their embedding and head (a bias of its own is
            left to each); ``"step"``: nothing is shared. Steps that point share by tag either way.
        temperature: Divides all logits.
        tanh_constant: Squashes all logits to within +-it, ``tanh_constant * tanh(logits)``; 0 leaves them.
    """

    def __init__(
        self,
        steps: Steps,
        *,
        hidden: int = 64,
        embedding: int = 32,
        contexts: int = 1,
        share: str = "tag",
        temperature: float = 1.0,
        tanh_constant: float = 0.0,
    ) -> None:
        self.steps = steps
        self.hidden = hidden
        self.embedding = embedding
        self.contexts = contexts
        self.share = share
        self.temperature = temperature
        self.tanh_constant = tanh_constant
        self._lstm = Lstm(hidden)
        self._layout = Layout(steps, hidden=hidden, embedding=embedding, contexts=contexts, share=share)
        self.weight_count = self._layout.weight_count
        sizes = np.array(steps.sizes)[self._layout.plain_steps]
        valid = np.arange(self._layout.choices)[None, :] < sizes[:, None]
        self._padding: Floats = np.where(valid, 0.0, _IMPOSSIBLE)

    def initial(self, rng: np.random.Generator, scale: float = 0.1) -> Floats:
        """Weights uniform in +-``scale``, biases 0, forget bias 1 (NASNet appendix A; Jozefowicz et al. 2015).

        They are float32, twice as fast as float64; every method computes in the type of the weights it is given.
        """
        return self._layout.initial(rng, scale)

    def views(self, weights: Floats) -> dict[str, Floats]:
        """Named, shaped views into a flat weight (or gradient) vector."""
        return self._layout.views(weights)

    def carrier(self, other: Policy) -> Callable[[Floats, Floats], Floats]:
        """A function ``(theirs, ours) -> ours`` that copies what belongs to steps both policies have."""
        return self._layout.carrier(other._layout)

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
            temperature: Divides the logits for the draw, on top of the policy's own.
            fixed: Tokens to keep, ``[rows, steps]``, -1 where the policy chooses.

        Returns:
            Tokens ``[rows, steps]`` and their log-probabilities before that division, ``[rows]``.
        """
        view, layout = self.views(weights), self._layout
        rows, count = uniforms.shape
        ids = np.zeros(rows, dtype=np.int64) if contexts is None else contexts
        tokens = np.empty((count, rows), dtype=np.int64)
        total, every = np.zeros(rows), np.arange(rows)
        cell = output = np.zeros((rows, self.hidden), weights.dtype)
        outputs = [output]
        inputs = self._prepared(view)
        head_bias = view["head_bias"] + self._padding.astype(weights.dtype)
        driven, groups = inputs.first[ids], layout.groups.tolist()
        for tick in layout.ticks:
            cell, output = self._lstm.step(driven, inputs.recurrent, cell, output)
            if layout.pointers:
                outputs.append(output)
            first, size, pointer = tick.steps.start, self.steps.sizes[tick.steps.start], tick.pointer
            if pointer is None:
                row = layout.row[first]
                group = groups[row]
                logits = self._squashed(output @ view["head"][group] + head_bias[row])[0]
                keep = None if fixed is None else fixed[:, first]
                chosen, log_probs = _drawn(logits, uniforms[:, first, None], size, temperature, keep)
                tokens[first] = chosen
                total += log_probs[every, chosen]
                driven = inputs.embedded[group, chosen]
            else:
                seen = pointer.seen(view, outputs)
                logits = self._squashed(pointer.logits(view, pointer.attended(view, seen, output)))[0].reshape(-1, size)
                keep = None if fixed is None else fixed.T[tick.steps].ravel()
                drawn, log_probs = _drawn(logits, uniforms.T[tick.steps].reshape(-1, 1), size, temperature, keep)
                chosen = tokens[tick.steps] = drawn.reshape(-1, rows)
                total += log_probs[np.arange(len(drawn)), drawn].reshape(-1, rows).sum(axis=0)
                driven = pointer.read(seen, chosen) @ inputs.read[pointer.kind] + inputs.bias
        return np.ascontiguousarray(tokens.T), total

    def forward(self, weights: Floats, tokens: Ints, contexts: Ints | None = None) -> Forward:
        """One pass over given tokens ``[rows, steps]``; what ``gradient`` needs."""
        view, layout, kind = self.views(weights), self._layout, weights.dtype
        rows, count = len(tokens), len(layout.ticks)
        ids = np.zeros(rows, dtype=np.int64) if contexts is None else contexts
        inputs = self._prepared(view)
        gates = np.empty((count, rows, 4 * self.hidden), kind)
        gates[0] = inputs.first[ids]
        gates[layout.fed_ticks] = inputs.embedded[layout.feeding_groups[:, None], tokens.T[layout.feeding]]
        cells = np.zeros((count + 1, rows, self.hidden), kind)
        outputs = np.zeros((count + 1, rows, self.hidden), kind)
        pointed = {}
        for number, tick in enumerate(layout.ticks):
            cells[number + 1], outputs[number + 1] = self._lstm.step(
                gates[number], inputs.recurrent, cells[number], outputs[number]
            )
            if (pointer := tick.pointer) is not None:
                seen = pointer.seen(view, outputs)
                pointed[number] = seen, pointer.attended(view, seen, outputs[number + 1])
                if number + 1 < count:
                    read = pointer.read(seen, tokens.T[tick.steps])
                    gates[number + 1] = read @ inputs.read[pointer.kind] + inputs.bias
        logits, slopes = self._squashed(self._logits(view, outputs, pointed))
        return Forward(tokens, ids, _log_softmax(logits), slopes, gates, cells, outputs, pointed)

    def _logits(self, view: dict[str, Floats], outputs: Floats, pointed: dict[int, tuple[Floats, Floats]]) -> Floats:
        """The logits of all steps, padded, ``[steps, rows, choices]``."""
        layout, kind = self._layout, outputs.dtype
        head_bias = view["head_bias"] + self._padding.astype(kind)
        plain: Floats = outputs[1:][layout.plain_ticks] @ view["head"][layout.groups] + head_bias[:, None, :]
        if not pointed:
            return plain
        logits: Floats = np.full((len(self.steps.sizes), outputs.shape[1], max(self.steps.sizes)), _IMPOSSIBLE, kind)
        logits[layout.plain_steps, :, : layout.choices] = plain
        for number, (_, attended) in pointed.items():
            some = layout.pointers[number].logits(view, attended)
            logits[layout.ticks[number].steps, :, : some.shape[2]] = some
        return logits

    def _squashed(self, logits: Floats) -> tuple[Floats, Floats | None]:
        """Logits by temperature and tanh, and the slope of that; ``None`` for a slope of 1."""
        if self.temperature == 1.0 and not self.tanh_constant:
            return logits, None
        warm = logits / self.temperature
        if not self.tanh_constant:
            return warm, np.full_like(logits, 1 / self.temperature)
        squashed = np.tanh(warm)
        slopes = self.tanh_constant / self.temperature * (1 - squashed * squashed)
        # A padded choice stays impossible.
        return np.where(warm < _IMPOSSIBLE / 2, logits, self.tanh_constant * squashed), slopes

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
        rows, steps = forward.tokens.shape
        every_step, every_row = np.arange(steps)[:, None], np.arange(rows)[None, :]
        dlogits[every_step, every_row, forward.tokens.T] += token_weight.T
        if forward.slopes is not None:
            dlogits *= forward.slopes
        flat = np.zeros_like(weights)
        back = Backward(self._layout, forward, self.views(weights), self.views(flat))
        doutputs = back.from_logits(dlogits)
        recurrent = back.view["recurrent"]
        dgates = self._lstm.through_time(recurrent, forward.gates, forward.cells, doutputs, back.returning(doutputs))
        back.from_gates(dgates)
        return flat

    def _prepared(self, view: dict[str, Floats]) -> _Inputs:
        kernel, bias = self._lstm.scaled(view["kernel"]), self._lstm.scaled(view["bias"])
        flat = view["embed"].reshape(-1, self.embedding) @ kernel + bias
        return _Inputs(
            first=view["start"] @ kernel + bias,
            embedded=flat.reshape(*view["embed"].shape[:2], -1),
            read=tuple(weights @ kernel for weights in view.get("read", ())),
            bias=bias,
            recurrent=self._lstm.scaled(view["recurrent"]),
        )


def _drawn(logits: Floats, uniforms: Floats, size: int, temperature: float, fixed: Ints | None) -> tuple[Ints, Floats]:
    """A token below ``size`` for each row, by uniforms ``[rows, 1]``, and all log-probabilities at temperature 1."""
    log_probs = _log_softmax(logits)
    draw = log_probs if temperature == 1.0 else _log_softmax(logits / temperature)
    below = np.cumsum(np.exp(draw), axis=1) <= uniforms
    chosen = np.minimum(below.sum(axis=1), size - 1)
    if fixed is not None:
        chosen = np.where(fixed >= 0, fixed, chosen)
    return chosen, log_probs


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
