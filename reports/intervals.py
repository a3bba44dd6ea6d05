"""How sure a number is, and whether two numbers differ: 95 % intervals for values of a metric and latencies.

A value has the interval that its metric gives, for a share of n examples Wilson's (JASA 22, 1927); the difference of
two has the hybrid interval that Newcombe made of those of two shares (Statistics in Medicine 17, 1998, method 10), and
that holds for any two estimates (Zou and Donner, Statistics in Medicine 27, 2008). It takes the two networks as tested
independently; tested on the same examples, as in one run, their true difference is surer than that, so a difference is
claimed too seldom rather than too often.

A latency comes with the interval of its median from the timing protocol; the ratio of two is taken on the logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mnas.tasks import Metric


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the ends of its 95 % interval; the ends are NaN where nothing is known about them."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether the interval has ends."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside: never so while the ends are unknown."""
        return self.known and not self.low <= value <= self.high


def measured(metric: Metric, value: float, count: int | None) -> Interval:
    """A metric measured on `count` examples; unknown ends without their number."""
    if not count or not math.isfinite(value):
        return Interval(value, math.nan, math.nan)
    return Interval(value, *metric.interval(value, count))


def difference(first: Interval, second: Interval) -> Interval:
    """Newcombe's interval of `first - second`, two values of a metric with their intervals."""
    found = first.value - second.value
    if not (first.known and second.known):
        return Interval(found, math.nan, math.nan)
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(found, found - below, found + above)


def ratio(first: Interval, second: Interval) -> Interval:
    """Interval of `first / second`, two positive latencies each with its interval."""
    if not (first.value > 0 and second.value > 0):
        return Interval(math.nan, math.nan, math.nan)
    quotient = first.value / second.value
    if not (first.known and second.known and first.low > 0 and second.low > 0):
        return Interval(quotient, math.nan, math.nan)
    below = math.hypot(math.log(first.value / first.low), math.log(second.high / second.value))
    above = math.hypot(math.log(first.high / first.value), math.log(second.value / second.low))
    return Interval(quotient, quotient * math.exp(-below), quotient * math.exp(above))
