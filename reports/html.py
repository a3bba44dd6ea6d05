"""The page: one self-contained file that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from mnas.errors import SearchError
from mnas.files import write_text
from reports import rewards, tables
from reports.errors import ReportError
from reports.figures import pareto
from reports.figures.style import render
from reports.frames import frames
from reports.runs import RunData


def write_page(runs: Sequence[RunData], path: Path) -> None:
    """Writes the page of one or several runs, whole or not at all.

    Raises:
        ReportError: the place cannot be written to.
    """
    try:
        write_text(path, page(runs))
    except SearchError as error:
        raise ReportError(str(error)) from error


def page(runs: Sequence[RunData]) -> str:
    """The page as text. Every name and every word from a run is escaped."""
    table = frames(runs)
    drawn = pareto(table, target_ms=runs[0].target_ms, reward=rewards.of_run(runs[0]) if len(runs) == 1 else None)
    picture = render(drawn, "svg").decode()
    template = _environment().get_template("page.html")
    return template.render(
        runs=runs,
        title=" against ".join(run.name for run in runs),
        front=tables.fronts(table).to_dict("records"),
        picture=Markup(picture[picture.index("<svg") :]),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=tables.percent, count=tables.count, digits=tables.digits)
    environment.globals.update(with_ends=tables.with_ends)
    return environment
