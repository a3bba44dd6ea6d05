"""How sure a number is, and whether two numbers differ: 95 % intervals for accuracies and latencies.

An accuracy on n images is a binomial share: Wilson's interval (JASA 22, 1927), and Newcombe's hybrid score interval for
the difference of two (Statistics in Medicine 17, 1998, method 10). It takes the two networks as tested independently;
tested on the same images, as in one run, their true difference is surer than that, so a difference is claimed too
seldom rather than too often.

A latency comes with the interval of its median from the timing protocol; the ratio of two is taken on the logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959964  # two-sided 95 % of the normal distribution


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


def share(accuracy: float, images: int | None) -> Interval:
    """Wilson's interval of an accuracy measured on `images` images; unknown ends without their number."""
    if not images or not 0 <= accuracy <= 1:
        return Interval(accuracy, math.nan, math.nan)
    squared = _Z * _Z / images
    center = (accuracy + squared / 2) / (1 + squared)
    half = _Z * math.sqrt(accuracy * (1 - accuracy) / images + squared / (4 * images)) / (1 + squared)
    return Interval(accuracy, max(0.0, min(accuracy, center - half)), min(1.0, max(accuracy, center + half)))


def share_difference(first: Interval, second: Interval) -> Interval:
    """Newcombe's interval of `first - second`, two accuracies with their Wilson intervals."""
    difference = first.value - second.value
    if not (first.known and second.known):
        return Interval(difference, math.nan, math.nan)
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(difference, difference - below, difference + above)


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
