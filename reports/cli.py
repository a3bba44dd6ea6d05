"""`mnas report` and `mnas watch`: light modules, so that their help appears at once."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)
_RUN = click.Path(path_type=Path)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=_RUN)
@click.option("--output", "-o", type=_FILE, help="Page to write (.html), one file that needs no network.")
@click.option(
    "--figure",
    "-f",
    type=_FILE,
    multiple=True,
    help="Pareto figure to write: .png, .svg or .pdf. May be given several times.",
)
@click.option(
    "--all-figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for all figures, each as PNG, SVG and PDF.",
)
@click.option("--csv", type=_FILE, help="Table of the front to write (.csv).")
@click.option(
    "--refresh",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Write anew at this interval until the search ends; an open page follows.",
)
def report(
    runs: tuple[Path, ...],
    output: Path | None,
    figure: tuple[Path, ...],
    all_figures: Path | None,
    csv: Path | None,
    refresh: int | None,
) -> None:
    """Draw the Pareto front of one or more searches: page, figures, table.

    Without an option, one RUN gets report.html, front.csv and pareto.png, .svg, .pdf in its own directory. Several
    RUNs are laid over each other in the files that the options name. A search that is still running can be reported.
    A directory of `mnas train` or `mnas export` gets the page of its model card, card.html, anew.
    """
    from mnas.shipping.card import is_card
    from reports.write import Outputs, follow, write, write_cards

    outputs = Outputs(output, figure, all_figures, csv)
    if any(map(is_card, runs)):
        write_cards(runs, outputs, refresh)
    elif refresh is None:
        write(runs, outputs)
    else:
        follow(runs, outputs, refresh)


@click.command()
@click.argument("run", type=_RUN)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page in a browser.")
def watch(run: Path, host: str, port: int, browser: bool) -> None:
    """Open optuna-dashboard on the trials of RUN, also while its search is running."""
    from reports.watch import serve

    serve(run, host=host, port=port, browser=browser)
