"""One function a figure, each returning a matplotlib Figure; `save(figure, path)` writes PNG, SVG or PDF."""

from reports.figures.costs import float_against_int8, latency_against_macs, metric_against_macs
from reports.figures.front import pareto
from reports.figures.networks import networks
from reports.figures.progress import progress
from reports.figures.sharing import shared_against_alone
from reports.figures.style import save
from reports.figures.timing import devices, predicted_against_measured

__all__ = [
    "devices",
    "float_against_int8",
    "latency_against_macs",
    "metric_against_macs",
    "networks",
    "pareto",
    "predicted_against_measured",
    "progress",
    "save",
    "shared_against_alone",
]
