"""From a run to its table, its figures and its page.

    >>> from reports import frame, hypervolume, pareto_front
    >>> table = frame("runs/demo")
    >>> pareto_front(table)[["accuracy", "latency_ms"]]
    >>> hypervolume(table, reference=(0.0, 5.0))

One function a figure, each returning a matplotlib Figure, is in `reports.figures`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reports.errors import ReportError

if TYPE_CHECKING:
    from reports.frames import frame
    from reports.pareto import hypervolume, pareto_front

__all__ = ["ReportError", "frame", "hypervolume", "pareto_front"]

_HOMES = {"frame": "reports.frames", "hypervolume": "reports.pareto", "pareto_front": "reports.pareto"}


def __getattr__(name: str) -> object:
    """Imports pandas and optuna with the first function asked for, so that `mnas --help` does not wait for them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
