"""A shared graph in TensorFlow: one compiled function for all networks, which computes nothing but the one at hand.

Which network that is, is an input: the branch of every switch, and how much of every kernel it uses. All weights lie
in one vector, so that an optimizer takes one step over what a network has used and leaves the rest as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tf_keras as keras

from search_spaces.errors import SpaceError
from search_spaces.fusion import WEIGHTED
from search_spaces.graph import Operator
from search_spaces.keras_models.build import build_graph
from search_spaces.keras_models.layers import EPSILON, layer_of
from search_spaces.keras_models.shared_pieces import cut_of, is_normalized, pieces_of, view
from search_spaces.shared import Path, Scope, SharedGraph, Switch

_ACTIVATIONS = {"relu": tf.raw_ops.Relu, "relu6": tf.raw_ops.Relu6}

Norms = Literal["batch", "collect", "collected"]
"""What batch normalizations divide by: the statistics of the batch; the same, which are kept as well; those kept."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path, or several in one, as numbers: the input of compiled functions.

    Attributes:
        choices: int32 `[switches]`, the option of each; their number stands for the mean of all.
        cuts: int32 `[operators with weights, 9]`: where the part of each kernel that is used begins, its size, and the
            channels out.
        used: bool `[weights]`: those that the network has.
        decayed: bool `[weights]`: those of them that are kernels.
    """

    choices: np.ndarray
    cuts: np.ndarray
    used: np.ndarray
    decayed: np.ndarray

    @property
    def inputs(self) -> tuple[tf.Tensor, tf.Tensor]:
        """`choices` and `cuts`, as the functions of `SharedModel` take them."""
        return tf.constant(self.choices), tf.constant(self.cuts)


class SharedModel:
    """All networks of a space, with weights and batch statistics.

    Attributes:
        graph: What it was built from.
        weights: float32 `[weights]`.
    """

    def __init__(self, graph: SharedGraph[Any], seed: int = 0) -> None:
        """Draws the weights as those of a single network are drawn.

        Args:
            graph: What to build.
            seed: Of the weights.
        """
        self.graph = graph
        self._weighted = [one for one in graph.operators.values() if one.kind in WEIGHTED or is_normalized(one)]
        self._rows = {one.name: row for row, one in enumerate(self._weighted)}
        self._switches = {name: row for row, name in enumerate(graph.switches)}
        self._pieces = list(pieces_of(self._weighted))
        self.weights = tf.Variable(np.concatenate(list(self._drawn(seed))), name="weights")
        widths = {one.name: one.output_shape[2] for one in self._weighted if is_normalized(one)}
        self._means = {name: tf.Variable(tf.zeros(width), trainable=False) for name, width in widths.items()}
        self._variances = {name: tf.Variable(tf.ones(width), trainable=False) for name, width in widths.items()}
        self._steps: dict[Scope, list[Operator | Switch]] = {}
        for step in graph.steps:
            self._steps.setdefault(graph.scopes[step.name], []).append(step)

    def route(self, *paths: Path) -> Route:
        """Paths as the compiled functions take them.

        Several are taken at once: of switches where they differ and which may be mixed, the mean of all options.
        """
        choices = np.zeros(len(self._switches), np.int32)
        cuts = np.zeros((len(self._weighted), 9), np.int32)
        used, decayed = np.zeros((2, self.weights.shape[0]), bool)
        for path in paths:
            for piece in self._pieces:
                own = path.operators.get(piece.operator.name)
                if own is None:
                    continue
                row = self._rows[piece.operator.name]
                cuts[row] = np.maximum(cuts[row], cut_of(piece.operator, own))
                view(used, piece)[piece.part(own)] = True
                if piece.name == "kernel":
                    view(decayed, piece)[piece.part(own)] = True
        for name, switch in self.graph.switches.items():
            taken = {path.choices[name] for path in paths if name in path.choices}
            choices[self._switches[name]] = len(switch.options) if len(taken) > 1 else min(taken, default=0)
        return Route(choices, cuts, used, decayed)

    def child(self, path: Path) -> keras.Model:
        """A network on its own, with its part of the weights and the statistics collected last."""
        model = build_graph(path.graph)
        values = self.weights.numpy()
        parts: dict[str, dict[str, np.ndarray]] = {}
        for piece in self._pieces:
            name = piece.operator.name
            if name in path.operators:
                parts.setdefault(name, {})[piece.name] = view(values, piece)[piece.part(path.operators[name])]
        for name, arrays in parts.items():
            own = path.operators[name]
            if own.kind in WEIGHTED:
                model.get_layer(own.name).set_weights([arrays[one] for one in ("kernel", "bias") if one in arrays])
            if is_normalized(own):
                channels = slice(own.output_shape[2])
                found = [one[name].numpy()[channels] for one in (self._means, self._variances)]
                layer = model.get_layer(own.name if own.kind == "batch_norm" else f"{own.name}.norm")
                layer.set_weights([arrays["gamma"], arrays["beta"], *found])
        return model

    def named(self) -> dict[str, np.ndarray]:
        """The weights as `OPERATOR/VARIABLE` -> array."""
        values = self.weights.numpy()
        return {f"{piece.operator.name}/{piece.name}": view(values, piece) for piece in self._pieces}

    def load(self, named: Mapping[str, np.ndarray]) -> None:
        """Takes weights as `named` gives them.

        Raises:
            SpaceError: They are of another shared graph.
        """
        found = {name: array.shape for name, array in named.items()}
        wanted = {f"{piece.operator.name}/{piece.name}": piece.shape for piece in self._pieces}
        if found != wanted:
            raise SpaceError("the weights are of another shared graph")
        self.weights.assign(np.concatenate([named[name].ravel() for name in wanted]))

    def pieces(self) -> list[tf.Tensor]:
        """The weights, variable by variable."""
        flat = tf.split(self.weights, [piece.size for piece in self._pieces])
        return [tf.reshape(one, piece.shape) for one, piece in zip(flat, self._pieces, strict=True)]

    def apply(
        self,
        inputs: tf.Tensor,
        pieces: list[tf.Tensor],
        choices: tf.Tensor,
        cuts: tf.Tensor,
        norms: Norms,
        share: tf.Tensor | float = 1.0,
    ) -> tf.Tensor:
        """What one network makes of a batch; part of compiled functions.

        Args:
            inputs: `[batch, height, width, channels]`.
            pieces: The weights, as `pieces` gives them.
            choices: Of a `Route`.
            cuts: Of a `Route`.
            norms: What batch normalizations divide by.
            share: Of this batch in the statistics that are collected; the others keep the rest.

        Returns:
            As the network alone would.
        """
        ((image, _),) = self.graph.inputs
        run = _Run(self, pieces, choices, cuts, norms, tf.convert_to_tensor(share))
        tensors = run.scope((), {image: inputs})
        return tensors[self.graph.outputs[0]]

    def _drawn(self, seed: int) -> Iterator[np.ndarray]:
        seeds = np.random.SeedSequence(seed).generate_state(len(self._rows)).tolist()
        for piece in self._pieces:
            if piece.name == "kernel":
                layer = layer_of(piece.operator, seeds[self._rows[piece.operator.name]], 0.9)
                shape = piece.operator.input_shape
                layer.build((None, shape[2]) if piece.operator.kind == "dense" else (None, *shape))
                yield layer.get_weights()[0].ravel()
            else:
                yield np.full(piece.size, piece.name == "gamma", np.float32)


class _Run:
    """One application: what is the same in all scopes of it."""

    def __init__(
        self,
        model: SharedModel,
        pieces: list[tf.Tensor],
        choices: tf.Tensor,
        cuts: tf.Tensor,
        norms: Norms,
        share: tf.Tensor,
    ) -> None:
        self._model, self._norms, self._share = model, norms, share
        self._choices = tf.unstack(choices)
        self._begins, self._sizes, self._widths = map(tf.unstack, tf.split(cuts, (4, 4, 1), axis=1))
        self._spatial = tf.constant((1, 2))
        self._weights: dict[str, dict[str, tf.Tensor]] = {}
        for piece, value in zip(model._pieces, pieces, strict=True):
            self._weights.setdefault(piece.operator.name, {})[piece.name] = value

    def scope(self, scope: Scope, outer: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Everything that is computed in a scope, beside what is there already."""
        tensors = dict(outer)
        for step in self._model._steps.get(scope, ()):
            if isinstance(step, Switch):
                tensors[step.name] = self._switched(step, scope, tensors)
            else:
                tensors[step.name] = self._applied(step, [tensors[name] for name in step.inputs])
        return tensors

    def _switched(self, switch: Switch, scope: Scope, tensors: Mapping[str, tf.Tensor]) -> tf.Tensor:
        def branch(index: int, option: str) -> Callable[[], tf.Tensor]:
            return lambda: tf.identity(self.scope((*scope, (switch.name, index)), tensors)[option])

        chosen = self._choices[self._model._switches[switch.name]]
        branches = [branch(index, option) for index, option in enumerate(switch.options)]
        return _mixed(chosen, branches) if switch.mixed else tf.switch_case(chosen, branches)

    def _applied(self, operator: Operator, inputs: list[tf.Tensor]) -> tf.Tensor:
        tensor = self._computed(operator, inputs)
        if operator.bias:
            tensor = tf.raw_ops.BiasAdd(value=tensor, bias=self._channels(operator, "bias"))
        if is_normalized(operator):
            tensor = self._normalized(operator, tensor)
        return tensor if operator.activation == "none" else _ACTIVATIONS[operator.activation](features=tensor)

    def _computed(self, operator: Operator, inputs: list[tf.Tensor]) -> tf.Tensor:
        """What an operator makes without its bias; by raw operations, for thousands of them are traced."""
        first, raw = inputs[0], tf.raw_ops
        window = {"strides": (1, *operator.strides, 1), "padding": operator.padding.upper()}
        pool = {"ksize": (1, *operator.kernel, 1), **window}
        match operator.kind:
            case "conv" | "depthwise":
                convolve = raw.Conv2D if operator.kind == "conv" else raw.DepthwiseConv2dNative
                return convolve(
                    input=first, filter=self._kernel(operator), dilations=(1, *operator.dilation, 1), **window
                )
            case "dense":
                return raw.MatMul(a=raw.Squeeze(input=first, axis=(1, 2)), b=self._kernel(operator))
            case "average_pool":
                return raw.AvgPool(value=first, **pool)
            case "max_pool":
                return raw.MaxPool(input=first, **pool)
            case "global_pool":
                return raw.Mean(input=first, axis=self._spatial, keep_dims=True)
            case "add":
                return raw.AddV2(x=inputs[0], y=inputs[1])
            case "multiply":
                return raw.Mul(x=inputs[0], y=inputs[1])
            case "sigmoid":
                return raw.Sigmoid(x=first)
            case "relu" | "relu6":
                return _ACTIVATIONS[operator.kind](features=first)
            case "batch_norm":
                return first
            case _:
                return layer_of(operator, 0, 0.9)(first if len(inputs) == 1 else inputs)

    def _kernel(self, operator: Operator) -> tf.Tensor:
        row, first = self._model._rows[operator.name], 2 if operator.kind == "dense" else 0
        begin, size = self._begins[row][first:], self._sizes[row][first:]
        return tf.raw_ops.Slice(input=self._weights[operator.name]["kernel"], begin=begin, size=size)

    def _channels(self, operator: Operator, name: str) -> tf.Tensor:
        return tf.raw_ops.Slice(input=self._weights[operator.name][name], begin=[0], size=self._made(operator))

    def _made(self, operator: Operator) -> tf.Tensor:
        return self._widths[self._model._rows[operator.name]]

    def _normalized(self, operator: Operator, tensor: tf.Tensor) -> tf.Tensor:
        raw, made = tf.raw_ops, self._made(operator)
        scale, offset = self._channels(operator, "gamma"), self._channels(operator, "beta")
        kept = [one[operator.name] for one in (self._model._means, self._model._variances)]
        if self._norms == "collected":
            mean, variance = (raw.Slice(input=one, begin=[0], size=made) for one in kept)
            normal, *_ = raw.FusedBatchNormV3(
                x=tensor, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=EPSILON, is_training=False
            )
            return normal
        normal, *found = raw.FusedBatchNormV3(
            x=tensor, scale=scale, offset=offset, mean=[], variance=[], epsilon=EPSILON, is_training=True
        )
        if self._norms == "collect":
            for one, new in zip(kept, found[:2], strict=True):
                whole = tf.pad(new, [[0, one.shape[0] - made[0]]])
                one.assign(one * (1.0 - self._share) + whole * self._share)  # all of a first batch, bit by bit
        return normal


def _mixed(chosen: tf.Tensor, branches: list[Callable[[], tf.Tensor]]) -> tf.Tensor:
    """What a branch gives, or the mean of all where `chosen` is their number; each of them is traced once."""
    all_of_them = tf.equal(chosen, len(branches))
    share = tf.where(all_of_them, 1.0 / len(branches), 1.0)
    parts = (
        tf.cond(all_of_them | tf.equal(chosen, index), lambda made=made: made() * share, _nothing)
        for index, made in enumerate(branches)
    )
    return reduce(tf.add, parts)


def _nothing() -> tf.Tensor:
    """Zeros that any map absorbs."""
    return tf.zeros((1, 1, 1, 1))
