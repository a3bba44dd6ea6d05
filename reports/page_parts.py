"""What all pages share: how templates are filled in, and the files that go into a page."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

import jinja2
from markupsafe import Markup

from device_bench.terminal import printable
from reports import tables
from reports.metrics import capitalized


def source(name: str) -> Markup:
    """One of our own files, which is markup by right."""
    return Markup(files("reports").joinpath("templates", name).read_text(encoding="utf-8"))


def made() -> str:
    """When a page was written."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def environment() -> jinja2.Environment:
    """Templates in which every text is escaped and made printable, and in which no name may be missing."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,  # not so our own Markup
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(percent=tables.percent, count=tables.count, digits=tables.digits, capitalized=capitalized)
    made.globals.update(latency_with_ends=tables.latency_with_ends, metric_with_ends=tables.metric_with_ends)
    return made
