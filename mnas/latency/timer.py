"""Times candidates: what lies in a candidate's folder, or in a cache that searches share, is not measured again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.errors import BenchError, TransportError
from device_bench.timing.timing import Timing
from mnas.config import LatencySection
from mnas.errors import SearchError
from mnas.files import read_json, write_json
from mnas.latency.cache import LatencyCache, cache_key
from mnas.latency.source import LatencySource
from search_spaces import Arch, arch_hash

Asked = Mapping[str, tuple[Arch, Path]]
"""Name -> architecture and the folder that keeps what is found."""

_MEASUREMENTS = 2
"""How often in a row a network that came out throttled or failed is measured."""


class Timer:
    """Times the candidates of one search.

    Attributes:
        beside_training: As the latency source has it.
        shares_cores: Likewise.
        patience_s: How long a device that is not fit may rest in all.
        lost: Why the device can time no more in this process; empty while it can.
    """

    def __init__(
        self,
        source: LatencySource,
        settings: LatencySection,
        *,
        cache: LatencyCache | None,
        about: Mapping[str, Any],
        folder: Path,
        seed: int,
    ) -> None:
        """Prepares; nothing runs yet.

        Args:
            source: Measures.
            settings: Under which conditions, and how patiently.
            cache: Latencies that searches share.
            about: What beside the architecture tells a network from others: its input and its head.
            folder: Receives everything that the device is seen to do.
            seed: Orders the sessions, with the seed of each call.
        """
        self.beside_training, self.shares_cores = source.beside_training, source.shares_cores
        self.patience_s, self.lost = settings.patience_s, ""
        self._source, self._cache, self._folder, self._seed = source, cache, folder, seed
        self._about = {
            **about,
            "device": source.name,
            "identity": source.identity,
            "precision": settings.precision,
            "threads": settings.threads,
            "cores": settings.cores,
        }

    def timed(self, asked: Asked, seed: int, twins: Mapping[str, bytes] | None = None) -> dict[str, Timing]:
        """Latencies of the files in the folders, or of their twins; what has neither gets none.

        Args:
            asked: What to time.
            seed: Orders the sessions.
            twins: Name -> TFLite file that runs as fast, for networks whose own file is not there yet.

        Raises:
            BenchError: The device refuses what is asked; one that is lost is remembered in `lost` instead.
        """
        known = {name: timing for name, one in asked.items() if (timing := self.known(one)) is not None}
        fresh = dict(twins or {})
        for name in asked.keys() - known.keys() - fresh.keys():
            path = asked[name][1] / "model.tflite"
            if path.exists():
                fresh[name] = path.read_bytes()
        rng = np.random.default_rng([self._seed, seed])
        for _ in range(_MEASUREMENTS):
            bad = {name: fresh[name] for name in asked if name in fresh and not usable(known.get(name))}
            if bad and not self.lost:
                try:
                    known |= self._source.measure(bad, rng, self._folder)
                except TransportError as error:
                    self.lost = str(error)
        for name in known:
            arch, folder = asked[name]
            if usable(known[name]):
                write_json(folder / "latency.json", known[name].to_dict())
                if self._cache and name in fresh:
                    self._cache.put(self._key(arch), known[name])
        return known

    def predicted(self, keys: Sequence[str]) -> Timing | None:
        """Latency of a network by its operators alone; None where it has to be measured."""
        return self._source.predicted(keys)

    def known(self, one: tuple[Arch, Path]) -> Timing | None:
        """What was measured before, here or by a search that shares the cache."""
        arch, folder = one
        path = folder / "latency.json"
        if path.exists():
            return stored_timing(path)
        return self._cache.get(self._key(arch)) if self._cache else None

    def stop(self) -> None:
        """Ends a measurement that another thread makes, after the session at work."""
        self._source.stop()

    def _key(self, arch: Arch) -> str:
        return cache_key(arch_hash(arch), self._about)


def usable(timing: Timing | None) -> bool:
    """A noisy latency is still one, with a wide interval; a throttled or failed one is not recorded."""
    return timing is not None and timing.median_ms is not None and timing.verdict in ("valid", "noisy")


def stored_timing(path: Path) -> Timing:
    """The latency that a candidate's folder keeps.

    Raises:
        SearchError: It is damaged.
    """
    values = read_json(path)
    try:
        if not isinstance(values, dict):
            raise BenchError("it does not hold a timing")
        return Timing.from_dict(values)
    except BenchError as error:
        raise SearchError(f"{path}: {error}: delete it to time the network again") from None
