"""All that a build has measured so far, in a file from which it resumes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from device_bench.errors import BadRequest
from device_bench.latency_table.batch import Sample
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.file import write
from device_bench.validation import problem

AGREEMENT = 0.01
"""The latency of a network is known when its two lowest processes are so close together."""


@with_config(ConfigDict(allow_inf_nan=False))
@dataclass(slots=True)
class Samples:
    """Sessions by key.

    Attributes:
        identity: What they belong to: device, runtime, precision, threads, space, ...
        operators: Signature -> its sessions.
        networks: Hash -> its sessions.
        profiles: Hash -> for each operator profile of it, kind of operator -> share of the time.
        failed: Signature -> why it cannot be timed.
        device_s: Time that the device has worked.
        canary: Sessions of the canary.
    """

    identity: dict[str, Any]
    operators: dict[str, list[Sample]] = field(default_factory=dict)
    networks: dict[str, list[Sample]] = field(default_factory=dict)
    profiles: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    device_s: float = 0.0
    canary: list[Sample] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, identity: Mapping[str, Any]) -> "Samples":
        """What `path` holds, or nothing yet.

        Raises:
            BadRequest: It is damaged, or of another build.
        """
        if not path.exists():
            return cls(dict(identity))
        try:
            known = TypeAdapter(cls).validate_json(path.read_bytes())
        except OSError as error:
            raise BadRequest(f"cannot read {path}: {error.strerror or error}") from error
        except ValidationError as error:
            raise BadRequest(f"{path} is damaged ({problem(error)}): delete its folder to build anew") from None
        wanted = json.loads(json.dumps(identity))
        if known.identity != wanted:
            keys = sorted(wanted.keys() | known.identity.keys())
            changed = [key for key in keys if known.identity.get(key) != wanted.get(key)]
            raise BadRequest(
                f"{path.parent} is an unfinished build of another {', '.join(changed)}:"
                " delete it to build anew, or choose another output"
            )
        return known

    def save(self, path: Path) -> None:
        """Writes all of it, whole."""
        write(path, json.dumps(asdict(self)).encode())

    def rounds(self) -> int:
        """How often every operator that can be timed has been timed."""
        return min((len(rounds) for rounds in self.operators.values()), default=0)


def lowest_ms(sessions: Sequence[Sample]) -> float:
    """What a model takes when nothing disturbs it: the lowest of its processes' 10th percentiles.

    Other work on the device comes and goes in phases longer than a process; the lowest needs one process between them.
    """
    return min(one.p10_ms for one in sessions)


def entry_of(rounds: Sequence[Sample]) -> Entry:
    """One operator over its rounds."""
    lows = np.array([one.p10_ms for one in rounds])
    return Entry(
        lowest_ms(rounds),
        float(np.median([one.median_ms for one in rounds])),
        float(lows.std() / lows.mean()),
        sum(one.runs for one in rounds),
    )


def repeat_error(sessions: Sequence[Sample]) -> float:
    """How far `lowest_ms` is from what more processes would give, relative: the step to the second lowest.

    For times that lie above a bound as waiting times do, both have the same expectation. 0 for a single process.
    """
    low, *rest = sorted(one.p10_ms for one in sessions)
    return rest[0] / low - 1 if rest else 0.0
