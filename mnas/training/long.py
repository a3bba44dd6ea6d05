"""A full training: hours, in checkpoints, so that one that is killed at any step ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from mnas.tasks.task import Data, Task
from mnas.training.averages import MovingAverage
from mnas.training.batches import epoch_batches
from mnas.training.checkpoint import Checkpoint, Epoch, Standing
from mnas.training.recipe import Recipe
from mnas.training.train import finite, float_predict, make_step

_EVERY_S = 60.0
"""Between two checkpoints within an epoch."""

_TIMED_STEPS = 6
"""Steps on which a training by minutes plans how many fit, behind the first, which builds the graph."""


class Network(Protocol):
    """What can be trained; a Keras model is one."""

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """All that changes in training."""

    @property
    def trainable_variables(self) -> Sequence[tf.Variable]:
        """What an optimizer changes."""

    def __call__(self, inputs: Any, training: bool) -> Any:
        """Inputs `[batch, ...]` -> outputs `[batch, ...]`."""


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
    before_step: Callable[[int], None] | None = None,
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
        before_step: Called before each step with its number from 0; what it changes has to be among the variables.
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
        with clock:
            for _ in work.epoch(standing, recipe, before_step, clock, tell):
                if clock.due():
                    checkpoint.save(standing)
            work.close_epoch(standing, recipe)
            tell(clock.progress(standing, closed=True))
        checkpoint.save(standing)
    work.settle(recipe)
    return LongTraining(recipe, tuple(standing.history), standing.seconds, standing.ended)


class _Clock:
    """What a training takes, and what is left of it."""

    def __init__(self, standing: Standing) -> None:
        self._standing, self._first, self._began = standing, standing.step, time.monotonic()
        self._saved = self._since = self._began

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._note()

    def _note(self) -> None:
        now = time.monotonic()
        self._standing.seconds += now - self._since
        self._since = now

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        if time.monotonic() - self._saved < _EVERY_S:
            return False
        self._note()
        self._saved = time.monotonic()
        return True

    def progress(self, standing: Standing, *, closed: bool) -> Progress:
        """Where the training stands, in or behind an epoch."""
        done = standing.step - self._first
        pace = (time.monotonic() - self._began) / max(1, done)
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
        self._step, slots = make_step(network, recipe, task.loss(data, recipe), after)
        self._predict = float_predict(network)
        self._best = [tf.Variable(one, trainable=False) for one in network.variables] if recipe.patience else []
        self.groups = {
            "network": list(network.variables),
            "slots": slots,
            "average": average.state if average else [],
            "best": self._best,
        }

    def identity(self, minutes: float | None) -> str:
        """The same for the same training alone."""
        about = {
            "recipe": asdict(self._recipe),
            "minutes": minutes,
            "seed": self._seed,
            "data": [self._data.name, len(self._data.train), len(self._data.validation), self._data.outputs],
            "variables": [[one.name, list(one.shape)] for one in self._network.variables],
            "trained": [one.name for one in self._network.trainable_variables],
        }
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()

    def planned(self, minutes: float | None) -> Standing:
        """A training that has not begun, of the recipe's length or of as much as fits into some minutes."""
        steps = self._recipe.steps_per_epoch(len(self._data.train))
        if minutes is None:
            return Standing(self._recipe.epochs, steps)
        with self._untouched():
            step_s, judge_s = self._paces()
        epochs = int(60 * minutes / (steps * step_s + judge_s))
        if epochs:
            return Standing(epochs, steps)
        return Standing(1, max(1, min(steps, int((60 * minutes - judge_s) / step_s))))

    def epoch(
        self,
        standing: Standing,
        recipe: Recipe,
        before_step: Callable[[int], None] | None,
        clock: _Clock,
        tell: Callable[[Progress], None],
    ) -> Iterator[None]:
        """What is left of the epoch at hand, step by step."""
        epoch, total = len(standing.history), standing.epochs * standing.steps
        first = standing.step - epoch * standing.steps
        batches = epoch_batches(self._task, self._data.train, recipe, seed=self._seed, epoch=epoch, first=first)
        for _, (inputs, targets) in zip(range(standing.steps - first), batches, strict=False):
            if before_step is not None:
                before_step(standing.step)
            rate = tf.constant(recipe.rate(standing.step, total), tf.float32)
            loss = float(self._step(tf.constant(inputs), tf.constant(targets), rate))
            standing.losses += finite(loss, recipe, epoch)
            standing.step += 1
            tell(clock.progress(standing, closed=False))
            yield

    def close_epoch(self, standing: Standing, recipe: Recipe) -> None:
        """Judges the epoch that is over, and keeps its weights where it is the best."""
        with self._averaged():
            value = self._judged()
            gains = [self._task.metric.gain(one.value) for one in standing.history]
            if self._best and self._task.metric.gain(value) > max(gains, default=-np.inf):
                _assign(self._best, self._network.variables)
        standing.history.append(Epoch(standing.losses / standing.steps, value))
        standing.losses = 0.0
        since = len(standing.history) - _best_epoch(standing, self._task) if recipe.patience else 0
        if since >= max(1, recipe.patience) and len(standing.history) < standing.epochs:
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

    def _paces(self) -> tuple[float, float]:
        """Seconds of a step with its batch, and of judging the validation split."""
        rate = tf.constant(0.0, tf.float32)
        times = []
        for _, (inputs, targets) in zip(range(1 + _TIMED_STEPS), self._endless(), strict=False):
            self._step(tf.constant(inputs), tf.constant(targets), rate).numpy()
            times.append(time.monotonic())
        began = time.monotonic()
        self._judged()
        return (times[-1] - times[0]) / (len(times) - 1), time.monotonic() - began

    def _endless(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for epoch in range(1 + _TIMED_STEPS):
            yield from epoch_batches(self._task, self._data.train, self._recipe, seed=self._seed, epoch=epoch)


def _best_epoch(standing: Standing, task: Task[Any]) -> int:
    """The number of the best epoch so far, from 1; the first of equals."""
    gains = [task.metric.gain(one.value) for one in standing.history]
    return 1 + gains.index(max(gains))


def _assign(variables: Sequence[tf.Variable], others: Sequence[tf.Variable]) -> None:
    for variable, other in zip(variables, others, strict=True):
        variable.assign(other)
