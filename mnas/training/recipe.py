"""How candidates are trained, as plain data: the configuration reads it without TensorFlow."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import ConfigDict, with_config

from mnas.errors import SearchError

Optimizer = Literal["sgd", "rmsprop"]


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class Recipe:
    """The proxy training that every candidate and reference gets.

    Attributes:
        epochs: Passes over the train split.
        batch_size: Images per step; no more than the train split has.
        optimizer: `sgd` (Nesterov momentum 0.9) or `rmsprop` (decay 0.9, momentum 0.9, as in the MnasNet paper,
            section 5).
        learning_rate: Learning rate at its peak.
        warmup_share: Share of all steps in which the learning rate climbs from 0; then it follows a cosine down to 0.
        weight_decay: L2 factor on kernels; biases and batch normalizations have none.
        label_smoothing: Share of the target spread over all classes.
        dropout: Dropout rate in front of the classifier.
        weights: In a search, where every candidate's first weights come from: a file, `RUN:best`, `RUN:N` or the
            directory of a training, whose layers are cropped to fit; empty for random ones.
        shift: Each image is moved by up to this many pixels in both directions; its edge is repeated.
        flip: Each image is mirrored left to right with probability 1/2 (never for digits or letters).
    """

    epochs: int = 8
    batch_size: int = 32
    optimizer: Optimizer = "rmsprop"
    learning_rate: float = 0.004
    warmup_share: float = 0.15
    weight_decay: float = 1e-5
    label_smoothing: float = 0.1
    dropout: float = 0.0
    weights: str = ""
    shift: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if self.optimizer not in get_args(Optimizer):
            raise SearchError(f"no optimizer {self.optimizer!r}: one of {', '.join(get_args(Optimizer))}")
        if self.epochs < 1 or self.batch_size < 1 or self.shift < 0:
            raise SearchError("a recipe needs at least 1 epoch, a batch of at least 1 and a shift of 0 or more")
        if not (0 < self.learning_rate < math.inf) or not (0 <= self.weight_decay < math.inf):
            raise SearchError("a recipe needs a positive learning_rate and a weight_decay of 0 or more")
        for name in ("warmup_share", "label_smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise SearchError(f"{name} is {getattr(self, name)!r}: it must lie in [0, 1)")

    def steps_per_epoch(self, images: int) -> int:
        """Whole batches in an epoch; at least one, of all images, when there are fewer than a batch."""
        return max(1, images // self.batch_size)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` of `steps`: linear warm-up, then a cosine to 0 (Loshchilov 2017)."""
        warmup = round(self.warmup_share * steps)
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        return self.learning_rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2

    def batch_norm_momentum(self, images: int) -> float:
        """Of the running statistics: their window is a tenth of the training, and at most 100 steps.

        The customary 0.99 would leave a short training with the statistics of its random start.
        """
        steps = self.epochs * self.steps_per_epoch(images)
        return 1 - 1 / min(100.0, max(2.0, steps / 10))
