"""Repairs an int8 file that loses too much: the cheapest way first that meets the floor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from device_bench.conversion.bias import mean_shifts, with_corrected_biases
from device_bench.conversion.selective import calibrated, quantized, to_keep
from device_bench.errors import BenchError
from device_bench.terminal import counted
from mnas.errors import SearchError
from mnas.records.record import Many, Record
from mnas.shipping.doctor import Case, Diagnosis, Judged
from mnas.tasks import Metric, Task

_CORRECTED_ON = 64


class Version(Record):
    """A file of the network, as it was judged.

    Attributes:
        way: How it was made.
        value: The metric.
        agreement: Share of the examples for which it prefers the same output as the float32 file.
        size_bytes: Of the file.
        median_ms: Of one inference; None where it was not timed.
        kept: Names of the operators that compute in float32.
    """

    way: str
    value: float
    agreement: float
    size_bytes: int
    median_ms: float | None
    kept: Many[str] = ()


class Repair(Record):
    """What was tried.

    Attributes:
        floor: The metric that had to be met.
        plain: The float32 file.
        given: The int8 file that was to be repaired.
        tried: What was made, in order.
        problems: Ways that could not be gone, a sentence each.
        met: Whether the last file that was tried, or the given one where none was, meets the floor.
    """

    floor: float
    plain: Version
    given: Version
    tried: Many[Version] = ()
    problems: Many[str] = ()
    met: bool

    def lines(self, task: Task[Any]) -> list[str]:
        """The repair for people, a line each."""
        metric = task.metric
        versions = [self.plain, self.given, *self.tried]
        rows = [_row(one, metric) for one in versions]
        return [f"The floor is {metric.words(self.floor)}.", *rows, *self.problems, self._outcome(metric)]

    def _outcome(self, metric: Metric) -> str:
        if self.met and not self.tried:
            return "The int8 file meets the floor as it is."
        if self.met:
            return f"Repaired: {self.tried[-1].way}."
        if not self.tried and not self.problems:
            return "The float32 network itself does not meet the floor: nothing that is done to int8 can be held to it."
        best = self.best(metric)
        return (
            f"Nothing meets the floor; the best file of int8 alone, which ships, is {metric.words(best.value)} "
            f"({best.way}). float16 loses less."
        )

    def best(self, metric: Metric) -> Version:
        """The best file of int8 alone, the earliest of equals: it ships where nothing meets the floor."""
        return max((self.given, *(one for one in self.tried if not one.kept)), key=lambda one: metric.gain(one.value))


def repair(
    case: Case,
    diagnosis: Diagnosis,
    *,
    floor: float,
    calibration: np.ndarray,
    retrain: Callable[[], bytes] | None = None,
    time_ms: Callable[[bytes], float] | None = None,
) -> tuple[Repair, bytes | None]:
    """Tries one way after the other until a file meets the floor.

    In order: calibration on more images; corrected biases; a quantization-aware training; the operators that cost most
    in float32, more of them each time. The first two cost nothing, the third costs time once, the last some speed.

    Args:
        case: The files.
        diagnosis: Of this case.
        floor: The metric to be met, on the examples of the case.
        calibration: Typical inputs, float32 `[count, height, width, channels]`, more than the int8 file was calibrated
            on; of the train split.
        retrain: Gives the int8 file of a quantization-aware training.
        time_ms: A file -> the median time of one inference, in milliseconds.

    Returns:
        What was tried, and the first file that meets the floor, with the input and output formats of the case's. Where
        there is none, `Repair.best` is given instead; None where the float32 network itself misses the floor.

    Raises:
        SearchError: There is no calibration input.
    """
    if not len(calibration):
        raise SearchError("a repair needs calibration inputs")
    bench = _Bench(case, floor, time_ms)
    plain, given = bench.version("float32", case.plain), bench.version("int8, as it was", case.quantized)
    found = case.quantized if bench.meets(given) else None
    if found is None and bench.meets(plain):
        for way in _ways(case, diagnosis, calibration, retrain):
            found = bench.attempt(way)
            if found is not None:
                break
    record = Repair(
        floor=floor,
        plain=plain,
        given=given,
        tried=tuple(bench.tried),
        problems=tuple(bench.problems),
        met=found is not None,
    )
    if found is None and bench.tried:
        found = bench.contents[record.best(case.task.metric).way]
    return record, found


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to another file."""

    name: str
    make: Callable[[], bytes]
    kept: tuple[str, ...] = ()


class _Bench:
    """Judges and times files of one network, the float32 one first."""

    def __init__(self, case: Case, floor: float, time_ms: Callable[[bytes], float] | None) -> None:
        self._case, self._floor, self._time_ms = case, floor, time_ms
        self._plain: Judged | None = None
        self.tried: list[Version] = []
        self.problems: list[str] = []
        self.contents: dict[str, bytes] = {}

    def version(self, name: str, content: bytes, kept: tuple[str, ...] = ()) -> Version:
        """The record of a file."""
        judged = self._case.judged(content)
        self.contents[name] = content
        self._plain = self._plain or judged
        return Version(
            way=name,
            value=judged.value,
            agreement=judged.agreement(self._plain),
            size_bytes=len(content),
            median_ms=self._time_ms(content) if self._time_ms else None,
            kept=kept,
        )

    def meets(self, version: Version) -> bool:
        """Whether a file is good enough."""
        gain = self._case.task.metric.gain
        return gain(version.value) >= gain(self._floor)

    def attempt(self, way: _Way) -> bytes | None:
        """Goes one way; the file, where it is good enough."""
        try:
            content = way.make()
            version = self.version(way.name, content, way.kept)
        except BenchError as error:
            self.problems.append(f"{way.name}: {error}.")
            return None
        self.tried.append(version)
        return content if self.meets(version) else None


def _ways(
    case: Case, diagnosis: Diagnosis, calibration: np.ndarray, retrain: Callable[[], bytes] | None
) -> Iterator[_Way]:
    images = counted(len(calibration), case.task.example, case.task.examples)
    ranged = calibrated(case.plain, calibration)
    yield _Way(f"calibrated on {images}", lambda: quantized(ranged, case.quantized))
    shifts = mean_shifts(
        case.plain, quantized(ranged, case.quantized), calibration[:: -(-len(calibration) // _CORRECTED_ON)]
    )

    def corrected(kept: tuple[str, ...] = ()) -> bytes:
        return quantized(with_corrected_biases(ranged, shifts, kept), case.quantized, kept)

    yield _Way("biases corrected", corrected)
    if retrain is not None:
        yield _Way("trained on with quantization", retrain)
    count = 1
    while count <= len(diagnosis.operators) // 2:
        kept = to_keep(case.plain, [one.operator for one in diagnosis.worst[:count]])
        name = f"{counted(len(kept), 'operator')} in float32, biases of the others corrected"
        yield _Way(name, lambda kept=kept: corrected(kept), kept)  # type: ignore[misc]
        count *= 2


def _row(version: Version, metric: Metric) -> str:
    value = f"{metric.name} {metric.words(version.value)}"
    time = "" if version.median_ms is None else f", {version.median_ms:.2f} ms"
    return (
        f"  {version.way}: {value}, agrees with float32 on {version.agreement:.1%}, {version.size_bytes:,} bytes{time}"
    )
