"""What `mnas bench` shows while it works: a line per device on a terminal, a line per finished cell everywhere else."""

import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from device_bench.matrix.cells import Cell
from device_bench.pool import PoolEvent
from device_bench.terminal import plain, printable, say
from device_bench.timing import measurement
from device_bench.timing.timing import Timing

_KINDS = {"lost": "lost, will be tried again", "aside": "set aside"}


class Display(Protocol):
    """Receives what happens; its methods may be called from any thread."""

    def __enter__(self) -> Self:
        """Begins to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops showing."""

    def progress(self, now: measurement.Progress) -> None:
        """A device begins something."""

    def finished(self, cell: Cell, timing: Timing) -> None:
        """A cell is measured."""

    def event(self, event: PoolEvent) -> None:
        """A device is there, lost or set aside."""


def make_display(total: int) -> Display:
    """A live display where the error output is a terminal, else plain lines."""
    return LiveDisplay(total) if sys.stderr.isatty() else PlainDisplay(total)


class PlainDisplay:
    """A line per finished cell, on the error output.

    Args:
        total: Cells to measure.
    """

    def __init__(self, total: int) -> None:
        self._total, self._count = total, 0

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def progress(self, now: measurement.Progress) -> None:
        """Says why a device waits; everything else would be too much for a log."""
        if now.doing == "waiting":
            _line(f"{now.device}: waiting: {now.detail}")

    def finished(self, cell: Cell, timing: Timing) -> None:
        """Says the result."""
        self._count += 1
        _line(f"[{self._count}/{self._total}] {describe(cell, timing)}")

    def event(self, event: PoolEvent) -> None:
        """Says what is wrong with a device."""
        if event.kind in _KINDS:
            _line(f"{event.device}: {_KINDS[event.kind]}: {event.reason}")


def _line(text: str) -> None:
    say(printable(text), err=True)  # one line, whatever a device says


class LiveDisplay:
    """A bar over all cells with the time left, and a line per device.

    Args:
        total: Cells to measure.
    """

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True)
        # The default spinner is drawn in Braille, which no other encoding has.
        spinner = SpinnerColumn("dots" if self._console.encoding.startswith("utf") else "line")
        columns = (spinner, TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console)
        self._cells = self._bar.add_task("cells", total=total)
        self._doing: dict[str, str] = {}
        self._live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        """Begins to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops drawing."""
        self._live.stop()

    def progress(self, now: measurement.Progress) -> None:
        """Shows what a device does."""
        session = "" if now.doing in ("canary", "waiting") else f", session {now.sessions + 1}"
        self._doing[now.device] = now.doing + (f": {now.detail}" if now.detail else session)

    def finished(self, cell: Cell, timing: Timing) -> None:
        """Prints the result above the bar."""
        self._console.print(plain(describe(cell, timing)))
        self._bar.advance(self._cells)

    def event(self, event: PoolEvent) -> None:
        """Shows what is wrong with a device."""
        self._doing[event.device] = f"{_KINDS[event.kind]}: {event.reason}" if event.kind in _KINDS else "ready"
        if event.kind == "aside":
            # What is drawn goes when all is done; why cells stay open does not.
            words = f"{event.device}: {_KINDS[event.kind]}: {event.reason}"
            self._console.print(plain(words))

    def _drawn(self) -> Group:
        lines = Table.grid(padding=(0, 2))
        for device, doing in sorted(dict(self._doing).items()):
            lines.add_row(plain(device, "bold"), plain(doing))
        return Group(self._bar, lines)


def describe(cell: Cell, timing: Timing) -> str:
    """A cell and its result in one line."""
    cores = f", cores {cell.cores}" if cell.cores else ""
    where = f"{cell.device}, {cell.threads} thread{'s' if cell.threads > 1 else ''}, {cell.delegate}{cores}"
    number = "no latency" if timing.median_ms is None else f"{timing.median_ms:.4g} ms"
    if timing.low_ms is not None and timing.high_ms is not None:
        number += f" ({timing.low_ms:.4g} - {timing.high_ms:.4g})"
    reason = f": {timing.reason}" if timing.reason else ""
    return f"{cell.model} {cell.precision} on {where}: {number} {timing.verdict}{reason}"
