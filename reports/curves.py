"""Where the points of a curve of shares stand in a page: a square that both axes cross from 0 to 100 %."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mnas.tasks.findings import Curve

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 342, 12, 292
_SMALLEST, _LARGEST = 3.0, 8.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A point as it is drawn, in the units of the picture.

    Attributes:
        x: From the left.
        y: From the top.
        radius: Its area grows with the examples behind it.
        low: Where its interval begins, from the top; None where it is not known.
        high: Where it ends.
        words: What it says, up to the name of the examples.
    """

    x: float
    y: float
    radius: float
    low: float | None
    high: float | None
    words: str


def across(share: float) -> float:
    """From the left."""
    return round(_LEFT + (_RIGHT - _LEFT) * share, 1)


def up(share: float) -> float:
    """From the top."""
    return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)


def dots(curve: Curve) -> list[Dot]:
    """The points of a curve."""
    most = max((point.count for point in curve.points), default=1)
    return [
        Dot(
            across(point.x),
            up(point.y),
            round(_SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(point.count / most), 1),
            None if point.low is None else up(point.low),
            None if point.high is None else up(point.high),
            f"{curve.x} {point.x:.1%}, {curve.y} {point.y:.1%}: {point.count:,}",
        )
        for point in curve.points
    ]
