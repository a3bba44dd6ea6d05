"""One operator of a latency table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator.

    Attributes:
        ms: What it takes alone: the lowest of the rounds' 10th percentiles, or the published mean.
        median_ms: Median over the rounds of each round's median; `ms` where only that was published.
        spread: Relative standard deviation between rounds, or of the published mean.
        count: Timed inferences behind it.
    """

    ms: float
    median_ms: float
    spread: float
    count: int
