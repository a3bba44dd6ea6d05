"""What a user of the files has to know before taking one: sentences that a card warns with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from device_bench.timing.timing import Timing
from mnas.shipping.card import ShippedFile
from mnas.shipping.card_words import estimated, time_words

_APPS = "MediaPipe Tasks and the TFLite Task Library"
_BY = ("device", "runtime", "threads", "delegate")


def card_warnings(files: Sequence[ShippedFile], sparsity: float) -> tuple[str, ...]:
    """The warnings that follow from the files and from how many of their weights were pruned (a share)."""
    found = [*_interfaces(files), *_slower(files), *_latencies(files)]
    if sparsity > 0:
        found.append(
            f"{sparsity:.0%} of the weights of the kernels were pruned to 0. The files pack smaller for that, but they "
            "are not faster."
        )
    return tuple(found)


def _interfaces(files: Sequence[ShippedFile]) -> Iterator[str]:
    if names := _names(one for one in files if one.input_kind == "int8"):
        yield f"With int8 input, which {_APPS} refuse: {names}. Export a uint8 or float32 interface for them."
    if names := _names(one for one in files if len(one.input_shape) == 3 and one.input_shape[2] == 1):
        yield f"For grey images, while {_APPS} read files for colour images only: {names}."


def _names(files: Iterable[ShippedFile]) -> str:
    return ", ".join(one.name for one in files)


def _slower(files: Sequence[ShippedFile]) -> Iterator[str]:
    """Smaller files that are no faster than float32, where both were timed in the same way."""
    plain = next((one for one in files if one.precision == "float32"), None)
    if plain is None or plain.latency is None:
        return
    for file in files:
        if file is not plain and file.latency is not None and _is_slower(file.latency, plain.latency):
            yield (
                f"{file.name} is slower than {plain.name}: {time_words(file.latency)} against "
                f"{time_words(plain.latency)}. Take it for its size alone."
            )


def _is_slower(one: Timing, other: Timing) -> bool:
    """Whether its whole interval lies above the other's."""
    if any(getattr(one, name) != getattr(other, name) for name in _BY):
        return False
    low = one.low_ms or one.median_ms
    high = other.high_ms or other.median_ms
    return low is not None and high is not None and low > high


def _latencies(files: Sequence[ShippedFile]) -> Iterator[str]:
    for file in files:
        if file.latency is None:
            continue
        if file.latency.verdict != "valid":
            yield f"The latency of {file.name} is not to be relied on: {file.latency.reason or file.latency.verdict}."
        elif estimated(file.latency):
            yield f"The latency of {file.name} was estimated from a latency table; no device has measured this file."
