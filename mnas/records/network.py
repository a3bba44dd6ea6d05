"""What is known of a network that was trained and timed."""

from __future__ import annotations

from typing import Any

from mnas.records.record import Many, Record, StoredTiming


class Network(Record):
    """An evaluated network.

    Attributes:
        arch: The architecture; `search_spaces.from_json` reads it.
        arch_hash: The same for all spellings of one network.
        blocks: Its published notation.
        value_float: The task's metric of the network before quantization, on the validation split.
        params: Trainable parameters.
        macs: Multiply-accumulates of one inference.
        size_bytes: Of the TFLite file.
        train_s: What building, training, converting and judging took, in seconds.
        latency: As the timing protocol found it.
    """

    arch: dict[str, Any]
    arch_hash: str
    blocks: Many[str]
    value_float: float
    params: int
    macs: int
    size_bytes: int
    train_s: float
    latency: StoredTiming
