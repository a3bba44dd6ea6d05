"""The least time an inference can take: a shorter one was not waited for, and is no measurement.

Calls of an accelerator may return when the work is queued. What a network must at least do is known from its file:
multiply, read weights and what is computed with them, write the results. No mobile device does that faster than the
limits below, which are several times what the fastest of them reaches, so that a true time is never refused.
"""

from dataclasses import dataclass
from math import prod

from device_bench.errors import RunnerError
from device_bench.kinds import Delegate
from device_bench.runners.runner import BenchSpec, Session
from device_bench.tflite.graph import Graph, Operator, reading
from device_bench.tflite.model_file import WEIGHTED


@dataclass(frozen=True, slots=True)
class Work:
    """What an inference cannot do without.

    Attributes:
        macs: Multiply-adds.
        moved_bytes: Bytes that its layers with weights read and write.
    """

    macs: float = 0.0
    moved_bytes: float = 0.0


# Multiply-adds and bytes a second. A core: one that has matrix units, out of its nearest cache. A GPU: twice the
# half-precision peak of the largest in a phone, three times its memory. An NPU: four times 100 TOPS, on-chip memory.
_LIMITS: dict[Delegate, tuple[float, float]] = {
    "cpu": (8e12, 2e12),
    "gpu": (10e12, 0.3e12),
    "nnapi": (200e12, 20e12),
    "npu": (200e12, 20e12),
}
_HALF = 2  # bytes; an accelerator may hold what the file has in 4


def least_work(model: bytes) -> Work:
    """Counts the layers that a file's outputs need; what is not surely done counts nothing.

    Raises:
        BadRequest: The bytes are no TFLite file.
    """
    with reading("the model"):
        graph = Graph(model)
        found = [_work(graph, one) for one in _needed(graph) if one.name in WEIGHTED]
    return Work(sum(one.macs for one in found), sum(one.moved_bytes for one in found))


def least_us(work: Work, spec: BenchSpec) -> float:
    """The least time of an inference in microseconds."""
    macs_per_s, bytes_per_s = _LIMITS[spec.delegate]
    together = spec.threads if spec.delegate == "cpu" else 1
    return max(work.macs / macs_per_s, work.moved_bytes / bytes_per_s) / together * 1e6


def check_plausible(session: Session, work: Work, spec: BenchSpec) -> None:
    """Refuses a session that holds a time no device can reach.

    Raises:
        RunnerError: It does.
    """
    shortest_us, limit_us = min((session.center_us, *session.samples_us)), least_us(work, spec)
    if shortest_us < limit_us:
        raise RunnerError(
            f"{shortest_us:.4g} us is not an inference time: {work.macs / 1e6:.4g} million multiply-adds and "
            f"{work.moved_bytes / 1e6:.3g} MB take any {spec.delegate} at least {limit_us:.4g} us, so the tool did "
            "not wait for the result"
        )


def _needed(graph: Graph) -> list[Operator]:
    """The operators on the way from what an inference is given to what it gives."""
    given, live = set(graph.inputs), set(graph.outputs)
    for operator in graph.operators:
        if given.intersection(operator.inputs):
            given.update(operator.outputs)
    needed = []
    for operator in reversed(graph.operators):
        if live.intersection(operator.outputs) and given.intersection(operator.outputs):
            live.update(operator.inputs)
            needed.append(operator)
    return needed


def _work(graph: Graph, operator: Operator) -> Work:
    made = graph.tensors[operator.outputs[0]]
    moved = float(sum(one.elements * min(one.width, _HALF) for one in (*graph.moving(operator), made)))
    number = graph.weights(operator)
    if number is None:
        return Work(0.0, moved)
    weights = graph.tensors[number]
    share = 1.0 if "sparse" not in graph.stored_kind(number) else 0.0
    macs = share * made.elements * _macs_per_result(operator.name, weights.sizes)
    return Work(macs, moved + share * weights.elements * min(weights.width, _HALF))


def _macs_per_result(name: str, weights: tuple[int, ...]) -> int:
    """Multiply-adds per value of a layer's result; 0 for kinds whose count the weights alone do not tell."""
    if name in ("CONV_2D", "FULLY_CONNECTED"):
        return prod(weights[1:])
    if name == "DEPTHWISE_CONV_2D":
        return prod(weights[1:3])
    return 0
