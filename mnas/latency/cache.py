"""Latencies that searches on one device share: a phone's minutes are not spent twice on one network."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device_bench.errors import BenchError
from device_bench.file_lock import held
from device_bench.timing.timing import Timing
from mnas.config import TABLE, LatencySection
from mnas.errors import RunFailed, SearchError


class LatencyCache:
    """A file of JSON lines, each a key (network, input, device, conditions asked for) and a timing.

    Lines are appended under a lock, so that several searches may write; a line cut short by a crash is passed over.
    """

    def __init__(self, path: Path) -> None:
        """Reads what is there.

        Raises:
            SearchError: The file cannot be read, or holds something else.
        """
        self._path = path
        self._known: dict[str, Timing] = {}
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise SearchError(f"cannot read the latency cache {path}: {error}") from error
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
            except ValueError:
                if len(lines) > 1:
                    continue  # cut short by a crash
                entry = None
            try:
                self._known[entry["key"]] = Timing.from_dict(entry["timing"])
            except (KeyError, TypeError, BenchError):
                raise SearchError(f"{path}:{number} is not a cached latency: move the file away") from None

    def get(self, key: str) -> Timing | None:
        """The timing of `key`, if it is known."""
        return self._known.get(key)

    def put(self, key: str, timing: Timing) -> None:
        """Adds a timing, on disk when this returns.

        Raises:
            RunFailed: The file cannot be written.
        """
        self._known[key] = timing
        line = json.dumps({"key": key, "timing": timing.to_dict()}, allow_nan=False).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with held(self._path) as descriptor, open(descriptor, "a+b", closefd=False) as file:
                whole = file.tell() == 0 or os.pread(file.fileno(), 1, file.tell() - 1) == b"\n"
                file.write((b"" if whole else b"\n") + line + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFailed(f"cannot write the latency cache {self._path}: {error.strerror}") from error


def open_cache(settings: LatencySection) -> LatencyCache | None:
    """The cache that the configuration names, if it names one that is of use.

    A table answers at once, and what was kept of an older one under its name would be wrong.

    Raises:
        SearchError: The file cannot be read, or holds something else.
    """
    if settings.cache is None or settings.device.startswith(TABLE):
        return None
    return LatencyCache(settings.cache)


def cache_key(arch_hash: str, about: Mapping[str, Any]) -> str:
    """One line for a network under these conditions; weights do not matter to a dense network's latency."""
    return json.dumps({"arch": arch_hash, **about}, sort_keys=True)
