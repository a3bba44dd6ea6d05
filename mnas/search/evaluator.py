"""What a search needs of an evaluator: candidate -> the task's metric and latency, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from device_bench.timing.timing import Timing
from mnas.latency.timer import Asked
from mnas.objectives import Objectives
from mnas.training.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluated network."""

    evaluation: Evaluation
    timing: Timing

    @property
    def objectives(self) -> Objectives:
        """Its metric and its latency."""
        assert self.timing.median_ms is not None
        return Objectives(self.evaluation.value, self.timing.median_ms)

    def facts(self) -> dict[str, Any]:
        """What `mnas.records.Network` has of it beside the architecture."""
        evaluation = self.evaluation
        return {
            "value_float": evaluation.value_float,
            "params": evaluation.params,
            "macs": evaluation.macs,
            "size_bytes": evaluation.size_bytes,
            "train_s": evaluation.seconds,
            "latency": self.timing,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A network that could not be evaluated, and why, in one line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trained network that the device was not fit to time, and why; nothing is known against the network."""

    reason: str


Outcome = Candidate | Failed | Waiting


def waits(count: int) -> str:
    """What so many networks that are `Waiting` do, in words."""
    return "is trained and waits for its timing" if count == 1 else "are trained and wait for their timing"


class Evaluator(Protocol):
    """Judges and times candidates; what lies in a candidate's folder is not done again."""

    def evaluate(self, asked: Asked, *, seed: int) -> dict[str, Outcome]:
        """Metric and latency of some networks.

        Args:
            asked: Name -> architecture and the folder that keeps what is found.
            seed: Orders the timing sessions.

        Returns:
            For every name a candidate, the reason why there is none, or the reason why its timing has to wait.

        Raises:
            BenchError: The device refuses what is asked.
            RunFailed: As `trained`.
        """

    def trained(self, asked: Asked, seeds: Mapping[str, int] | None = None) -> dict[str, Evaluation | Failed]:
        """Trains networks without timing them.

        Args:
            asked: Name -> architecture and the folder that keeps what is found.
            seeds: Name -> seed of its training, where that is not the search's.

        Raises:
            RunFailed: Nothing can be trained at all, or the disk is full.
        """

    def tested(self, folders: Mapping[str, Path]) -> dict[str, Future[float]]:
        """The metric of the files in some candidates' folders on the test split.

        Args:
            folders: Name -> folder.

        Returns:
            Name -> the value, once it is known; a file that cannot be tested gives a `JobError`.
        """
