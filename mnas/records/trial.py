"""A trial's user attributes; its values, the task's metric and the latency, are Optuna's own."""

from __future__ import annotations

from typing import Any

from mnas.records.network import Network
from mnas.records.record import Many, Record, StoredTiming


class FinishedTrial(Network):
    """A trial that was evaluated.

    Attributes:
        reward: By the trial's own target.
        rewards: By each target, where there are several.
    """

    reward: float
    rewards: Many[float] = ()


class TrialRecord(Record):
    """What may be known of any other trial: one that failed or is open, or one of somebody else's study.

    Attributes:
        error: Why it failed.
        arch: As for `Network`, like all others.
    """

    arch: dict[str, Any] | None = None
    arch_hash: str = ""
    blocks: Many[str] = ()
    error: str = ""
    value_float: float | None = None
    params: int | None = None
    macs: int | None = None
    size_bytes: int | None = None
    train_s: float | None = None
    latency: StoredTiming | None = None
    reward: float | None = None
    rewards: Many[float] = ()
