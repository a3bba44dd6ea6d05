"""The reward: accuracy, or what a task takes for it, and measured latency in one number.

Sources: MnasNet (Tan et al., CVPR 2019, section 3.1) for the soft and the hard form; TuNAS (Bender et al.,
CVPR 2020, section 3.3) for the absolute one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mnas.errors import SearchError

Kind = Literal["soft", "hard", "absolute"]

# The published exponents. For "absolute" -0.07 gives the soft reward's slope at the target when accuracy is near 1.
_DEFAULTS: dict[str, tuple[float, float]] = {
    "soft": (-0.07, -0.07),
    "hard": (0.0, -1.0),
    "absolute": (0.0, -0.07),
}


def as_it_is(value: float) -> float:
    """The merit of a metric that is one already."""
    return value


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward to maximize, as a function of accuracy and latency.

    * ``soft``: ``acc * (lat / target) ** w`` with ``w = alpha`` up to the target and ``beta`` beyond it, both -0.07:
      doubling the latency is worth 5 % relative accuracy.
    * ``hard``: the same with ``alpha = 0`` and ``beta = -1``: free below the target, steep beyond it.
    * ``absolute``: ``acc + beta * abs(lat / target - 1)``: aims at the target from both sides.

    Attributes:
        kind: Which form.
        target_ms: The latency aimed at, in milliseconds, > 0.
        alpha: The exponent up to the target, <= 0; ``None`` means the published value. Unused by ``absolute``.
        beta: The exponent (or the weight) beyond the target, <= 0; ``None`` means the published value.
        merit: Makes of a task's metric the number in [0, 1] that stands for ``acc`` above; an accuracy is one.
        maximize: Whether more of that metric is better, as a study's directions must say.

    Raises:
        SearchError: A value is out of range.
    """

    kind: Kind = "soft"
    target_ms: float = 75.0
    alpha: float | None = None
    beta: float | None = None
    merit: Callable[[float], float] = field(default=as_it_is, repr=False)
    maximize: bool = field(default=True, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise SearchError(f"reward kind {self.kind!r} is unknown: use one of {', '.join(get_args(Kind))}")
        if not (math.isfinite(self.target_ms) and self.target_ms > 0):
            raise SearchError(f"reward target_ms is {self.target_ms}: give a latency in milliseconds above 0")
        for name, default in zip(("alpha", "beta"), _DEFAULTS[self.kind], strict=True):
            value = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, default)
            elif not (math.isfinite(value) and value <= 0):
                raise SearchError(f"reward {name} is {value}: it must be 0 or negative (slower is not better)")

    def __call__(self, value: float, latency_ms: float) -> float:
        """Returns the reward of one candidate.

        Args:
            value: Of the task's metric, such as an accuracy; any finite number works.
            latency_ms: A measured latency in milliseconds, > 0.

        Raises:
            SearchError: The latency is not a positive finite number, or the value or its merit is not finite.
        """
        if not (math.isfinite(latency_ms) and latency_ms > 0):
            raise SearchError(f"latency {latency_ms} ms cannot be rewarded: a measured latency is above 0")
        merit = self.merit(value) if math.isfinite(value) else value
        if not math.isfinite(merit):
            raise SearchError(f"a metric of {value} cannot be rewarded: it, or its merit, is not a finite number")
        alpha, beta = self.exponents
        ratio = latency_ms / self.target_ms
        if self.kind == "absolute":
            return merit + beta * abs(ratio - 1.0)
        return float(merit * ratio ** (alpha if ratio <= 1.0 else beta))

    @property
    def exponents(self) -> tuple[float, float]:
        """``(alpha, beta)`` in force."""
        default = _DEFAULTS[self.kind]
        return (
            default[0] if self.alpha is None else self.alpha,
            default[1] if self.beta is None else self.beta,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``Reward(**value)`` is the way back, with what the metric gives."""
        return {"kind": self.kind, "target_ms": self.target_ms, "alpha": self.alpha, "beta": self.beta}


def rewarded(rewards: Sequence[Reward], number: int, value: float, latency_ms: float) -> dict[str, Any]:
    """A trial's rewards as its user attributes.

    Args:
        rewards: One a target.
        number: Of the trial; targets take turns.
        value: Of the task's metric.
        latency_ms: Measured.

    Returns:
        `reward`, by the trial's own target, and, where there are several, `rewards` by each.
    """
    values = [reward(value, latency_ms) for reward in rewards]
    own = {"reward": values[number % len(values)]}
    return own | {"rewards": values} if len(values) > 1 else own
