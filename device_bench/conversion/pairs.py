"""Which operator of a float32 file each operator of a quantized file computes."""

from collections.abc import Iterator
from dataclasses import dataclass

from device_bench.errors import BadRequest
from device_bench.tflite.graph import Graph, Operator

CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""Operators that change the number format of a tensor and nothing else."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same operator in two files.

    Attributes:
        quantized: In the quantized file.
        plain: In the float32 file.
        inputs: For each tensor of the float32 file that `plain` reads: the quantized file's tensor of the same values.
    """

    quantized: Operator
    plain: Operator
    inputs: dict[int, int]

    @property
    def outputs(self) -> Iterator[tuple[int, int]]:
        """Tensors of the quantized and of the float32 file with the same values."""
        return zip(self.quantized.outputs, self.plain.outputs, strict=True)


def paired(quantized: Graph, plain: Graph) -> tuple[Pair, ...]:
    """Follows the data through both files and pairs their operators.

    A converter quantizes the operators that its float32 file has, with their joined activations and folded batch
    normalizations, and adds operators that convert formats. So an operator of the quantized file is the one of the
    same kind and shape that reads the same tensors; where several do, names and then their order decide.

    Args:
        quantized: Quantized wholly or in part, by calibration or by a quantization-aware training.
        plain: The same network in float32.

    Returns:
        A pair for each operator of the quantized file but the conversions, in the order in which they run.

    Raises:
        BadRequest: The files are not of the same network.
    """
    if len(quantized.inputs) != len(plain.inputs):
        raise BadRequest(
            f"the files are not of the same network: they have {len(quantized.inputs)} and {len(plain.inputs)} inputs"
        )
    twin = dict(zip(quantized.inputs, plain.inputs, strict=True))
    left = list(plain.operators)
    pairs = []
    for operator in quantized.operators:
        moving = moving_inputs(quantized, operator)
        if operator.name in CONVERSIONS:
            twin[operator.outputs[0]] = twin[moving[0]]
            continue
        found = _twin_of(operator, [twin[one] for one in moving], quantized, plain, left)
        left.remove(found)
        twin |= zip(operator.outputs, found.outputs, strict=True)
        pairs.append(Pair(operator, found, {twin[one]: one for one in moving}))
    if left:
        raise BadRequest(f"the files are not of the same network: the quantized one lacks {_called(plain, left[0])}")
    return tuple(pairs)


def moving_inputs(graph: Graph, operator: Operator) -> list[int]:
    """Numbers of the tensors that an inference computes before the operator reads them."""
    return [one for one in operator.inputs if one >= 0 and not graph.is_constant(one)]


def _twin_of(operator: Operator, reads: list[int], quantized: Graph, plain: Graph, left: list[Operator]) -> Operator:
    name, shapes = _output_name(quantized, operator), _output_shapes(quantized, operator)
    alike = [
        one
        for one in left
        if one.name == operator.name
        and sorted(moving_inputs(plain, one)) == sorted(reads)
        and _output_shapes(plain, one) == shapes
    ]
    if not alike:
        raise BadRequest(
            f"the files are not of the same network: the float32 one has nothing like {_called(quantized, operator)}"
        )
    return next((one for one in alike if _output_name(plain, one) == name), alike[0])


def _output_shapes(graph: Graph, operator: Operator) -> list[tuple[int, ...]]:
    return [graph.tensors[one].sizes for one in operator.outputs]


def _output_name(graph: Graph, operator: Operator) -> str:
    return graph.tensors[operator.outputs[0]].name


def _called(graph: Graph, operator: Operator) -> str:
    return f"{operator.name} {_output_name(graph, operator)!r}"
