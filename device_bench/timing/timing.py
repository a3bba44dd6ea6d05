"""A latency and everything without which it is only a number."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from device_bench.errors import BenchError
from device_bench.kinds import VERDICTS, Verdict
from device_bench.validation import problem


@with_config(ConfigDict(strict=True))
@dataclass(frozen=True, slots=True)
class Timing:
    """The latency of one model on one device, as the timing protocol found it.

    Attributes:
        median_ms: Median over sessions of each session's median; None when nothing could be measured.
        low_ms: Lower end of the interval of the median over sessions (see `device_bench.timing.interval`).
        high_ms: Upper end of that interval.
        runs: Timed inferences behind the number.
        sessions: Processes behind the number.
        device: The device's name, as `open_device` takes it.
        runtime: What ran the model, with its version.
        precision: How the model computes (see `model_file.model_precision`), or "" when not known.
        threads: Threads the runtime was given.
        delegate: cpu, gpu, nnapi or npu.
        conditions: What the device was and how it felt: model, cores, temperatures, canary drift, ...
        verdict: "valid", or why not: "noisy", "throttled", "failed".
        reason: One line that explains the verdict; empty when valid.
        init_ms: Median time to load the model, where the runner tells it.
        peak_mb: Largest memory footprint of a session, where the runner tells it.
    """

    median_ms: float | None
    low_ms: float | None
    high_ms: float | None
    runs: int
    sessions: int
    device: str
    runtime: str
    precision: str
    threads: int
    delegate: str = "cpu"
    conditions: dict[str, Any] = field(default_factory=dict)
    verdict: Verdict = "valid"
    reason: str = ""
    init_ms: float | None = None
    peak_mb: float | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise BenchError(f"unknown verdict {self.verdict!r}; use one of {', '.join(VERDICTS)}")
        if self.median_ms is None and self.verdict != "failed":
            raise BenchError(f"a timing without a median must be failed, not {self.verdict}")

    def to_dict(self) -> dict[str, Any]:
        """Gives a dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Timing":
        """Reads what `to_dict` wrote.

        Raises:
            BenchError: A field is missing, unknown, or its value of another type or impossible.
        """
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BenchError(f"unknown field in a stored timing: {', '.join(unknown)}")
        try:
            return _stored().validate_json(json.dumps(dict(values)))  # strict types allow lists and fields only in JSON
        except ValidationError as error:
            raise BenchError(f"a stored timing cannot be used: {problem(error)}") from None


@cache
def _stored() -> TypeAdapter[Timing]:
    """How a stored timing is checked."""
    return TypeAdapter(Timing)
