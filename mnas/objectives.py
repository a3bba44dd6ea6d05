"""The two objectives of a search, in the order in which a study keeps them: the task's metric and the latency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from mnas.tasks import Metric

Direction = Literal["maximize", "minimize"]


class Objectives(NamedTuple):
    """What was measured of one network.

    Attributes:
        value: The task's metric of the TFLite file on the validation split.
        latency_ms: Median.
    """

    value: float
    latency_ms: float

    @classmethod
    def of(cls, trial: FrozenTrial) -> Self:
        """Those of a complete trial."""
        return cls(*trial.values)

    def words(self, metric: Metric) -> str:
        """Both for the user, such as "accuracy 97.10%, 12.3 ms"."""
        return f"{metric.name} {metric.exact_words(self.value)}, {self.latency_ms:.3g} ms"


def directions(*, maximize: bool) -> list[Direction]:
    """As Optuna names them.

    Args:
        maximize: Whether more of the metric is better.
    """
    return ["maximize" if maximize else "minimize", "minimize"]


def names(metric: Metric) -> list[str]:
    """As a study names them, under the metric's own name."""
    return [metric.key, "latency_ms"]
