"""A full training: hours, in checkpoints, so that one that is killed at any step ends as if nothing had happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import tensorflow as tf

from mnas.tasks.task import Data, Task
from mnas.training.averages import MovingAverage
from mnas.training.batches import Batch, epoch_batches
from mnas.training.checkpoint import Checkpoint, Epoch, Standing, data_identity
from mnas.training.in_training import BeforeStep, Network, supervised
from mnas.training.recipe import Recipe
from mnas.training.train import finite, float_predict, make_step

_EVERY_S = 60.0
"""Between two checkpoints within an epoch."""

_CHECKPOINTS_SHARE = 0.05
"""Behind epochs so short that checkpoints would take more than this share of the time, there are fewer of them."""

_NEW = ("auxiliary", "drop_path", "best_of_last")
"""What recipes of earlier versions did not have."""

_TIMED_STEPS = 8
_TIMED_SHARE = 0.02
"""At least so many steps and such a share of its minutes show a training how many steps fit."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        epoch: At hand, from 1.
        epochs: How many it is to have.
        step: Of the epoch, from 1.
        steps: Of each epoch.
        loss: Mean over the epoch so far.
        value: The metric behind the epoch, when the epoch is over.
        seconds_left: At the pace of this process.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    value: float | None
    seconds_left: float


@dataclass(frozen=True, slots=True)
class LongTraining:
    """What a training went through.

    Attributes:
        recipe: With the number of epochs that it planned.
        history: Its epochs.
        seconds: What they took.
        ended: Why it ended before its last epoch; empty otherwise.
    """

    recipe: Recipe
    history: tuple[Epoch, ...]
    seconds: float
    ended: str


def train_long(
    network: Network,
    task: Task[Any],
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    minutes: float | None = None,
    before_step: BeforeStep | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> LongTraining:
    """Trains a network in place, or resumes its training.

    The weights that it ends with are the moving average of the recipe's `ema`, or those of the last step; with
    `patience` they are those of the best epoch. The same network, data, recipe and seed give the same weights bit by
    bit, whether the training was killed or not, on the same machine with as many threads.

    Args:
        network: As it starts; in an order that is always the same, its variables are what checkpoints keep.
        task: Gives the loss, the augmentation and the judge.
        data: Their train and validation splits.
        recipe: How.
        seed: Of the order of the examples and of their augmentation.
        folder: Of the checkpoint.
        minutes: How long to train, in place of the recipe's epochs: as many steps as fit are planned once, at the
            start, and the learning rate falls over them.
        before_step: Called before each step; what it changes has to be among the variables, or follow from the step.
        on_progress: Told after each step, and after each epoch.

    Raises:
        SearchError: The loss is no longer finite, or the folder holds another training.
        RunFailed: A checkpoint cannot be written.
    """
    work = _Work(network, task, data, recipe, seed)
    checkpoint = Checkpoint(folder / "checkpoint.npz", work.identity(minutes), work.groups)
    standing = checkpoint.restore()
    if standing is None:
        standing = work.planned(minutes)
        checkpoint.save(standing)
    tell = on_progress or (lambda _: None)
    recipe = replace(recipe, epochs=standing.epochs)
    clock = _Clock(standing)
    while not standing.done:
        for _ in work.epoch(standing, recipe, before_step):
            tell(clock.progress(closed=False))
            clock.save(checkpoint, _EVERY_S)
        work.close_epoch(standing, recipe)
        tell(clock.progress(closed=True))
        clock.save(checkpoint, 0.0 if standing.done else clock.saving_s / _CHECKPOINTS_SHARE)
    work.settle(recipe)
    return LongTraining(recipe, tuple(standing.history), standing.seconds, standing.ended)


class _Clock:
    """What a training has taken, what is left of it, and when its next checkpoint is due.

    Attributes:
        saving_s: What the last checkpoint took.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing, self._first = standing, standing.step
        self._began = self._noted = self._saved = time.monotonic()
        self.saving_s = 0.0

    def save(self, checkpoint: Checkpoint, every_s: float) -> None:
        """Writes the checkpoint if the last one is so old."""
        now = time.monotonic()
        if now - self._saved < every_s:
            return
        self._standing.seconds += now - self._noted
        self._noted = now
        checkpoint.save(self._standing)
        self._saved = time.monotonic()
        self.saving_s = self._saved - now

    def progress(self, *, closed: bool) -> Progress:
        """Where the training stands, in or behind an epoch."""
        standing, now = self._standing, time.monotonic()
        if standing.step == self._first + 1:
            self._began = now  # the first step built the graph
        pace = (now - self._began) / max(1, standing.step - self._first - 1)
        within = standing.step - (len(standing.history) - closed) * standing.steps
        return Progress(
            epoch=len(standing.history) + (not closed),
            epochs=standing.epochs,
            step=within,
            steps=standing.steps,
            loss=standing.history[-1].loss if closed else standing.losses / max(1, within),
            value=standing.history[-1].value if closed else None,
            seconds_left=0.0 if standing.done else pace * (standing.epochs * standing.steps - standing.step),
        )


class _Work:
    """A network in training, with all that changes beside it."""

    def __init__(self, network: Network, task: Task[Any], data: Data, recipe: Recipe, seed: int) -> None:
        self._network, self._task, self._data, self._recipe, self._seed = network, task, data, recipe, seed
        average = MovingAverage(network.variables) if recipe.ema else None
        after = average.update if average else lambda: None
        self._average = average
        self._step, slots = make_step(network, recipe, supervised(task.loss(data, recipe), recipe), after)
        self._predict = float_predict(network)
        self._best = [tf.Variable(one, trainable=False) for one in network.variables] if recipe.patience else []
        self.groups = {
            "network": list(network.variables),
            "slots": slots,
            "average": average.state if average else [],
            "best": self._best,
        }

    def identity(self, minutes: float | None) -> dict[str, Any]:
        """What tells this training from others; see `Checkpoint`."""
        trained = {one.name for one in self._network.trainable_variables}
        return {
            "network": [[one.name, list(one.shape), one.name in trained] for one in self._network.variables],
            "data source": data_identity(self._data),
            "seed": self._seed,
            "number of minutes": minutes,
            # Without what is new and left out, so that trainings of earlier versions resume.
            **{f"recipe ({key})": value for key, value in asdict(self._recipe).items() if value or key not in _NEW},
        }

    def planned(self, minutes: float | None) -> Standing:
        """A training that has not begun, of the recipe's length or of as much as fits into some minutes."""
        steps = self._recipe.steps_per_epoch(len(self._data.train))
        if minutes is None:
            return Standing(self._recipe.epochs, steps)
        began = time.monotonic()
        with self._untouched():
            step_s, judge_s = self._paces(60 * minutes)
        taken_s = time.monotonic() - began
        left_s = max(0.0, 60 * minutes - taken_s)
        epochs = int(left_s / (steps * step_s + judge_s))
        if not epochs:
            epochs, steps = 1, max(1, min(steps, int((left_s - judge_s) / step_s)))
        return Standing(epochs, steps, seconds=taken_s)

    def epoch(self, standing: Standing, recipe: Recipe, before_step: BeforeStep | None) -> Iterator[None]:
        """What is left of the epoch at hand, step by step."""
        epoch, total = len(standing.history), standing.epochs * standing.steps
        first = standing.step - epoch * standing.steps
        batches = epoch_batches(self._task, self._data.train, recipe, seed=self._seed, epoch=epoch, first=first)
        for inputs, targets in islice(batches, standing.steps - first):
            if before_step is not None:
                before_step(standing.step, total)
            rate = tf.constant(recipe.rate(standing.step, total), tf.float32)
            loss = float(self._step(tf.constant(inputs), tf.constant(targets), rate))
            standing.losses += finite(loss, recipe, epoch)
            standing.step += 1
            yield

    def close_epoch(self, standing: Standing, recipe: Recipe) -> None:
        """Judges the epoch that is over, and keeps its weights where it is the best."""
        with self._averaged():
            standing.history.append(Epoch(standing.losses / standing.steps, self._judged()))
            since = len(standing.history) - _best_epoch(standing, self._task)
            if self._best and since == 0:
                _assign(self._best, self._network.variables)
        standing.losses = 0.0
        if 0 < recipe.patience <= since and len(standing.history) < standing.epochs:
            standing.ended = f"It ended early: {since} epochs had brought no better {self._task.metric.name}."

    def settle(self, recipe: Recipe) -> None:
        """Gives the network the weights that the training ends with."""
        if self._best:
            _assign(self._network.variables, self._best)
        elif self._average is not None:
            self._average.swap()

    def _judged(self) -> float:
        return float(self._task.judge(self._predict, self._data.validation))

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The network with its averaged weights for a while."""
        if self._average is None:
            yield
            return
        self._average.swap()
        try:
            yield
        finally:
            self._average.swap()

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Undoes whatever happens to the variables."""
        variables = [one for group in self.groups.values() for one in group]
        values = [one.numpy() for one in variables]
        yield
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _paces(self, seconds: float) -> tuple[float, float]:
        """Seconds of a step with its batch, and of judging the validation split, in a training of `seconds`."""
        self._predict(self._data.validation.inputs[:1])  # builds the graph
        began = time.monotonic()
        self._judged()
        judge_s = time.monotonic() - began
        rate = tf.constant(0.0, tf.float32)
        times: list[float] = []
        for inputs, targets in self._endless():
            self._step(tf.constant(inputs), tf.constant(targets), rate).numpy()
            times.append(time.monotonic())
            if len(times) > _TIMED_STEPS and times[-1] - times[0] >= _TIMED_SHARE * seconds:
                break
        return (times[-1] - times[0]) / (len(times) - 1), judge_s

    def _endless(self) -> Iterator[Batch]:
        for epoch in count():
            yield from epoch_batches(self._task, self._data.train, self._recipe, seed=self._seed, epoch=epoch)


def _best_epoch(standing: Standing, task: Task[Any]) -> int:
    """The number of the best epoch so far, from 1; the first of equals."""
    gains = [task.metric.gain(one.value) for one in standing.history]
    return 1 + gains.index(max(gains))


def _assign(variables: Sequence[tf.Variable], others: Sequence[tf.Variable]) -> None:
    for variable, other in zip(variables, others, strict=True):
        variable.assign(other)
