"""One function a figure, each returning a matplotlib Figure; `save(figure, path)` writes PNG, SVG or PDF."""

from reports.figures.front import pareto
from reports.figures.style import save

__all__ = ["pareto", "save"]
