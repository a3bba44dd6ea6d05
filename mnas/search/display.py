"""What a search shows while it works: a live display on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from device_bench import terminal
from device_bench.terminal import counted
from mnas.executors.events import Event
from mnas.search.standing import Finished, best, front


class Display(Protocol):
    """Receives what happens in a search; every method may be called from any thread."""

    def begin(self, total: int, finished: list[Finished]) -> None:
        """The trials start: `total` in all, some of them finished earlier."""

    def event(self, event: Event) -> None:
        """A worker says what it does."""

    def timing(self, text: str) -> None:
        """The device says what it does; empty when it rests."""

    def done(self, trial: Finished) -> None:
        """A trial is finished."""

    def failed(self, number: int, reason: str) -> None:
        """A trial has failed."""

    def say(self, text: str) -> None:
        """One line for the record."""

    def close(self) -> None:
        """The last word; calling it again does nothing."""


@dataclass(slots=True)
class Tally:
    """Counts behind both displays."""

    total: int = 0
    finished: list[Finished] = field(default_factory=list)
    failures: int = 0
    here: int = 0
    since: float = field(default_factory=time.monotonic)

    @property
    def count(self) -> int:
        """Trials behind us, failed ones included."""
        return len(self.finished) + self.failures

    def time_left(self) -> str:
        """From the pace of this process; a resumed search does not count what it found."""
        if not self.here:
            return "-"
        pace = (time.monotonic() - self.since) / self.here
        seconds = round(pace * max(0, self.total - self.count))
        hours, rest = divmod(seconds, 3600)
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"

    def best_words(self) -> str:
        """The best trial in a few words."""
        leader = best(self.finished)
        if leader is None:
            return "none yet"
        return f"trial {leader.number}: {leader.words}, reward {leader.reward:.4f}"


class PlainDisplay:
    """One line per finished trial."""

    def __init__(self) -> None:
        self._tally = Tally()

    def begin(self, total: int, finished: list[Finished]) -> None:
        """Says how much there is to do."""
        self._tally = Tally(total, list(finished))

    def event(self, event: Event) -> None:
        """Only what went wrong is worth a line."""
        if event.phase == "lost":
            self.say(f"worker {event.worker} was lost{f' with {event.job}' if event.job else ''}")

    def timing(self, text: str) -> None:
        """Not worth a line."""

    def done(self, trial: Finished) -> None:
        """Trial, best and time left in a line."""
        tally = self._tally
        tally.finished.append(trial)
        tally.here += 1
        self.say(
            f"[{tally.count}/{tally.total}] trial {trial.number} {trial.arch_hash[:8]}: {trial.words}, "
            f"reward {trial.reward:.4f} | best {tally.best_words()} | "
            f"front {len(front(tally.finished))} | {tally.time_left()} left"
        )

    def failed(self, number: int, reason: str) -> None:
        """The reason in a line."""
        self._tally.failures += 1
        self._tally.here += 1
        self.say(f"[{self._tally.count}/{self._tally.total}] trial {number} failed: {reason}")

    def say(self, text: str) -> None:
        """Prints at once, also into a pipe."""
        terminal.say(text)

    def close(self) -> None:
        """Nothing is open."""


class LiveDisplay:
    """Bar, best so far, front, time left and a line per worker, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.RLock()
        self._tally = Tally()
        self._workers: dict[int, Event] = {}
        self._device = ""
        self._bar = Progress(
            TextColumn("[bold]trials"), BarColumn(bar_width=None), MofNCompleteColumn(), console=console, expand=True
        )
        self._task = self._bar.add_task("trials", total=None)
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render)
        self._live.start()

    def begin(self, total: int, finished: list[Finished]) -> None:
        """Fills the bar with what was finished before."""
        with self._lock:
            self._tally = Tally(total, list(finished))
            self._bar.update(self._task, total=total, completed=self._tally.count)

    def event(self, event: Event) -> None:
        """The worker's line."""
        with self._lock:
            self._workers[event.worker] = event

    def timing(self, text: str) -> None:
        """The device's line."""
        with self._lock:
            self._device = text

    def done(self, trial: Finished) -> None:
        """Counts it; a new best is worth a line that stays."""
        with self._lock:
            leader = best(self._tally.finished)
            self._tally.finished.append(trial)
            self._tally.here += 1
            self._bar.update(self._task, completed=self._tally.count)
            if leader is None or trial.reward > leader.reward:
                self.say(f"new best: {self._tally.best_words()}")

    def failed(self, number: int, reason: str) -> None:
        """Counts it and says why."""
        with self._lock:
            self._tally.failures += 1
            self._tally.here += 1
            self._bar.update(self._task, completed=self._tally.count)
        self.say(f"trial {number} failed: {reason}")

    def say(self, text: str) -> None:
        """A line above the display."""
        for line in text.split("\n"):
            self._console.print(terminal.plain(line))

    def close(self) -> None:
        """Leaves the last picture on the screen."""
        self._live.stop()

    def _render(self) -> RenderableType:
        with self._lock:
            facts = Table.grid(padding=(0, 2))
            facts.add_column(style="bold", justify="right")
            facts.add_column(overflow="ellipsis", no_wrap=True)
            tally = self._tally
            failures = f", {tally.failures} failed" if tally.failures else ""
            facts.add_row("best", tally.best_words())
            facts.add_row("front", f"{counted(len(front(tally.finished)), 'candidate')}{failures}")
            facts.add_row("time left", tally.time_left())
            for number, event in sorted(self._workers.items()):
                facts.add_row(f"worker {number}", terminal.plain(_words(event)))
            if self._device:
                facts.add_row("device", terminal.plain(self._device))
            return Group(self._bar.get_renderable(), facts) if tally.total else facts


def _words(event: Event) -> str:
    steps = f" {event.step}/{event.total}" if event.total else ""
    metric = f" ({event.metric:.3f})" if event.metric is not None else ""
    busy = event.job and event.phase not in ("done", "failed")
    return f"{event.job[:24]:24} {event.phase}{steps}{metric}" if busy else "idle"


def make_display() -> Display:
    """The live display where the output is a terminal, plain lines elsewhere."""
    console = Console()
    if console.is_terminal and sys.stdout.isatty():
        return LiveDisplay(console)
    return PlainDisplay()
