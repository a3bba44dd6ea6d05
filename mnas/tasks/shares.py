"""How sure a share of examples is, and the difference of two shares of the same examples: 95 % intervals."""

from __future__ import annotations

import math

import numpy as np

_Z = 1.959964  # two-sided 95 % of the normal distribution


def wilson(share: float, count: int) -> tuple[float, float]:
    """The ends of Wilson's 95 % interval (JASA 22, 1927) of a share of `count`; NaN for what is not a share."""
    if not 0 <= share <= 1:
        return math.nan, math.nan
    squared = _Z * _Z / count
    center = (share + squared / 2) / (1 + squared)
    half = _Z * math.sqrt(share * (1 - share) / count + squared / (4 * count)) / (1 + squared)
    return max(0.0, min(share, center - half)), min(1.0, max(share, center + half))


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The ends of the 95 % interval of the share of `first` less that of `second`, found on the same examples.

    Wald's interval with half an example added to each of the four counts (Bonett and Price, Journal of Educational and
    Behavioral Statistics 37, 2012). Examples on which both agree say nothing about which is better, so the interval
    is narrower than that of two independent shares.

    Args:
        first: Whether each example is right, `[count]`.
        second: The same of the other.
    """
    if not len(first):
        return math.nan, math.nan
    total = len(first) + 2
    gained, lost = ((1 + np.sum(one & ~other)) / total for one, other in ((first, second), (second, first)))
    half = _Z * math.sqrt((gained + lost - (gained - lost) ** 2) / total)
    found = float(np.mean(first) - np.mean(second))
    return max(-1.0, min(found, gained - lost - half)), min(1.0, max(found, gained - lost + half))
