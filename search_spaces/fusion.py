"""What a TFLite converter makes of a graph before operators are counted.

Read off converted files, and held to them by a test: compound operators become products and sums with constants; a
constant is folded into the weights or the bias of the convolution in front of it, and a ReLU is joined to an operator
that can carry it, where nothing else reads what lies between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, cast

from search_spaces.graph import Fused, Graph, Kind, Operator, Part

WEIGHTED = ("conv", "depthwise", "dense")
"""The kinds of operators that hold a kernel."""

CARRIERS = (*WEIGHTED, "add", "multiply", "scale", "shift", "average_pool", "max_pool")
"""What can carry a ReLU."""

_AS_THEY_ARE = frozenset({*WEIGHTED, "add", "multiply", "average_pool", "sigmoid", "softmax"})


@dataclass(frozen=True, slots=True)
class FileOperator:
    """An operator of a TFLite file.

    Attributes:
        kind: As an operator's, or a product (`scale`) or sum (`shift`) with a constant.
        operator: Its name, inputs, shapes, window and activation.
    """

    kind: Kind | Literal["scale", "shift"]
    operator: Operator

    def with_activation(self, activation: Fused) -> FileOperator:
        """The same, with an activation joined to it."""
        return replace(self, operator=replace(self.operator, activation=activation))


def joined_operators(listed: Sequence[FileOperator], outputs: tuple[str, ...]) -> tuple[FileOperator, ...]:
    """The operators as a TFLite file has them, of those that its converter sees (`converted`)."""
    readers = Counter(name for one in listed for name in one.operator.inputs)
    readers.update(outputs)
    kept: dict[str, FileOperator] = {}
    standing: dict[str, str] = {}  # the name of what is gone -> of what computes it now
    for one in listed:
        read = one.operator.inputs[0]
        source = standing.get(read, read)
        before = kept.get(source)
        joined = _joined(before, one, alone=readers[read] == 1) if before else None
        if joined:
            kept[source] = joined
            standing[one.operator.name] = source
        else:
            kept[one.operator.name] = one
    return tuple(kept.values())


def converted(graph: Graph) -> tuple[list[FileOperator], tuple[str, ...]]:
    """The operators of `graph` that a converter sees before it joins some to others, and the names of its outputs."""
    return shared(_expanded(graph), graph.outputs)


_OWN_NUMBERS = (*WEIGHTED, "batch_norm")


def shared(listed: Iterable[FileOperator], outputs: tuple[str, ...]) -> tuple[list[FileOperator], tuple[str, ...]]:
    """Operators without weights that compute the same from the same are computed once; what changes nothing is gone."""
    kept: list[FileOperator] = []
    first: dict[Operator, str] = {}
    made: dict[str, Operator] = {}
    standing: dict[str, str] = {}
    for one in listed:
        operator = one.operator
        inputs = tuple(standing.get(name, name) for name in operator.inputs)
        if inputs != operator.inputs:
            operator = replace(operator, inputs=inputs)
        if _changes_nothing(one.kind, operator, made.get(inputs[0])):
            standing[operator.name] = inputs[0]
            continue
        if operator.kind not in _OWN_NUMBERS:
            # The order of its two inputs changes nothing in a sum or a product.
            order = tuple(sorted(inputs)) if one.kind in ("add", "multiply") else inputs
            same = replace(operator, name="", inputs=order)
            if same in first:
                standing[operator.name] = first[same]
                continue
            first[same] = operator.name
        made[operator.name] = operator
        kept.append(FileOperator(one.kind, operator))
    return kept, tuple(standing.get(name, name) for name in outputs)


def _changes_nothing(kind: str, operator: Operator, before: Operator | None) -> bool:
    if kind == "global_pool":
        return operator.input_shape[:2] == (1, 1)
    return kind in ("relu", "relu6") and before is not None and kind in (before.kind, before.activation)


@lru_cache(maxsize=65536)
def is_rewritten(part: Part) -> bool:
    """Whether a converter makes other operators of a part, or of what stands around it."""
    kinds = {operator.kind for operator in part.operators if operator.kind != "global_pool"}
    tiny = any(one.kind == "global_pool" and one.input_shape[:2] == (1, 1) for one in part.operators)
    return tiny or not kinds <= _AS_THEY_ARE


def _joined(before: FileOperator, one: FileOperator, *, alone: bool) -> FileOperator | None:
    """The two as one operator, where there is one; `alone`: nothing else reads what `before` makes."""
    # A result that somebody else reads as well has to exist on its own.
    if not alone or before.operator.activation != "none":
        return None
    if one.kind in ("relu", "relu6") and before.kind in CARRIERS:
        return before.with_activation(cast(Fused, one.kind))
    if one.kind in ("scale", "shift") and before.kind in WEIGHTED:
        return before.with_activation(one.operator.activation)
    if one.kind == before.kind == "shift":
        return before.with_activation(one.operator.activation)
    if one.kind in ("conv", "depthwise") and before.kind == "scale" and before.operator.kind != "batch_norm":
        return one
    return None


def _expanded(graph: Graph) -> Iterator[FileOperator]:
    """Compound operators as the parts that a converter sees; the last part has the operator's name."""
    before_relu = {one.inputs[0] for one in graph.operators if one.kind in ("relu", "relu6")}
    readers = Counter(name for operator in graph.operators for name in operator.inputs)
    for operator in graph.operators:
        parts = f"{operator.name}/shift", f"{operator.name}/scale"
        if operator.kind == "batch_norm":
            yield FileOperator("scale", replace(operator, name=parts[1]))
            yield FileOperator("shift", replace(operator, inputs=(parts[1],)))
        elif operator.kind == "hard_sigmoid":
            yield FileOperator("shift", replace(operator, name=parts[0], activation="relu6"))
            yield FileOperator("scale", replace(operator, inputs=(parts[0],)))
        elif operator.kind == "hard_swish" and operator.name in before_relu and readers[operator.name] == 1:
            # The ReLU is joined to its last product, and the pattern is no longer recognized.
            both = (operator.input_shape, operator.input_shape)
            yield FileOperator("shift", replace(operator, name=parts[0], activation="relu6"))
            product = replace(operator, name=parts[1], inputs=(operator.inputs[0], parts[0]), input_shapes=both)
            yield FileOperator("multiply", product)
            yield FileOperator("scale", replace(operator, inputs=(parts[1],)))
        else:
            yield FileOperator(operator.kind, operator)
