"""The controller's policy: an LSTM that chooses one token a step, in NumPy.

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
from mnas.controllers.forward import Forward, Trace
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
        recurrent: Of each layer, ``[hidden, 4 * hidden]``.
        lifts: What each layer above the first reads of the one below, ``[hidden, 4 * hidden]``, and its bias.
    """

    first: Floats
    embedded: Floats
    read: tuple[Floats, ...]
    bias: Floats
    recurrent: tuple[Floats, ...]
    lifts: tuple[tuple[Floats, Floats], ...]

    def lifted(self, layer: int, below: Floats) -> Floats:
        """What drives the gates of a layer above the first, given the output of the one below."""
        kernel, bias = self.lifts[layer - 1]
        return below @ kernel + bias


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
        plain_tanh: The same for steps that do not point; 0 for the same constant.
        layers: Of the LSTM.
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
        plain_tanh: float = 0.0,
        layers: int = 1,
    ) -> None:
        self.steps = steps
        self.hidden = hidden
        self.embedding = embedding
        self.contexts = contexts
        self.share = share
        self.temperature = temperature
        self.tanh_constant = tanh_constant
        self.plain_tanh = (plain_tanh if tanh_constant else 0.0) or tanh_constant
        self.layers = layers
        self._lstm = Lstm(hidden)
        self._layout = Layout(steps, hidden=hidden, embedding=embedding, contexts=contexts, share=share, layers=layers)
        self.weight_count = self._layout.weight_count
        sizes = np.array(steps.sizes)[self._layout.plain_steps]
        valid = np.arange(self._layout.choices)[None, :] < sizes[:, None]
        self._padding: Floats = np.where(valid, 0.0, _IMPOSSIBLE)
        constants = np.full((len(steps.sizes), 1, 1), tanh_constant, np.float32)
        constants[self._layout.plain_steps] = self.plain_tanh
        self._constants: Floats | float = tanh_constant if self.plain_tanh == tanh_constant else constants
        yes_no = [tick.steps for tick in self._layout.ticks if tick.pointer is not None and tick.pointer.yes_no]
        self._yes_no: Ints = np.array([step for one in yes_no for step in range(one.start, one.stop)], dtype=np.int64)
        self._yes_no_ticks = len(yes_no)

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
        output = np.zeros((rows, self.hidden), weights.dtype)
        states = [(output, output)] * self.layers
        outputs = [output]
        inputs = self._prepared(view)
        head_bias = view["head_bias"] + self._padding.astype(weights.dtype)
        driven, groups = inputs.first[ids], layout.groups.tolist()
        for tick in layout.ticks:
            states = self._risen(inputs, driven, states)
            output = states[-1][1]
            if layout.pointers:
                outputs.append(output)
            first, size, pointer = tick.steps.start, self.steps.sizes[tick.steps.start], tick.pointer
            if pointer is None:
                row = layout.row[first]
                group = groups[row]
                logits = self._squashed(output @ view["head"][group] + head_bias[row], self.plain_tanh)[0]
                keep = None if fixed is None else fixed[:, first]
                chosen, log_probs = _drawn(logits, uniforms[:, first, None], size, temperature, keep)
                tokens[first] = chosen
                total += log_probs[every, chosen]
                driven = inputs.embedded[group, chosen]
            else:
                seen = pointer.seen(view, outputs)
                scores = pointer.logits(view, pointer.attended(view, seen, output))
                logits = self._squashed(scores, self.tanh_constant)[0].reshape(-1, size)
                keep = None if fixed is None else fixed.T[tick.steps].ravel()
                drawn, log_probs = _drawn(logits, uniforms.T[tick.steps].reshape(-1, 1), size, temperature, keep)
                chosen = tokens[tick.steps] = drawn.reshape(-1, rows)
                total += log_probs[np.arange(len(drawn)), drawn].reshape(-1, rows).sum(axis=0)
                driven = pointer.read(seen, chosen) @ inputs.read[pointer.kind] + inputs.bias
        return np.ascontiguousarray(tokens.T), total

    def _risen(
        self, inputs: _Inputs, driven: Floats, states: list[tuple[Floats, Floats]]
    ) -> list[tuple[Floats, Floats]]:
        """Cell and output of each layer after one more step, given those before it and what drives the first."""
        risen: list[tuple[Floats, Floats]] = []
        for layer, (cell, output) in enumerate(states):
            if layer:
                driven = inputs.lifted(layer, risen[-1][1])
            risen.append(self._lstm.step(driven, inputs.recurrent[layer], cell, output))
        return risen

    def forward(self, weights: Floats, tokens: Ints, contexts: Ints | None = None) -> Forward:
        """One pass over given tokens ``[rows, steps]``; what ``gradient`` needs."""
        view, layout, kind = self.views(weights), self._layout, weights.dtype
        rows, count = len(tokens), len(layout.ticks)
        ids = np.zeros(rows, dtype=np.int64) if contexts is None else contexts
        inputs = self._prepared(view)
        traces = tuple(
            Trace(
                np.empty((count, rows, 4 * self.hidden), kind),
                np.zeros((count + 1, rows, self.hidden), kind),
                np.zeros((count + 1, rows, self.hidden), kind),
            )
            for _ in range(self.layers)
        )
        gates, outputs = traces[0].gates, traces[-1].outputs
        gates[0] = inputs.first[ids]
        gates[layout.fed_ticks] = inputs.embedded[layout.feeding_groups[:, None], tokens.T[layout.feeding]]
        pointed = {}
        for number, tick in enumerate(layout.ticks):
            for layer, trace in enumerate(traces):
                if layer:
                    trace.gates[number] = inputs.lifted(layer, traces[layer - 1].outputs[number + 1])
                trace.cells[number + 1], trace.outputs[number + 1] = self._lstm.step(
                    trace.gates[number], inputs.recurrent[layer], trace.cells[number], trace.outputs[number]
                )
            if (pointer := tick.pointer) is not None:
                seen = pointer.seen(view, outputs)
                pointed[number] = seen, pointer.attended(view, seen, outputs[number + 1])
                if number + 1 < count:
                    read = pointer.read(seen, tokens.T[tick.steps])
                    gates[number + 1] = read @ inputs.read[pointer.kind] + inputs.bias
        logits, slopes = self._squashed(self._logits(view, outputs, pointed), self._constants)
        return Forward(tokens, ids, _log_softmax(logits), slopes, traces, pointed)

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

    def _squashed(self, logits: Floats, constant: Floats | float) -> tuple[Floats, Floats | None]:
        """Logits by temperature and tanh, and the slope of that; ``None`` for a slope of 1."""
        if self.temperature == 1.0 and not self.tanh_constant:
            return logits, None
        warm = logits / self.temperature
        if not self.tanh_constant:
            return warm, np.full_like(logits, 1 / self.temperature)
        squashed = np.tanh(warm)
        slopes = constant / self.temperature * (1 - squashed * squashed)
        # A padded choice stays impossible.
        return np.where(warm < _IMPOSSIBLE / 2, logits, constant * squashed), slopes

    def skip_penalty(self, forward: Forward, rate: float) -> Floats:
        """How far yes-or-no decisions are from saying yes at a rate, ``[rows]``.

        ENAS (Pham et al. 2018, section 2.3) as its published code has it: the Kullback-Leibler divergence between
        sigmoid(score) and the rate, summed over the decisions of a step of the LSTM, and the mean over such steps.
        """
        yes = self._said_yes(forward)
        apart = yes * np.log(yes / rate) + (1 - yes) * np.log((1 - yes) / (1 - rate))
        result: Floats = apart.sum(axis=0) / max(1, self._yes_no_ticks)
        return result

    def _said_yes(self, forward: Forward) -> Floats:
        """sigmoid(score) of each yes-or-no decision, ``[decisions, rows]``: their logits are [-score, score]."""
        both = forward.log_probs[self._yes_no]
        result: Floats = 1 / (1 + np.exp((both[:, :, 0] - both[:, :, 1]) / 2))
        return result

    def gradient(
        self,
        weights: Floats,
        forward: Forward,
        token_weight: Floats,
        entropy_weight: Floats,
        skip: tuple[Floats, float] | None = None,
    ) -> Floats:
        """Gradient of ``sum(token_weight * log_prob + entropy_weight * entropy) - sum(skip_weight * skip_penalty)``.

        Args:
            weights: ``[weight_count]``, those of the forward pass.
            forward: The pass.
            token_weight: ``[rows, steps]``.
            entropy_weight: ``[rows, steps]``.
            skip: Weight ``[rows]`` and rate of `skip_penalty`; ``None`` leaves it out.

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
        if skip is not None and self._yes_no_ticks:
            yes = self._said_yes(forward)
            slope = yes * (1 - yes) * (np.log(yes / skip[1]) - np.log((1 - yes) / (1 - skip[1])))
            dlogits[self._yes_no, :, 1] -= (skip[0] / self._yes_no_ticks * slope).astype(weights.dtype)
        if forward.slopes is not None:
            dlogits *= forward.slopes
        flat = np.zeros_like(weights)
        back = Backward(self._layout, forward, self.views(weights), self.views(flat))
        back.through_layers(back.from_logits(dlogits))
        return flat

    def _prepared(self, view: dict[str, Floats]) -> _Inputs:
        kernel, bias = self._lstm.scaled(view["kernel"]), self._lstm.scaled(view["bias"])
        flat = view["embed"].reshape(-1, self.embedding) @ kernel + bias
        return _Inputs(
            first=view["start"] @ kernel + bias,
            embedded=flat.reshape(*view["embed"].shape[:2], -1),
            read=tuple(weights @ kernel for weights in view.get("read", ())),
            bias=bias,
            recurrent=tuple(map(self._lstm.scaled, (view["recurrent"], *view.get("lift_recurrent", ())))),
            lifts=tuple(
                (self._lstm.scaled(kernel), self._lstm.scaled(bias))
                for kernel, bias in zip(view.get("lift", ()), view.get("lift_bias", ()), strict=True)
            ),
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
