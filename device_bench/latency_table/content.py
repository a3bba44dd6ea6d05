"""What a latency table holds, apart from what is done with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from device_bench.latency_table.calibration import Calibration
from device_bench.latency_table.entry import Entry

OPERATORS = "tflite-operators"
"""The keys of a table that was measured here; imported ones have keys of their own."""


@dataclass(frozen=True)
class TableContent:
    """The content of a table's file.

    Attributes:
        entries: Key -> entry. Keys are operator signatures, or those of an imported table.
        facts: What the numbers belong to: device, soc, abi, runtime, precision, threads, cores, date, conditions.
        keys: What the keys are: `tflite-operators`, `proxyless-blocks`, `ofa-blocks`, `tunas-layers`.
        calibration: From sums to networks.
        check: The result of the last check, or None.
        probes: Signature -> file of the single operator, for some that are timed before the table is used.
    """

    entries: Mapping[str, Entry]
    facts: Mapping[str, Any]
    keys: str = OPERATORS
    calibration: Calibration = field(default_factory=Calibration)
    check: Mapping[str, Any] | None = None
    probes: Mapping[str, bytes] = field(default_factory=dict)
