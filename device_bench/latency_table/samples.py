"""All that a build has measured so far, in a file from which it resumes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from device_bench.errors import BadRequest
from device_bench.latency_table.batch import Sample
from device_bench.latency_table.file import write_whole


@dataclass(slots=True)
class Samples:
    """Sessions by key.

    Attributes:
        identity: What they belong to: device, runtime, precision, threads, space, ...
        operators: Signature -> its sessions.
        networks: Hash -> its sessions.
        failed: Signature -> why it cannot be timed.
        device_s: Time that the device has worked.
    """

    identity: dict[str, Any]
    operators: dict[str, list[Sample]] = field(default_factory=dict)
    networks: dict[str, list[Sample]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    device_s: float = 0.0

    @classmethod
    def open(cls, path: Path, identity: Mapping[str, Any]) -> "Samples":
        """What `path` holds, or nothing yet.

        Raises:
            BadRequest: It is damaged, or of another build.
        """
        if not path.exists():
            return cls(dict(identity))
        try:
            values = json.loads(path.read_bytes())
            known = cls(
                values["identity"],
                {key: [Sample(**one) for one in rounds] for key, rounds in values["operators"].items()},
                {key: [Sample(**one) for one in rounds] for key, rounds in values["networks"].items()},
                values["failed"],
                values["device_s"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadRequest(f"{path} is damaged ({error}): delete its folder to build anew") from error
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
        write_whole(path, json.dumps(asdict(self)).encode())

    def rounds(self) -> int:
        """How often every operator that can be timed has been timed."""
        return min((len(rounds) for rounds in self.operators.values()), default=0)
