"""How a whole network's time divides among its kinds of operators: from a profile of it.

Rows are counted and summed by kind. A profile of a network that XNNPACK takes in several parts merges rows of one place
and kind, so that its order does not tell which operator a row is of; the sums by kind stay exact.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from device_bench.errors import RunnerError
from device_bench.runners.runner import OperatorTime

_FLOORED_US = 0.5
"""Profilers cut the time of a call to whole microseconds: half of one is lost, on average."""

# What XNNPACK calls the work of an operator. An operator that it leaves to TFLite has TFLite's own name for a row.
_ROWS = (
    (re.compile(r"(Convolution|Fully Connected) \(.*\) I?GEMM"), "dense"),
    (re.compile(r"Convolution \(.*\) DWConv"), "DEPTHWISE_CONV_2D"),
    (re.compile(r"Sigmoid\b.*"), "LOGISTIC"),
    (re.compile(r"Multiply\b.*"), "MUL"),
    (re.compile(r"Add\b.*"), "ADD"),
    (re.compile(r"Mean\b.*"), "MEAN"),
    (re.compile(r"Softmax\b.*"), "SOFTMAX"),
    (re.compile(r"Average Pooling\b.*"), "AVERAGE_POOL_2D"),
)
# No operators: the sum of a delegate's rows, and what a mean or a fully connected layer that drops dimensions adds.
_BESIDE = re.compile(r"TfLite\w*Delegate|Static Reshape\b.*")
_DENSE = {"CONV_2D", "FULLY_CONNECTED"}


def kind(operator: str) -> str:
    """The kind of an operator, from its signature or from the group it belongs to."""
    name = operator.split(" ", 1)[0]
    return "dense" if name in _DENSE else name


def shares(signatures: Iterable[str], rows: Iterable[OperatorTime]) -> dict[str, float]:
    """Kind -> its share of the time of a network; they add up to 1.

    Args:
        signatures: The network's operators.
        rows: Their profile.

    Raises:
        RunnerError: The profile has other operators than the network. Nothing is guessed.
    """
    due = Counter(map(kind, signatures))
    found: Counter[str] = Counter()
    times_us = dict.fromkeys(due, 0.0)
    for row in rows:
        label = _label(row)
        if _BESIDE.fullmatch(label):
            continue
        named = _kind_of_row(label)
        found[named] += row.calls
        times_us[named] = times_us.get(named, 0.0) + (row.mean_us + _FLOORED_US) * row.calls
    if found != due:
        wrong = ", ".join(f"{found[one]} of {due[one]} {one}" for one in sorted(found | due) if found[one] != due[one])
        raise RunnerError(f"the operator profile is not that of the network: it has {wrong}")
    whole_us = sum(times_us.values())
    return {one: time_us / whole_us for one, time_us in times_us.items()}


def mean_shares(profiles: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of several profiles of one network."""
    several = list(profiles)
    return {one: sum(profile[one] for profile in several) / len(several) for one in (several[0] if several else ())}


def _kind_of_row(label: str) -> str:
    return next((named for pattern, named in _ROWS if pattern.fullmatch(label)), kind(label))


def _label(row: OperatorTime) -> str:
    """What the row calls itself; benchmark_model numbers it."""
    return re.sub(r":\d+$", "", row.kind.removeprefix("Delegate/")).strip()
