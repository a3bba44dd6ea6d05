"""Which metric a table holds, and what reports ask of one."""

from __future__ import annotations

import pandas as pd

from mnas.reward import as_it_is
from mnas.tasks import Metric, tasks
from reports.errors import ReportError

LATENCY = "latency_ms"


def metric_of(table: pd.DataFrame) -> Metric:
    """The metric of the installed task whose values a table holds in the column of the metric's key.

    Raises:
        ReportError: there is no such column.
    """
    known = [one.metric for one in tasks().values()]
    found = next((metric for metric in known if metric.key in table), None)
    if found is None:
        keys = " or ".join(dict.fromkeys(repr(metric.key) for metric in known))
        raise ReportError(f"the frame has no column {keys}: a front needs it and {LATENCY!r}; rename its columns")
    return found


def is_share(metric: Metric) -> bool:
    """Whether all values lie between 0 and 1: only then is a metric its own merit."""
    return metric.merit is as_it_is


def axis_label(metric: Metric, of: str = "(int8)") -> str:
    """What stands beside an axis of the metric; that less is better goes without saying only for people who know it."""
    hint = "" if metric.maximize else ", less is better"
    return f"validation {metric.name} {of}{hint}"


def capitalized(words: str) -> str:
    """As they stand at the beginning of a sentence: only the first letter changes."""
    return words[:1].upper() + words[1:]
