"""One range for all that a file holds in one step.

In int8 a concatenation, a pool, a padding or a slice cannot change the step between two values: what it reads and what
it makes have the same one. Where calibration gives two maps of a concatenation different ranges, the converter puts a
conversion in front of it, which costs a pass over the map and rounds once more. Here all maps that are joined, directly
or through pools and the like, get the range that holds each of theirs, before they are quantized.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

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


def join_ranges(calibrated: bytes) -> bytes:
    """Gives all that is joined one range; a file that joins nothing is returned as it is.

    The inputs of the network, on whose step apps count, and the results of sigmoids and the like keep theirs: a file
    converts them where they are joined with others.

    Args:
        calibrated: A float model whose activations carry their calibrated minimum and maximum.
    """
    parsed = unpacked(calibrated)
    changed = [_join(graph, [code.builtinCode for code in parsed.operatorCodes]) for graph in parsed.subgraphs]
    return packed(parsed) if any(changed) else calibrated


def _join(graph: schema.SubGraphT, codes: list[int]) -> bool:
    kinds = [(codes[operator.opcodeIndex], operator) for operator in graph.operators]
    if not any(kind in _JOINING for kind, _ in kinds):
        return False
    sets = _Sets()
    for kind, operator in kinds:
        if kind in _KEEPING:
            sets.unite(operator.inputs[0], operator.outputs[0])
    fixed = {operator.outputs[0] for kind, operator in kinds if kind in _FIXED}
    rigid = {sets.of(one) for one in (*graph.inputs, *fixed)}
    for kind, operator in kinds:
        if kind in _JOINING:
            for one in operator.inputs:
                if sets.of(one) not in rigid:
                    sets.unite(one, operator.outputs[0])
    derived = {operator.outputs[0] for kind, operator in kinds if kind in _KEEPING | _JOINING}
    for members in sets.groups():
        if sets.of(members[0]) not in rigid:
            _give_one_range(graph, members, derived)
    return True


def _give_one_range(graph: schema.SubGraphT, members: list[int], derived: set[int]) -> None:
    """Gives one range to what operators compute anew; what is `derived` of it has none of its own.

    Left with ranges, results of pools and the like that read what is also joined would stay in float32.
    """
    ranges = {index: graph.tensors[index].quantization for index in members}
    known = {index: one for index, one in ranges.items() if one is not None and one.min is not None}
    if known.keys() <= derived:
        return  # conversions of other steps, joined: the range is that of the concatenation
    low, high = min(float(one.min[0]) for one in known.values()), max(float(one.max[0]) for one in known.values())
    for index, one in known.items():
        own = index not in derived
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
