"""What a full training shows while it works: a bar on a terminal, a line per epoch everywhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from device_bench.terminal import plain, say
from mnas.tasks import Metric

if TYPE_CHECKING:
    from mnas.training.long import Progress as Standing


class TrainingDisplay:
    """Shows one training; it is a context manager, and called with each `mnas.training.long.Progress`."""

    def __init__(self, what: str, metric: Metric) -> None:
        """Prepares.

        Args:
            what: What the training is for, such as "training".
            metric: That the epochs are judged by.
        """
        self._what, self._metric = what, metric
        console = Console(highlight=False)
        self._bar: Progress | None = None
        if console.is_terminal and sys.stdout.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"),
            )
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task(what, total=None, left="")

    def __enter__(self) -> Self:
        """Begins to show."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes the bar away."""
        if self._bar:
            self._bar.stop()

    def __call__(self, now: Standing) -> None:
        """Shows how far the training is."""
        left = f"{time_words(now.seconds_left)} left"
        if self._bar:
            words = f"{self._what}, epoch {now.epoch}/{now.epochs}"
            self._bar.update(self._task, description=words, completed=now.step, total=now.steps, left=left)
        if now.value is not None:
            figures = f"loss {now.loss:.3f}, validation {self._metric.name} {self._metric.exact_words(now.value)}"
            self._say(f"{self._what}: epoch {now.epoch} of {now.epochs}: {figures}; {left}")

    def _say(self, line: str) -> None:
        if self._bar:
            self._bar.console.print(plain(line))
        else:
            say(line)


def time_words(seconds: float) -> str:
    """A duration as people say it: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
