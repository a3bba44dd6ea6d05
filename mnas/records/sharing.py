"""`sharing/trust.json` of a run: how shared weights rank networks, beside trainings of their own."""

from __future__ import annotations

from mnas.records.record import Many, Record


class Correlation(Record):
    """Kendall's tau-b with its 95 % bootstrap interval over the networks; None where there are too few.

    Attributes:
        tau: From -1 to 1.
        low: Lower end of its interval.
        high: Upper end.
        count: Of networks.
    """

    tau: float | None
    low: float | None
    high: float | None
    count: int

    def words(self) -> str:
        """For the user."""
        if self.tau is None:
            return f"unknown over {self.count} networks"
        return f"{self.tau:.2f} ({self.low:.2f} to {self.high:.2f}) over {self.count} networks"


class Ranked(Record):
    """A network that was trained alone and judged with shared weights.

    Attributes:
        hash: Of its architecture.
        shared: The task's metric with shared weights; it ranks, and is nothing that the network reaches.
        value: The metric after a training of its own.
        macs: Its multiply-accumulates.
    """

    hash: str
    shared: float
    value: float
    macs: int


class Trust(Record):
    """What such networks say of shared weights.

    Attributes:
        shared: Correlation of shared with own values.
        top: The same among the best fifth of the networks by their own values.
        macs: Correlation of MACs with own values, the ranking that costs nothing.
        slope: Own value over shared value, by the line of least squares.
        intercept: Of that line.
        networks: What all of it was found from.
    """

    shared: Correlation
    top: Correlation
    macs: Correlation
    slope: float
    intercept: float
    networks: Many[Ranked]

    @property
    def reason(self) -> str:
        """Why the shared weights cannot be trusted; empty if they can."""
        if self.shared.tau is None or not (self.shared.low or 0.0) > 0 or not self.slope > 0:
            return "they rank networks no better than chance does"
        if self.macs.tau is not None and not self.shared.tau > self.macs.tau:
            return "they rank networks no better than their MACs do"
        return ""

    def expected(self, shared_value: float) -> float:
        """What a network with that value is expected to reach alone."""
        return self.intercept + self.slope * shared_value

    def words(self) -> str:
        """For the user, on one line."""
        top = "unknown" if self.top.tau is None else f"{self.top.tau:.2f}"
        macs = "unknown" if self.macs.tau is None else f"{self.macs.tau:.2f}"
        return (
            f"shared weights against trainings of their own: Kendall's tau {self.shared.words()}, "
            f"{top} among the best {self.top.count}; MACs alone: {macs}"
        )
