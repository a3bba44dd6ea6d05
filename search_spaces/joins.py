"""What an int8 file holds in one step because it joins maps.

A concatenation, a pool, a padding or a slice cannot change the step between two values. A converter gives all that is
joined one step, directly or through pools and the like; what has a step of its own, as inputs of a network and the
results of sigmoids do, it converts in front of the concatenation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from search_spaces.graph import Operator

KEEPING = ("average_pool", "max_pool", "pad", "slice")
"""The kinds of operators whose results have the step of what they read."""

FIXED = ("sigmoid", "softmax", "tanh")
"""The kinds of operators whose results have the step of their format."""


@dataclass(frozen=True, slots=True)
class Joins:
    """What a file holds in one step.

    Attributes:
        members: Each operator whose result is joined with others -> the name of what is held in one step with it.
        converted: Concatenations and those of their inputs that are converted in front of them.
    """

    members: Mapping[str, str]
    converted: frozenset[tuple[str, str]]


def joins_of(operators: Iterable[Operator]) -> Joins:
    """What is joined in a network of these operators, each behind those that it reads."""
    listed = tuple(operators)
    made = {operator.name for operator in listed}
    sets = _Sets()
    for operator in listed:
        if operator.kind in KEEPING:
            sets.unite(operator.inputs[0], operator.name)
    fixed = {operator.name for operator in listed if operator.kind in FIXED}
    entries = {name for operator in listed for name in operator.inputs} - made
    rigid = {sets.of(name) for name in fixed | entries}
    joined = [operator for operator in listed if operator.kind == "concat"]
    for operator in joined:
        for name in operator.inputs:
            if sets.of(name) not in rigid:
                sets.unite(name, operator.name)
    names = {sets.of(operator.name) for operator in joined}
    return Joins(
        {name: sets.of(name) for name in sorted(made) if sets.of(name) in names},
        frozenset(
            (operator.name, name) for operator in joined for name in operator.inputs if sets.of(name) not in names
        ),
    )


class _Sets:
    """Disjoint sets of names."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The name of the set that holds it."""
        while (parent := self._parents.setdefault(name, name)) != name:
            self._parents[name] = self._parents[parent]
            name = parent
        return name

    def unite(self, one: str, other: str) -> None:
        """Makes one set of the sets of both."""
        self._parents[self.of(other)] = self.of(one)
