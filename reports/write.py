"""What `mnas report` does: read the runs once, write the files asked for, show the front."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from device_bench.terminal import counted, plain, printable, say
from mnas.shipping.card import is_card
from mnas.shipping.card_words import headline as headline_of_card
from reports import figures, rewards, tables
from reports.card_page import PAGE, write_card_page
from reports.drawings import drawing_of
from reports.errors import ReportError
from reports.figures.style import FORMATS, format_of
from reports.frames import frames
from reports.headline import headline
from reports.html import write_page
from reports.runs import RunData, read_runs
from reports.summary import words

_DRAWN_NETWORKS = 4
_ASCII = str.maketrans("\N{EN DASH}\N{MINUS SIGN}", "--")


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files asked for; None and empty where none was named.

    Attributes:
        page: the HTML page.
        figures: the Pareto figure, once for every name.
        gallery: a directory for all figures, each in every format.
        csv: the rows of the front.
    """

    page: Path | None = None
    figures: tuple[Path, ...] = ()
    gallery: Path | None = None
    csv: Path | None = None


def write(paths: Sequence[Path], outputs: Outputs, *, refresh_s: int | None = None, quiet: bool = False) -> bool:
    """Reports one or several run directories as they stand now.

    Args:
        paths: run directories.
        outputs: what to write; nothing named writes everything into the run's own directory.
        refresh_s: seconds after which the open page loads itself again, while a search is running.
        quiet: show no table.

    Returns:
        Whether all the searches have ended.

    Raises:
        ReportError: a path is no run, or a file cannot be written.
    """
    _check_endings(outputs)
    runs = read_runs(paths)
    table = frames(runs)
    ended = all(run.final is not None for run in runs)
    if outputs == Outputs() and len(runs) == 1:
        outputs = _beside(runs[0])
    written = []
    if outputs.csv:
        tables.write_csv(tables.fronts(table), outputs.csv)
        written.append(outputs.csv)
    if outputs.page:
        write_page(runs, outputs.page, refresh_s=None if ended else refresh_s)
        written.append(outputs.page)
    for path, drawn in _drawings(runs, table, outputs):
        figures.save(drawn, path)
        written.append(path)
    if not quiet:
        _show(runs, table, written)
    return ended


def write_cards(folders: Sequence[Path], outputs: Outputs, refresh_s: int | None) -> None:
    """Draws the page of each model card anew: beside the card, or where `outputs.page` says.

    Args:
        folders: What `mnas train` and `mnas export` have left.
        outputs: Nothing but a page may be asked for, and of one card only.
        refresh_s: None: a card does not change.

    Raises:
        ReportError: Searches are among the cards, something else is asked for, or a card is damaged.
    """
    _check_endings(outputs)
    for folder in folders:
        if not is_card(folder):
            raise ReportError(f"{folder} holds no model card, unlike the others: report searches and cards apart")
    if outputs != Outputs(outputs.page) or refresh_s is not None:
        raise ReportError("a model card has a page only: leave out --figure, --all-figures, --csv and --refresh")
    if outputs.page and len(folders) > 1:
        raise ReportError("--output is one page: leave it out, and each card gets its page beside it")
    for folder in folders:
        path = outputs.page or folder / PAGE
        say(headline_of_card(write_card_page(folder, path)))
        say(f"wrote {printable(str(path))}")


def follow(paths: Sequence[Path], outputs: Outputs, refresh_s: int) -> None:
    """Writes again and again until all the searches have ended, or ctrl-C.

    Raises:
        ReportError: as `write`.
    """
    try:
        ended = write(paths, outputs, refresh_s=refresh_s)
        if not ended:
            click.echo(f"writing anew every {refresh_s} s until the search ends (ctrl-C ends this, not the search)")
        while not ended:
            time.sleep(refresh_s)
            ended = write(paths, outputs, refresh_s=refresh_s, quiet=True)
        click.echo("the search has ended")
    except KeyboardInterrupt:
        click.echo("stopped following; the files show the search as it was last read")


def gallery(runs: Sequence[RunData], table: pd.DataFrame) -> dict[str, Figure]:
    """All figures of one or several runs by file name."""
    drawn = {
        "pareto": _pareto(runs, table),
        "progress": figures.progress(table),
        f"{runs[0].metric.key}_against_macs": figures.metric_against_macs(table),
        "latency_against_macs": figures.latency_against_macs(table),
        "float_against_int8": figures.float_against_int8(table),
    }
    if len(runs) == 1 and (networks := _networks(runs[0], tables.fronts(table))):
        drawn["networks"] = networks
    if len(runs) == 1 and runs[0].trust is not None:
        drawn["shared_against_alone"] = figures.shared_against_alone(runs[0].trust, runs[0].metric)
    return drawn


def _networks(run: RunData, front: pd.DataFrame) -> Figure | None:
    """Networks at equal steps along the front, from the fastest on; None where none can be drawn."""
    records = {trial.number: record for trial, record in zip(run.trials, run.records, strict=True)}
    drawings = {
        f"{row.name} ({row.latency_ms:.3g} ms)": boxes
        for row in front.itertuples(index=False)
        if (boxes := drawing_of(records[int(row.number)], run))
    }
    if not drawings:
        return None
    count = min(_DRAWN_NETWORKS, len(drawings))
    chosen = sorted({round(k * (len(drawings) - 1) / max(1, count - 1)) for k in range(count)})
    return figures.networks({name: drawings[name] for name in (list(drawings)[place] for place in chosen)})


def _pareto(runs: Sequence[RunData], table: pd.DataFrame) -> Figure:
    targets = {run.target_ms for run in runs}
    target = targets.pop() if len(targets) == 1 else None
    return figures.pareto(table, target_ms=target, reward=rewards.of_run(runs[0]) if len(runs) == 1 else None)


def _drawings(runs: Sequence[RunData], table: pd.DataFrame, outputs: Outputs) -> list[tuple[Path, Figure]]:
    listed = []
    if outputs.figures:
        drawn = _pareto(runs, table)
        listed += [(path, drawn) for path in outputs.figures]
    if outputs.gallery:
        for name, drawn in gallery(runs, table).items():
            listed += [(outputs.gallery / f"{name}.{kind}", drawn) for kind in FORMATS]
    return listed


def _check_endings(outputs: Outputs) -> None:
    """Refuses a file whose ending promises another kind than would be in it."""
    for figure in outputs.figures:
        format_of(figure)
    for path, kinds, what in ((outputs.page, (".html", ".htm"), "the page"), (outputs.csv, (".csv",), "the table")):
        if path is not None and path.suffix.lower() not in kinds:
            others = "use --output for the page (.html), --figure for .png, .svg and .pdf, --csv for the table (.csv)"
            raise ReportError(
                f"{path}: {what} is written as {kinds[0]}, not {path.suffix or 'without a suffix'}; {others}"
            )


def _beside(run: RunData) -> Outputs:
    if run.path is None:
        raise ReportError(f"run {run.name} has no directory: say where to write with --output, --figure or --csv")
    drawn = tuple(run.path / f"pareto.{kind}" for kind in FORMATS)
    return Outputs(run.path / "report.html", drawn, None, run.path / "front.csv")


def _show(runs: Sequence[RunData], table: pd.DataFrame, written: Sequence[Path]) -> None:
    console = Console(highlight=False)
    for run in runs:
        done, failed, open_ = run.count("COMPLETE"), run.count("FAIL"), run.count("RUNNING")
        console.print(plain(f"{run.name}: {counted(done, 'trial')} finished, {failed} failed, {open_} running"))
        own = table[table["run"] == run.name]
        for sentence in (headline(run, own), *(f"- {finding}" for finding in words(run, own))):
            console.print(plain(sentence.translate(_ASCII)))  # a terminal need not know Unicode
    console.print(tables.terminal(table))
    for path in written:
        say(f"wrote {printable(str(path))}")
    if not written:
        click.echo("nothing written: name files with --output, --figure or --csv")
