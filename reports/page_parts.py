"""What all pages share: how templates are filled in, and the files that go into a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from device_bench.terminal import printable
from reports import tables
from reports.metrics import capitalized

_UNSAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


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


def script_json(value: object) -> str:
    """JSON for the inside of a `<script>` element: no character in it can end the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(_UNSAFE)


def printable_values(value: Any) -> Any:
    """The same value, each text in it on one line and without control characters."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: printable_values(one) for key, one in value.items()}
    return [printable_values(one) for one in value] if isinstance(value, list | tuple) else value
