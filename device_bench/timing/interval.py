"""The interval of a median over sessions.

A session's inferences share one process: its memory layout, its core, its frequency. Their spread says little about
what another process would measure, so the sessions' medians, not the inferences, are the sample.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
_FEWEST_FOR_ORDER = 6
# Student's t at 0.975 for 1 to 4 degrees of freedom (any table, such as NIST/SEMATECH e-Handbook 1.3.6.7.2).
_T_975 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}


@dataclass(frozen=True, slots=True)
class Interval:
    """A median and where it may lie, with 95 % confidence.

    Attributes:
        median: The median of the sample.
        low: Lower end; -inf of the sample's unit cannot occur, 0 and inf stand for "not known".
        high: Upper end.
    """

    median: float
    low: float
    high: float

    @property
    def relative(self) -> float:
        """Half the width over the median."""
        return (self.high - self.low) / 2 / self.median


def median_interval(sample: Sequence[float]) -> Interval:
    """The 95 % interval of the median of positive, independent values.

    From 6 values on it needs no distribution: order statistics (David and Nagaraja, Order Statistics, 3rd ed.,
    section 7.1), interpolated between the two nearest to 95 % (Hettmansperger and Sheather, Statistics and Probability
    Letters 4, 1986). Fewer than 6 values have no such interval (the widest of 5 covers 93.75 %), so there Student's t
    on their logarithms stands in, which assumes that they scatter normally, and is wide. One value has none.
    """
    ordered = sorted(sample)
    count = len(ordered)
    median = statistics.median(ordered)
    if count == 1:
        return Interval(median, 0.0, math.inf)
    if count < _FEWEST_FOR_ORDER:
        logs = [math.log(value) for value in ordered]
        reach = _T_975[count] * statistics.stdev(logs) / math.sqrt(count)
        center = statistics.fmean(logs)
        return Interval(median, min(median, math.exp(center - reach)), max(median, math.exp(center + reach)))
    return Interval(median, *_order_interval(ordered))


def _order_interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Interpolates between the k-th values from both ends, which cover at least 95 %, and the next inner ones."""
    count = len(ordered)
    k = 1
    while k + 1 <= count // 2 and _coverage(count, k + 1) >= CONFIDENCE:
        k += 1
    outer, inner = _coverage(count, k), _coverage(count, k + 1)
    share = (outer - CONFIDENCE) / (outer - inner)
    weight = (count - k) * share / (k + (count - 2 * k) * share)
    low = (1 - weight) * ordered[k - 1] + weight * ordered[k]
    high = (1 - weight) * ordered[count - k] + weight * ordered[count - k - 1]
    return low, high


def _coverage(count: int, k: int) -> float:
    """Probability that the median lies between the k-th smallest and the k-th largest of `count` values."""
    return 1 - 2 * sum(math.comb(count, below) for below in range(k)) / float(2**count)
