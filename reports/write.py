"""What `mnas report` does: read the runs once, write the files asked for, show the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from reports import rewards, tables
from reports.errors import ReportError
from reports.figures import pareto, save
from reports.figures.style import FORMATS, format_of
from reports.frames import frames
from reports.html import write_page
from reports.runs import RunData, read_runs


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files asked for; None and empty where none was named.

    Attributes:
        page: the HTML page.
        figures: the Pareto figure, once for every name.
        csv: the rows of the front.
    """

    page: Path | None = None
    figures: tuple[Path, ...] = ()
    csv: Path | None = None


def write(paths: Sequence[Path], outputs: Outputs) -> None:
    """Reports one or several run directories.

    Raises:
        ReportError: a path is no run, or a file cannot be written.
    """
    for figure in outputs.figures:
        format_of(figure)
    runs = read_runs(paths)
    table = frames(runs)
    if outputs == Outputs() and len(runs) == 1:
        outputs = _beside(runs[0])
    if outputs.page:
        write_page(runs, outputs.page)
    if outputs.figures:
        drawn = pareto(
            table, target_ms=_shared_target(runs), reward=rewards.of_run(runs[0]) if len(runs) == 1 else None
        )
        for path in outputs.figures:
            save(drawn, path)
    if outputs.csv:
        tables.write_csv(tables.fronts(table), outputs.csv)
    _show(runs, table, outputs)


def _beside(run: RunData) -> Outputs:
    if run.path is None:
        raise ReportError(f"run {run.name} has no directory: say where to write with --output, --figure or --csv")
    figures = tuple(run.path / f"pareto.{kind}" for kind in FORMATS)
    return Outputs(run.path / "report.html", figures, run.path / "front.csv")


def _shared_target(runs: Sequence[RunData]) -> float | None:
    targets = {run.target_ms for run in runs}
    return targets.pop() if len(targets) == 1 else None


def _show(runs: Sequence[RunData], table: object, outputs: Outputs) -> None:
    console = Console(highlight=False)
    for run in runs:
        done, failed, open_ = run.count("COMPLETE"), run.count("FAIL"), run.count("RUNNING")
        console.print(f"{run.name}: {done} trials finished, {failed} failed, {open_} running", markup=False)
    console.print(tables.terminal(table))
    for path in (outputs.page, *outputs.figures, outputs.csv):
        if path:
            click.echo(f"wrote {path}")
    if outputs == Outputs():
        click.echo("nothing written: name files with --output, --figure or --csv")
