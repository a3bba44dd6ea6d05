"""`record.json` of a reference network."""

from __future__ import annotations

from mnas.records.network import Network


class ReferenceRecord(Network):
    """A published network, trained and timed by the recipe of the candidates.

    Attributes:
        name: Its published name.
        value: The task's metric of the TFLite file on the validation split.
        latency_ms: Median.
    """

    name: str
    value: float
    latency_ms: float
