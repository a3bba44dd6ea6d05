"""One range for all that a file holds in one step.

In int8 a concatenation, a pool, a padding or a slice cannot change the step between two values: what it reads and what
it makes have the same one. Where calibration gives two maps of a concatenation different ranges, the converter puts a
conversion in front of it, which costs a pass over the map and rounds once more. Here all maps that are joined, directly
or through pools and the like, get the range that holds each of theirs, before they are quantized.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device_bench.tflite.graph import Graph
from device_bench.tflite.packing import packed, unpacked

_KINDS = schema.BuiltinOperator
_JOINING = {_KINDS.CONCATENATION}
_KEEPING = {
    _KINDS.AVERAGE_POOL_2D,
    _KINDS.MAX_POOL_2D,
    _KINDS.PAD,
    _KINDS.RESHAPE,
    _KINDS.SLICE,
    _KINDS.STRIDED_SLICE,
    _KINDS.TRANSPOSE,
}
_FIXED = {_KINDS.LOGISTIC, _KINDS.SOFTMAX, _KINDS.TANH}
"""Their results have the step of their format, whatever was calibrated."""


def quantized_with_joins(calibrated: bytes, quantize: Callable[[bytes], bytes], *, floats: int = 0) -> bytes:
    """Quantizes a model in which all that is joined has one range.

    Which of the results that share it need a range of their own depends on what reads what: with the wrong ones the
    converter leaves operators in float32. So one choice after another is tried until it leaves none.

    Args:
        calibrated: A float model whose activations carry their calibrated minimum and maximum.
        quantize: Makes the file of such a model.
        floats: How many operators are to stay in float32.

    Returns:
        The first file with no more of these than that, or else the one with the fewest.
    """
    made: list[tuple[int, bytes]] = []
    for ranged in join_ranges(calibrated):
        content = quantize(ranged)
        left = _in_float(content)
        if left <= floats:
            return content
        made.append((left, content))
    return min(made, key=lambda one: one[0])[1]


def join_ranges(calibrated: bytes) -> Iterator[bytes]:
    """The model with one range for all that is joined, told in one way after another; as it is where nothing is.

    The inputs of the network, on whose step apps count, and the results of sigmoids and the like keep theirs: a file
    converts them where they are joined with others.
    """
    for bare in _WITHOUT_RANGE:
        parsed = unpacked(calibrated)
        changed = [
            _join(graph, [code.builtinCode for code in parsed.operatorCodes], bare) for graph in parsed.subgraphs
        ]
        if not any(changed):
            yield calibrated
            return
        yield packed(parsed)


def _in_float(content: bytes) -> int:
    """How many operators of a file compute in float32."""
    graph = Graph(content)
    return sum(
        operator.name not in ("DEQUANTIZE", "QUANTIZE") and graph.tensors[operator.outputs[0]].kind == "float32"
        for operator in graph.operators
    )


@dataclass(frozen=True, slots=True)
class _Roles:
    """What the tensors of a model are to those that share a step.

    Attributes:
        kept: Results of pools and the like.
        read: What these read.
        joined: Results of concatenations.
        of_kept: Those of concatenations that join nothing but results of pools and the like.
    """

    kept: set[int]
    read: set[int]
    joined: set[int]
    of_kept: set[int]


_WITHOUT_RANGE: tuple[Callable[[_Roles], set[int]], ...] = (
    lambda roles: roles.kept | roles.joined,
    lambda roles: roles.kept | (roles.joined - roles.read - roles.of_kept),
    lambda roles: roles.kept | (roles.joined - roles.of_kept),
    lambda roles: roles.kept | (roles.joined - roles.read),
    lambda roles: roles.kept,
)
"""Which tensors have no range of their own, in the order in which it is tried."""


def _join(graph: schema.SubGraphT, codes: list[int], bare: Callable[[_Roles], set[int]]) -> bool:
    kinds = [(codes[operator.opcodeIndex], operator) for operator in graph.operators]
    joining = [operator for kind, operator in kinds if kind in _JOINING]
    keeping = [operator for kind, operator in kinds if kind in _KEEPING]
    if not joining:
        return False
    sets = _Sets()
    for operator in keeping:
        sets.unite(operator.inputs[0], operator.outputs[0])
    fixed = {operator.outputs[0] for kind, operator in kinds if kind in _FIXED}
    rigid = {sets.of(one) for one in (*graph.inputs, *fixed)}
    for operator in joining:
        for one in operator.inputs:
            if sets.of(one) not in rigid:
                sets.unite(one, operator.outputs[0])
    kept = {int(operator.outputs[0]) for operator in keeping}
    joined = {int(operator.outputs[0]) for operator in joining}
    of_kept = {int(operator.outputs[0]) for operator in joining if kept.issuperset(operator.inputs)}
    without = bare(_Roles(kept, {int(operator.inputs[0]) for operator in keeping}, joined, of_kept))
    for members in sets.groups():
        if sets.of(members[0]) not in rigid:
            _give_one_range(graph, members, without, kept | joined)
    return True


def _give_one_range(graph: schema.SubGraphT, members: list[int], without: set[int], derived: set[int]) -> None:
    """Gives one range to what operators compute anew, and to what is `derived` of that unless it is to be `without`."""
    ranges = {index: graph.tensors[index].quantization for index in members}
    known = {index: one for index, one in ranges.items() if one is not None and one.min is not None}
    if known.keys() <= derived:
        return  # conversions of other steps, joined: the range is that of the concatenation
    low, high = min(float(one.min[0]) for one in known.values()), max(float(one.max[0]) for one in known.values())
    for index, one in known.items():
        own = index not in without
        one.min, one.max = (np.array([end], np.float32) if own else None for end in (low, high))


class _Sets:
    """Disjoint sets of tensors."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def of(self, one: int) -> int:
        """A name of the set that holds it."""
        while (parent := self._parents.setdefault(one, one)) != one:
            self._parents[one] = self._parents[parent]
            one = parent
        return one

    def unite(self, one: int, other: int) -> None:
        """Makes one set of the sets of both."""
        self._parents[self.of(int(other))] = self.of(int(one))

    def groups(self) -> Iterator[list[int]]:
        """All sets."""
        found = defaultdict(list)
        for one in list(self._parents):
            found[self.of(one)].append(one)
        yield from found.values()
