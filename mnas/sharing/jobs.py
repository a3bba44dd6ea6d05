"""The work on shared weights, as jobs for an executor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnas.errors import SearchError
from mnas.executors.events import Report
from mnas.files import read_npz
from mnas.sharing.sampling import Sampler, Sampling
from mnas.tasks import DEFAULT, Data, Task, task
from mnas.training.recipe import Recipe
from search_spaces import SpaceChoice, SpaceError, from_json

WEIGHTS = "weights.npz"
"""The file of trained weights."""

if TYPE_CHECKING:
    from mnas.sharing.judge import SharedJudge
    from search_spaces.keras_models.shared import SharedModel


@dataclass(frozen=True, slots=True)
class Supernet:
    """Which shared weights: everything that they depend on.

    Attributes:
        choice: The space.
        data: Folder of the task's `save`.
        task: Name of the task.
        recipe: Of the training; its epochs are those of the shared weights.
        sampling: Which networks a step trains.
        share: Share of the steps over which the warm-ups fade.
        seed: Of the weights, the networks, and the order of the examples.
        folder: Where checkpoint and weights go.
    """

    choice: SpaceChoice
    data: Path
    recipe: Recipe
    sampling: Sampling
    share: float
    seed: int
    folder: Path
    task: str = DEFAULT

    @property
    def trained(self) -> bool:
        """Whether the training has ended."""
        return (self.folder / WEIGHTS).exists()

    def build(self) -> tuple[SharedModel, Task[Any], Data]:
        """The model with its first weights, and what it is trained on."""
        from mnas.training.train import prepare_tensorflow
        from search_spaces.keras_models.shared import SharedModel

        prepare_tensorflow()
        judged_by = task(self.task)
        data = judged_by.open(self.data)
        graph = self.choice.shared(data.input_shape, judged_by.head(data.outputs))
        return SharedModel(graph, self.seed), judged_by, data

    def restored(self) -> tuple[SharedModel, Task[Any], Data]:
        """The same with the weights that the training has ended with.

        Raises:
            SearchError: Their file is damaged, or of another space.
        """
        file = self.folder / WEIGHTS
        model, judged_by, data = self.build()
        try:
            model.load(read_npz(file))
        except SpaceError as error:
            raise SearchError(f"{file}: {error}: delete it, and the search trains them again") from error
        return model, judged_by, data


@dataclass(frozen=True, slots=True)
class TrainShared:
    """The job: trains shared weights, or resumes their training."""

    supernet: Supernet

    def __call__(self, report: Report) -> float:
        """Trains; returns the mean loss of the last epoch."""
        from mnas.sharing.training import SharedTraining

        about = self.supernet
        report("build")
        model, judged_by, data = about.build()
        sampler = Sampler(about.choice.space(data.input_shape), model.graph, about.sampling, about.share, about.seed)
        training = SharedTraining(model, sampler, judged_by, data, about.recipe, about.seed)
        return training.run(about.folder / WEIGHTS, lambda step, steps, loss: report("train", step, steps, loss))


@dataclass(frozen=True, slots=True)
class JudgeShared:
    """The job: judges networks with shared weights.

    Attributes:
        supernet: The weights, trained.
        arches: The networks, by `search_spaces.to_json`.
        calibration: Training images that give a network its statistics.
        judged: Validation images that it is judged on.
    """

    supernet: Supernet
    arches: tuple[str, ...]
    calibration: int
    judged: int

    def __call__(self, report: Report) -> list[float]:
        """The task's metric of each."""
        report("judge")
        judge, model = _judge(self.supernet, self.calibration, self.judged)
        return [judge.value(model.graph.path(from_json(one))) for one in self.arches]


@cache
def _judge(supernet: Supernet, calibration: int, judged: int) -> tuple[SharedJudge, SharedModel]:
    """One per process, for it takes long to compile."""
    from mnas.sharing.judge import SharedJudge

    model, judged_by, data = supernet.restored()
    judge = SharedJudge(model, judged_by, data, calibration=calibration, judged=judged, seed=supernet.seed)
    return judge, model
