"""Graphs that hold every network of a space at once: what weights the networks share, and which way each one takes.

A shared graph has an operator for each set of weights, as wide as any network of the space needs it, and switches
where networks differ in what they compute. A network uses the first channels of an operator and the centre of its
kernel. Sources: Bender et al., TuNAS (CVPR 2020); Guo et al., Single Path One-Shot (ECCV 2020); Cai et al.,
Once-for-All (ICLR 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from search_spaces.builder import GraphBuilder
from search_spaces.errors import SpaceError
from search_spaces.graph import Graph, Operator, Shape

A = TypeVar("A")

Scope = tuple[tuple[str, int], ...]
"""Switches and options, from the outermost on, that have to be taken for something to be computed."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One of several tensors, as the network at hand has it.

    Attributes:
        name: What the operators behind it read.
        options: Names of operators, switches or inputs. A network takes the last of those that it has.
        mixed: Whether a training may take the mean of all options.
    """

    name: str
    options: tuple[str, ...]
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """The way of one network through a shared graph.

    Attributes:
        graph: The network alone.
        operators: Name in the shared graph -> the operator of the network that uses its weights.
        choices: Name of a switch -> which option, from 0.
    """

    graph: Graph
    operators: Mapping[str, Operator]
    choices: Mapping[str, int]


@dataclass(frozen=True)
class SharedGraph(Generic[A]):
    """Every network of a space at once.

    Attributes:
        inputs: Name and `(height, width, channels)` of each input.
        steps: Operators, as large as the largest use of their weights, and switches, each behind what it reads.
        outputs: Names of what leaves the network.
        lower: Architecture -> its network alone.
        smallest: The network that computes least.
        largest: The one that computes most, as far as they are nested.
        operator_tags: Tags of the decisions that choose between operators with weights of their own.
        width_tags: Tags of the decisions on a number of channels, whose last choice is the widest.
        owner: Architecture and name of an operator of its network -> name of the operator here whose weights it uses.
    """

    inputs: tuple[tuple[str, Shape], ...]
    steps: tuple[Operator | Switch, ...]
    outputs: tuple[str, ...]
    lower: Callable[[A], Graph]
    owner: Callable[[A, str], str]
    smallest: A
    largest: A
    operator_tags: frozenset[str] = frozenset()
    width_tags: frozenset[str] = frozenset()

    @cached_property
    def operators(self) -> dict[str, Operator]:
        """The operators by name."""
        return {step.name: step for step in self.steps if isinstance(step, Operator)}

    @cached_property
    def switches(self) -> dict[str, Switch]:
        """The switches by name."""
        return {step.name: step for step in self.steps if isinstance(step, Switch)}

    @property
    def params(self) -> int:
        """Trainable parameters of all networks together."""
        return sum(operator.params for operator in self.operators.values())

    def path(self, arch: A) -> Path:
        """The way of a network.

        Raises:
            SpaceError: It has an operator that this graph has no weights for.
        """
        graph = self.lower(arch)
        used = {self.owner(arch, operator.name): operator for operator in graph.operators}
        for name, operator in used.items():
            if name not in self.operators or not _covers(self.operators[name], operator):
                raise SpaceError(f"{operator.name} of the network has no shared weights")
        present = {name for name, _ in self.inputs} | used.keys()
        choices = {}
        for switch in self.switches.values():
            taken = [index for index, option in enumerate(switch.options) if option in present]
            if taken:
                present.add(switch.name)
                choices[switch.name] = taken[-1]
        return Path(graph, used, choices)

    @cached_property
    def scopes(self) -> dict[str, Scope]:
        """Where each step has to be computed: in no more branches than all that read it stand in."""
        found: dict[str, Scope] = dict.fromkeys(self.outputs, ())

        def read(name: str, scope: Scope) -> None:
            found[name] = _common(found[name], scope) if name in found else scope

        for step in reversed(self.steps):
            scope = found.setdefault(step.name, ())
            for index, name in enumerate(step.options if isinstance(step, Switch) else step.inputs):
                read(name, (*scope, (step.name, index)) if isinstance(step, Switch) else scope)
        return found


class SharedBuilder(GraphBuilder):
    """Writes a shared graph: as any graph, with switches between what was written."""

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
        """Begins as `GraphBuilder` does."""
        super().__init__(inputs)
        self._switches: dict[str, list[Switch]] = {}
        self._last = ""

    def switch(self, name: str, *options: str, mixed: bool = False) -> str:
        """One of several tensors; a single option needs no switch.

        Args:
            name: What the operators behind it read.
            options: Of a `Switch`.
            mixed: Likewise.

        Raises:
            SpaceError: They are not of one height and width.
        """
        if len(options) == 1:
            return options[0]
        shapes = [self.shape(option) for option in options]
        if len({shape[:2] for shape in shapes}) != 1:
            raise SpaceError(f"{name} cannot choose between maps of different sizes: {shapes}")
        # Behind the operator that was written last, which is behind all that the options name.
        self._switches.setdefault(self._last, []).append(Switch(name, options, mixed))
        self._shapes[name] = (*shapes[0][:2], max(shape[2] for shape in shapes))
        return name

    def loose_add(self, name: str, left: str, right: str) -> str:
        """The sum of two tensors that have one shape in every network with this sum."""
        widest = max(self.shape(left), self.shape(right), key=lambda shape: shape[2])
        return self._simple(name, "add", (left, right), widest)

    def steps(self, *outputs: str) -> tuple[Operator | Switch, ...]:
        """Everything that was written, in order."""
        steps: list[Operator | Switch] = []
        for operator in self.graph(*outputs).operators:
            steps += [operator, *self._switches.get(operator.name, [])]
        return tuple(steps)

    def _append(self, operator: Operator) -> str:
        self._last = super()._append(operator)
        return self._last


def _covers(shared: Operator, own: Operator) -> bool:
    """Whether an operator of a network is a smaller one of the same kind."""
    same = ("kind", "strides", "dilation", "padding", "activation", "batch_norm", "bias", "margins")
    if any(getattr(shared, name) != getattr(own, name) for name in same):
        return False
    return all(here <= there for here, there in zip(extent(own), extent(shared), strict=True))


def extent(operator: Operator) -> tuple[int, int, int, int]:
    """Height and width of the kernel, channels in and out."""
    return (*operator.kernel, operator.input_shape[2], operator.output_shape[2])


def _common(left: Scope, right: Scope) -> Scope:
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    return left[:same]
