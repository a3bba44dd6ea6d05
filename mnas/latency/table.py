"""Candidate -> latency by a table: no device at hand, thousands of candidates per second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.cores import NAMES, check_cores
from device_bench.errors import BenchError
from device_bench.latency_table.content import OPERATORS
from device_bench.latency_table.table import LatencyTable
from device_bench.timing.timing import Timing
from mnas.config import TABLE
from mnas.errors import SearchError
from mnas.home import path_at_home
from mnas.latency_tables.at_hand import confirm

if TYPE_CHECKING:
    import numpy as np

    from mnas.config import LatencySection


class TableLatency:
    """A latency source that predicts, and says so in everything it gives."""

    beside_training = False
    shares_cores = False

    def __init__(self, settings: LatencySection, say: Callable[[str], None]) -> None:
        """Reads the table.

        Args:
            settings: `device` is `table:FILE`; precision and threads must be the table's.
            say: Receives whose times they are and what the table's last check has shown.

        Raises:
            BenchError: The table cannot be read, or was measured otherwise.
            SearchError: It is of other cores, or its device is at hand and takes other times.
        """
        self._device = settings.device
        self.identity: dict[str, Any] = {}
        path = path_at_home(settings.device.removeprefix(TABLE))
        self._table = LatencyTable.load(path)
        if self._table.keys != OPERATORS:
            raise SearchError(
                f"{path} is a published table ({self._table.keys}): it prices architectures in `mnas table predict`,"
                " not the TFLite files of a search"
            )
        self._table.require(precision=settings.precision, threads=settings.threads)
        if settings.cores is not None and _one_spelling(settings.cores) != self._table.facts.get("cores"):
            raise SearchError(
                f"the table was measured on cores {self._table.facts.get('cores') or 'of the system'},"
                f" not {settings.cores}: leave latency.cores out, or build another table"
            )
        # Latencies that searches share are those of this table, not of another one that comes to lie at its place.
        self.name = f"{settings.device}@{self._table.digest[:16]}"
        say(trust(self._table))
        confirm(self._table, path, say, check=settings.check_table, override="latency.check_table = false")

    def predicted(self, keys: Sequence[str]) -> Timing:
        """Predicts; as `measure` does where the table lacks an operator."""
        return self._timing(keys)

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, folder: Path) -> dict[str, Timing]:
        """Predicts from files; a model with operators that the table does not have gets the verdict "failed"."""
        return {name: self._timing(model) for name, model in models.items()}

    def stop(self) -> None:
        """Nothing runs for long."""

    def close(self) -> None:
        """Nothing is open."""

    def _timing(self, model: bytes | Sequence[str]) -> Timing:
        facts = self._table.facts
        conditions: dict[str, Any] = {
            "predicted": True,
            "table_date": facts.get("date"),
            "measured_on": facts.get("device"),
        }
        median_ms = low_ms = high_ms = None
        reason = ""
        try:
            guess = self._table.predict(model)
            median_ms, low_ms, high_ms = guess.median_ms, guess.low_ms, guess.high_ms
        except BenchError as error:
            reason = str(error)
        return Timing(
            median_ms,
            low_ms,
            high_ms,
            0,
            0,
            self._device,
            str(facts.get("runtime")),
            str(facts.get("precision")),
            int(facts.get("threads") or 1),
            conditions=conditions,
            verdict="failed" if reason else "valid",
            reason=reason,
        )


def _one_spelling(cores: str) -> str:
    """A mask as tables keep it; names stay names."""
    check_cores(cores)
    return cores if cores in NAMES else f"{int(cores, 16):x}"


def trust(table: LatencyTable) -> str:
    """One line on how far a table can be trusted."""
    where = f"table of {table.facts.get('device')}, {table.facts.get('date')}"
    if not table.check:
        return f"{where}: never checked (mnas table check)"
    parts = [
        f"{kind} networks {scores['mape']:.1%}, {scores['within_5']:.0%} within 5 %"
        for kind, scores in table.check["table"].items()
    ]
    return f"{where}: checked {table.check['date']}, error on {'; '.join(parts)}"
