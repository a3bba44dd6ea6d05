"""How shared weights rank networks, beside trainings of their own."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mnas.records import Trust
from mnas.tasks import Metric
from reports.figures import style as look
from reports.metrics import axis_label


def shared_against_alone(trust: Trust, metric: Metric) -> Figure:
    """The metric after a training of its own against that with shared weights, which ranks and is reached by nobody.

    Args:
        trust: of a search with shared weights.
        metric: of its task.
    """
    shared = [one.shared for one in trust.networks]
    alone = [one.value for one in trust.networks]
    with look.style():
        figure, (axis,) = look.new_figure(4.2, 3.6)
        axis.scatter(shared, alone, s=18, color=look.COLORS[0], linewidths=0, zorder=2)
        ends = [min(shared), max(shared)]
        axis.plot(ends, [trust.expected(one) for one in ends], color=look.INK, linewidth=0.9, linestyle=(0, (5, 3)))
        look.metric_axis(axis, metric, axis_label(metric, "trained alone"))
        axis.set_xlabel(f"{metric.name} with shared weights, which only ranks")
        axis.xaxis.set_major_formatter(look.metric_ticks(metric))
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.set_title(f"Kendall's tau {trust.shared.words()}", fontsize=8, loc="left")
    return figure
