"""A latency source that does as it is told: a verdict for every network, or a measurement that never ends."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from device_bench.errors import DeviceLost
from device_bench.timing.timing import Timing, Verdict


def timing(verdict: Verdict, reason: str = "", *, ms: float | None = 1.0, failed_sessions: int = 0) -> Timing:
    """A timing as the protocol gives it."""
    conditions = {"failed_sessions": failed_sessions}
    return Timing(
        ms, ms, ms, 5, 1, "told", "told 1.0", "int8", 1, conditions=conditions, verdict=verdict, reason=reason
    )


THROTTLED = timing("throttled", "the canary became 1.40 times slower meanwhile")
UNFIT = timing("failed", "not fit after 300 s: thermal status 3 is above 0", ms=None)
CRASHED = timing("failed", "exit code 139", ms=None, failed_sessions=2)


class ToldLatency:
    """Answers as `answer` says, by the name and the number of the call, from 0."""

    name, shares_cores = "told", False

    def __init__(self, answer: Callable[[str, int], Timing], *, beside_training: bool = False) -> None:
        self.answer, self.beside_training = answer, beside_training
        self.calls = 0
        self.identity: dict[str, str] = {"model": "told"}

    def predicted(self, keys: Sequence[str]) -> Timing | None:
        return None

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, folder: Path) -> dict[str, Timing]:
        self.calls += 1
        assert all(model[4:8] == b"TFL3" for model in models.values())
        return {name: self.answer(name, self.calls - 1) for name in models}

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


class EndlessLatency:
    """Measures until it is stopped, and then takes a while to give its device back."""

    name, beside_training, shares_cores = "endless", True, False

    def __init__(self) -> None:
        self.begun, self._stop = threading.Event(), threading.Event()
        self.given_back = False
        self.identity: dict[str, str] = {}

    def predicted(self, keys: Sequence[str]) -> Timing | None:
        return None

    def measure(self, models: Mapping[str, bytes], rng: np.random.Generator, folder: Path) -> dict[str, Timing]:
        self.begun.set()
        self._stop.wait(60)
        threading.Event().wait(0.3)
        self.given_back = True
        raise DeviceLost("stopped")

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        pass
