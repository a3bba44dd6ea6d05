"""A latency table: what each operator of a space takes on one device, and what whole networks take by it."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from device_bench.errors import BadRequest
from device_bench.identity import Identity
from device_bench.latency_table.content import OPERATORS, TableContent
from device_bench.latency_table.features import features
from device_bench.latency_table.file import read_table, write_table
from device_bench.latency_table.fill import Fill, fit_fill
from device_bench.latency_table.signature import signatures as read_signatures

_NAMED = 5


class MissingEntries(BadRequest):
    """A table was asked for operators that it does not have.

    Attributes:
        missing: Their signatures.
    """

    def __init__(self, message: str, missing: tuple[str, ...]) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Prediction:
    """A latency by the table.

    Attributes:
        median_ms: The latency.
        low_ms: Lower end of an interval that holds about 95 % of networks.
        high_ms: Its upper end.
        filled_share: Share of the latency that was estimated rather than measured.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    filled_share: float


@dataclass(frozen=True)
class LatencyTable(TableContent):
    """Prices networks by their operators."""

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a table.

        Raises:
            BadRequest: It is missing, cut, edited by hand, or of another version.
        """
        content = read_table(Path(path))
        return cls(**{one.name: getattr(content, one.name) for one in fields(content)})

    def save(self, path: str | Path) -> None:
        """Writes the table, whole."""
        write_table(Path(path), self)

    @property
    def identity(self) -> Identity:
        """What the device is that it was measured on; unknown in tables from before it was kept."""
        return Identity.of(self.facts.get("identity") or {})

    @cached_property
    def digest(self) -> str:
        """Differs between tables that give different latencies, whatever their files are called."""
        times = [sorted((key, entry.ms) for key, entry in self.entries.items()), asdict(self.calibration)]
        return hashlib.sha256(json.dumps(times, sort_keys=True).encode()).hexdigest()

    def require(self, *, precision: str | None = None, threads: int | None = None) -> None:
        """Refuses to stand for another precision or number of threads than it was measured with.

        Raises:
            BadRequest: It was measured otherwise.
        """
        for name, wanted in (("precision", precision), ("threads", threads)):
            if wanted is not None and self.facts.get(name) != wanted:
                raise BadRequest(
                    f"the table was measured with {name} {self.facts.get(name)}, not {wanted}: build another one"
                )

    def predict(self, model: bytes | Iterable[str], *, fill: bool | None = None) -> Prediction:
        """The latency of a network.

        Args:
            model: A TFLite file, or the keys of the network's operators.
            fill: Estimate operators that the table does not have from others of their kind, instead of refusing. None
                does so if the table is of a space with more operators than could be measured (`facts["incomplete"]`).

        Raises:
            MissingEntries: It has operators that are not in the table and (with `fill`) cannot be estimated.
            BadRequest: The file is no TFLite file, or the table is not one of TFLite operators.
        """
        if isinstance(model, bytes):
            if self.keys != OPERATORS:
                raise BadRequest(f"a table of {self.keys} prices architectures, not TFLite files")
            keys: Iterable[str] = read_signatures(model)
        else:
            keys = model
        fill = bool(self.facts.get("incomplete")) if fill is None else fill
        total, variance, filled = self.calibration.intercept_ms, 0.0, 0.0
        priced, missing = self._priced, []
        for key in keys:
            known = priced.get(key)
            if known is None:
                known = self._filled(key) if fill else None
                if known is None:
                    missing.append(key)
                    continue
                filled += known[0]
            total += known[0]
            variance += known[1]
        if missing:
            raise MissingEntries(self._refusal(missing, fill), tuple(dict.fromkeys(missing)))
        return _prediction(total, variance, filled, math.hypot(self.calibration.spread, self.calibration.noise))

    def without(self, keys: Iterable[str]) -> Self:
        """The same table with some entries left out."""
        gone = set(keys)
        return replace(self, entries={key: entry for key, entry in self.entries.items() if key not in gone})

    @cached_property
    def _priced(self) -> dict[str, tuple[float, float]]:
        """Key -> calibrated milliseconds and their variance."""
        priced = {}
        for key, entry in self.entries.items():
            ms = entry.ms * self._scale(key) + self.calibration.per_operator_ms
            # A calibrated table's own error shows in whole networks; a published one has only its entries'.
            spread = 0.0 if self.calibration.networks else entry.spread
            priced[key] = (ms, (spread * ms) ** 2)
        return priced

    @cached_property
    def _fill(self) -> Fill:
        return fit_fill({key: entry.ms for key, entry in self.entries.items()})

    def _filled(self, key: str) -> tuple[float, float] | None:
        if self.keys != OPERATORS:
            return None
        estimate = self._fill.estimate_ms(key)
        if estimate is None:
            return None
        ms = estimate * self._scale(key) + self.calibration.per_operator_ms
        return ms, (self._fill.spread * ms) ** 2

    def _scale(self, key: str) -> float:
        return self.calibration.scale(features(key).group) if self.keys == OPERATORS else self.calibration.common

    def _refusal(self, missing: list[str], fill: bool) -> str:
        distinct = list(dict.fromkeys(missing))
        named = ", ".join(repr(one) for one in distinct[:_NAMED])
        more = f" and {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else ""
        if self.keys != OPERATORS:
            advice = f"it was published without them, and parts of {self.keys} cannot be estimated"
        elif fill:
            advice = "no like operator was measured"
        else:
            advice = "build a table that has them, or ask for them to be filled in"
        return f"the table has no {named}{more}: {advice}"


def _prediction(total: float, variance: float, filled: float, spread: float) -> Prediction:
    deviation = math.sqrt(variance + (spread * total) ** 2)
    share = min(1.0, filled / total) if total > 0 else 0.0
    return Prediction(total, max(0.0, total - 1.96 * deviation), total + 1.96 * deviation, share)
