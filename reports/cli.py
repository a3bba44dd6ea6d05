"""`mnas report` and `mnas watch`: light modules, so that their help appears at once."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)
_RUN = click.Path(path_type=Path)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=_RUN)
@click.option("--output", "-o", type=_FILE, help="Page to write (.html), one file that needs no network.")
@click.option("--figure", "-f", type=_FILE, multiple=True, help="Pareto figure: .png, .svg or .pdf.")
@click.option("--all-figures", type=click.Path(file_okay=False, path_type=Path), help="Directory for every figure.")
@click.option("--csv", type=_FILE, help="Table of the front to write (.csv).")
@click.option(
    "--refresh",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Write anew every so often until the search ends; the open page follows.",
)
def report(
    runs: tuple[Path, ...],
    output: Path | None,
    figure: tuple[Path, ...],
    all_figures: Path | None,
    csv: Path | None,
    refresh: int | None,
) -> None:
    """Draws the Pareto front of searches: page, figures, table.

    Without an option, one RUN gets report.html, front.csv and pareto.png, .svg, .pdf in its own directory. Several
    RUNs are laid over each other in what the options name. A search that still runs can be reported.
    """
    from reports.write import Outputs, follow, write

    outputs = Outputs(output, figure, all_figures, csv)
    if refresh is None:
        write(runs, outputs)
    else:
        follow(runs, outputs, refresh)


@click.command()
@click.argument("run", type=_RUN)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page in a browser.")
def watch(run: Path, host: str, port: int, browser: bool) -> None:
    """Opens optuna-dashboard on the trials of RUN while its search goes on."""
    from reports.watch import serve

    serve(run, host=host, port=port, browser=browser)
