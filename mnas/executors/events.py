"""What a worker says while it works, for whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Event:
    """One sign of life.

    Attributes:
        worker: Number of the worker, from 0.
        job: Name of its job; empty when it has none.
        phase: `starting`, `idle`, `done`, `failed`, `lost`, or a word of the job's own (`train`, `convert`, ...).
        step: Steps of the phase that are done, of `total` (0: not counted).
        total: Steps that the phase has in all.
        metric: A number worth showing (the loss of an epoch, an accuracy), where there is one.
    """

    worker: int
    job: str
    phase: str
    step: int = 0
    total: int = 0
    metric: float | None = None


Listener = Callable[[Event], None]


class Report(Protocol):
    """What a job calls to tell how far it is."""

    def __call__(self, phase: str, step: int = 0, total: int = 0, metric: float | None = None) -> None:
        """Tells the phase, `step` of `total`, and a number worth showing."""


class Job(Protocol[T_co]):
    """Work for an executor: it can be pickled, and so can its result."""

    def __call__(self, report: Report) -> T_co:
        """Does the work."""


def ignore(event: Event) -> None:
    """The listener of those who do not watch."""


def silent(phase: str, step: int = 0, total: int = 0, metric: float | None = None) -> None:
    """The report of a job that nobody watches."""
