"""A card's figures in words, for card.md and for pages."""

from __future__ import annotations

import math

from device_bench.terminal import counted
from device_bench.timing.timing import Timing
from mnas.shipping.card import Card, Change, Scored, ShippedFile
from mnas.tasks import Metric

_EN_DASH = "\N{EN DASH}"


def size_words(size_bytes: int) -> str:
    """Bytes in thousands or millions, with three digits."""
    for unit, name in ((1e6, "MB"), (1e3, "kB")):
        if size_bytes >= unit:
            return f"{_digits(size_bytes / unit)} {name}"
    return f"{size_bytes} bytes"


def count_words(number: int) -> str:
    """A number of parameters or operations, with three digits."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)


def shape_words(shape: tuple[int, ...]) -> str:
    """Such as `28×28×1`."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, shape))


def tested_words(tested: Scored, metric: Metric) -> str:
    """A value of the metric with its interval."""
    words = metric.words(tested.test_value)
    if tested.low is None or tested.high is None:
        return words
    return f"{words} ({metric.digits(tested.low)}{_EN_DASH}{metric.digits(tested.high)})"


def change_words(change: Change, metric: Metric) -> str:
    """What a file lost or gained against the float network, as far as the examples can tell."""
    size = metric.difference_words(change.difference)
    side = f"{size} {metric.compared(better=metric.gain(change.difference) > 0)}" if change.difference else "the same"
    if change.low is None or change.high is None:
        return side
    ends = " to ".join(f"{metric.factor * end:+.{metric.decimals + 1}f}" for end in (change.low, change.high))
    clear = change.low > 0 or change.high < 0
    return f"{side} ({ends})" if clear else f"no clear difference ({f'{ends} {metric.difference_unit}'.rstrip()})"


def time_words(timing: Timing) -> str:
    """The median with its interval."""
    if timing.median_ms is None:
        return "no latency"
    words = f"{_digits(timing.median_ms)} ms"
    if timing.low_ms is None or timing.high_ms is None:
        return words
    decimals = _decimals(timing.median_ms)
    return f"{words} ({timing.low_ms:.{decimals}f}{_EN_DASH}{timing.high_ms:.{decimals}f})"


def conditions_words(timing: Timing) -> str:
    """On what, by what and how it was timed."""
    model = timing.conditions.get("model")
    device = f"{model} ({timing.device})" if model else timing.device
    words = [device, timing.runtime, counted(timing.threads, "thread"), timing.delegate]
    if estimated(timing):
        words.append("estimated from a latency table, not measured")
    else:
        words.append(f"{counted(timing.runs, 'run')} in {counted(timing.sessions, 'process', 'processes')}")
    return ", ".join(filter(None, words))


def estimated(timing: Timing) -> bool:
    """Whether a table foretold it."""
    return timing.conditions.get("predicted") is True


def verdict_words(timing: Timing, target_ms: float | None) -> str:
    """Whether the latency can be trusted, and whether it keeps the target."""
    words = [f"{timing.verdict}: {timing.reason}" if timing.reason else timing.verdict]
    if target_ms is not None and timing.median_ms is not None:
        low, high = timing.low_ms or timing.median_ms, timing.high_ms or timing.median_ms
        target = f"the target of {target_ms:g} ms"
        if high <= target_ms:
            words.append(f"meets {target}")
        elif low > target_ms:
            words.append(f"misses {target}")
        else:
            words.append(f"{target} lies within the interval")
    return "; ".join(words)


def headline(card: Card) -> str:
    """The card in one sentence: its fastest valid file, or else its first one."""
    if not card.files:
        return f"{card.architecture.name} has no files."
    file = lead(card)
    claim = card.metric.claimed(file.tested.test_value, f"test {card.judged_by.examples}")
    words = [f"{file.name} {claim}", f"takes {size_words(file.size_bytes)}"]
    if file.latency and file.latency.median_ms is not None:
        verb = "is estimated to need" if estimated(file.latency) else "needs"
        words.append(f"{verb} {_digits(file.latency.median_ms)} ms on {file.latency.device}")
    return f"{', '.join(words[:-1])} and {words[-1]}."


def lead(card: Card) -> ShippedFile:
    """The file that people will take: the fastest whose latency is valid, or else the smallest."""
    timed = [one for one in card.files if one.latency and one.latency.verdict == "valid" and one.latency.median_ms]
    if timed:
        return min(timed, key=lambda one: (one.latency and one.latency.median_ms) or 0.0)
    return min(card.files, key=lambda one: one.size_bytes)


def recipe_words(value: object) -> str:
    """A value of a recipe."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def _digits(value: float) -> str:
    return f"{value:.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    """Digits behind the point of a number that is shown with three."""
    return max(0, 2 - math.floor(math.log10(max(abs(value), 1e-3))))
