"""`mnas report`: light, so that its help appears at once; pandas and matplotlib come with the work itself."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=_FILE, help="Page to write (.html), one file that needs no network.")
@click.option("--figure", "-f", "figures", type=_FILE, multiple=True, help="Pareto figure: .png, .svg or .pdf.")
@click.option("--csv", type=_FILE, help="Table of the front to write (.csv).")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def report(
    runs: tuple[Path, ...], output: Path | None, figures: tuple[Path, ...], csv: Path | None, debug: bool
) -> None:
    """Draws the Pareto front of searches: page, figure, table.

    Without an option, one RUN gets report.html, front.csv and pareto.png, .svg, .pdf in its own directory. Several
    RUNs are laid over each other in what the options name.
    """
    from reports.errors import ReportError
    from reports.write import Outputs, write

    try:
        write(runs, Outputs(output, figures, csv))
    except ReportError as error:
        if debug:
            raise
        click.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None
