"""`final.json`: what a search ends with, and `best.json`, its best network."""

from __future__ import annotations

from mnas.records.record import Many, Record
from mnas.records.trial import FinishedTrial


class Row(Record):
    """A candidate that was judged on the test split.

    Attributes:
        number: Of its trial.
        hash: Of its architecture.
        value: The task's metric on the validation split.
        test_value: The same on the test split.
        latency_ms: Median.
        reward: By the target that the row belongs to.
    """

    number: int
    hash: str
    value: float
    test_value: float
    latency_ms: float
    reward: float


class Best(Row, FinishedTrial):
    """`best.json`: the row of the best candidate with all that is known of its trial."""


class Place(Record):
    """A contender's place after the top few were trained again; see `mnas.search.ranking.Standing`."""

    name: str
    reward: float
    error: float | None
    runs: int
    probability: float | None


class Confirmation(Record):
    """How sure it is that the best is the best; see `mnas.search.ranking.Verdict`. None stands for not known."""

    sentence: str
    noise: float | None
    loss: float | None
    standings: Many[Place]


class Target(Record):
    """The best by one target.

    Attributes:
        target_ms: The latency aimed at.
        best: The candidate of the highest reward by it.
        confirmation: How sure that is.
    """

    target_ms: float
    best: Row
    confirmation: Confirmation


class Tested(Record):
    """A reference network on the test split.

    Attributes:
        name: Its published name.
        test_value: The task's metric.
        latency_ms: Median.
    """

    name: str
    test_value: float
    latency_ms: float


class Final(Record):
    """The end of a search.

    Attributes:
        tested: The metric on the test split by architecture hash, or by `reference NAME`.
        trials: How many had finished.
        best: By the first target.
        front: What no other candidate beats, the fastest first.
        confirmation: How sure it is that the best is; None in runs from before it was found out.
        targets: The best by each target; empty in runs from before there were several.
        references: The reference networks.
    """

    tested: dict[str, float]
    trials: int
    best: Row
    front: Many[Row]
    confirmation: Confirmation | None = None
    targets: Many[Target] = ()
    references: Many[Tested]
