"""The training of shared weights: long, in checkpoints, so that one that is killed ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnas.files import write_npz
from mnas.sharing.sampling import Sampler
from mnas.sharing.step import SharedStep
from mnas.tasks.task import Data, Task
from mnas.training.batches import epoch_batches
from mnas.training.checkpoint import Checkpoint, Epoch, Standing, data_identity
from mnas.training.recipe import Recipe
from mnas.training.train import finite
from search_spaces.keras_models.shared import Route, SharedModel

_EVERY_S = 60.0
"""Between two checkpoints."""


@dataclass(frozen=True, slots=True)
class SharedTraining:
    """What is trained, and how.

    Attributes:
        model: All networks; what they learn is in it when the training has ended.
        sampler: Chooses the networks of each step.
        task: Gives the loss and the augmentation.
        data: The train split is used.
        recipe: How; its epochs are those of the shared weights.
        seed: Of the order of the examples and of their augmentation.
    """

    model: SharedModel
    sampler: Sampler
    task: Task[Any]
    data: Data
    recipe: Recipe
    seed: int

    def run(
        self, file: Path, on_step: Callable[[int, int, float], None] = lambda *_: None, every_s: float = _EVERY_S
    ) -> float:
        """Trains, or resumes; the same weights, bit by bit, whether it was killed or not.

        Args:
            file: Receives the weights at the end; the checkpoint lies beside it.
            on_step: Told after each step its number, the number of all, and its loss.
            every_s: Seconds between two checkpoints.

        Returns:
            The mean loss of the last epoch.

        Raises:
            SearchError: The loss is no longer finite, or the folder holds another training.
            RunFailed: A checkpoint cannot be written.
        """
        step = SharedStep(self.model, self.task.loss(self.data, self.recipe), self.recipe)
        groups = {"network": [self.model.weights], "slots": step.slots}
        checkpoint = Checkpoint(file.with_name("checkpoint.npz"), self._identity(), groups)
        steps = self.recipe.steps_per_epoch(len(self.data.train))
        standing = checkpoint.restore() or Standing(self.recipe.epochs, steps)
        resumed, before, saved = time.monotonic(), standing.seconds, time.monotonic()

        def save() -> None:
            standing.seconds = before + time.monotonic() - resumed
            checkpoint.save(standing)

        while not standing.done:
            for loss in self._epoch(step, standing):
                on_step(standing.step, standing.epochs * steps, loss)
                if time.monotonic() - saved > every_s:
                    save()
                    saved = time.monotonic()
            standing.history.append(Epoch(standing.losses / steps, math.nan))
            standing.losses = 0.0
        save()
        write_npz(file, self.model.named())
        return standing.history[-1].loss

    def _epoch(self, step: SharedStep, standing: Standing) -> Iterator[float]:
        """What is left of the epoch at hand: the loss of each step."""
        epoch, total = len(standing.history), standing.epochs * standing.steps
        first = standing.step - epoch * standing.steps
        batches = epoch_batches(self.task, self.data.train, self.recipe, seed=self.seed, epoch=epoch, first=first)
        for inputs, targets in batches:
            rate, taught = self.recipe.rate(standing.step, total), self.sampler.sampling == "sandwich"
            loss = step(inputs, targets, self._routes(standing.step, total), rate, taught=taught)
            standing.losses += finite(loss, self.recipe, epoch)
            standing.step += 1
            yield loss

    def _routes(self, step: int, steps: int) -> list[Route]:
        graph, space = self.model.graph, self.sampler.space
        return [
            self.model.route(*(graph.path(space.decode(one)) for one in together))
            for together in self.sampler.networks(step, steps)
        ]

    def _identity(self) -> dict[str, Any]:
        return {
            "network": hashlib.sha256(repr(self.model.graph.steps).encode()).hexdigest(),
            "data source": data_identity(self.data),
            "seed": self.seed,
            "sampling": [self.sampler.sampling, self.sampler.share, self.sampler.seed],
            **{f"recipe ({key})": value for key, value in asdict(self.recipe).items()},
        }
