"""How candidates are trained, as plain data: the configuration reads it without TensorFlow."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from pydantic import ConfigDict, with_config

from mnas.errors import SearchError
from search_spaces import Extras

Optimizer = Literal["sgd", "rmsprop"]
Decay = Literal["cosine", "exponential"]

_DECAYS = 350 / 2.4
"""How often the MnasNet paper's training multiplies its learning rate by `_DECAYED` (section 5: of 350 epochs)."""
_DECAYED = 0.97

_FULL_IMAGES = 1_500_000
"""Images that a full training passes by default, as far as `_FULL_EPOCHS` allow."""
_FULL_EPOCHS = (30, 350)


@with_config(ConfigDict(extra="forbid", allow_inf_nan=False))
@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained; the defaults are those of the proxy training that every candidate gets.

    Attributes:
        epochs: Passes over the train split.
        batch_size: Images per step; no more than the train split has.
        optimizer: `sgd` (Nesterov momentum 0.9) or `rmsprop` (decay 0.9, momentum 0.9, as in the MnasNet paper,
            section 5).
        learning_rate: Learning rate at its peak.
        warmup_share: Share of all steps in which the learning rate climbs from 0.
        decay: How the learning rate falls after the warm-up: `cosine` to 0 (Loshchilov and Hutter, ICLR 2017), or
            `exponential`, by 3 % at a time as often as the MnasNet paper's 350 epochs do it (section 5), to about 1.2 %
            in the end.
        weight_decay: L2 factor on kernels; biases and batch normalizations have none.
        label_smoothing: Share of the target spread over all classes.
        dropout: Dropout rate in front of the classifier.
        auxiliary: Weight of the loss of the auxiliary head that networks of cells have in training; 0 leaves it out.
        drop_path: Share of the images for which each path of the last cell is left out at the end of the training of a
            network of cells; it rises from 0 over the steps, and is smaller in earlier cells.
        weights: In a search, where every candidate's first weights come from: a file, `RUN:best`, `RUN:N` or the
            directory of a training, whose layers are cropped to fit; empty for random ones.
        shift: Each image is moved by up to this many pixels in both directions; its edge is repeated.
        flip: Each image is mirrored left to right with probability 1/2 (never for digits or letters).
        crop: Each image is a cut-out of at least this share of its area, resized; 1 keeps the central square.
        cutout: A square of this many pixels a side, somewhere in each image, becomes grey; 0 leaves it out.
        mixup: Images and their labels are mixed in pairs by weights from Beta(mixup, mixup); 0 leaves them apart.
        ema: Whether a full training ends with a moving average of the weights of its steps, of decay 0.9999 at most.
        patience: Epochs without a better validation metric after which a full training ends, with the weights of its
            best epoch; 0 for all epochs and the weights of the last.
        best_of_last: In a search, of how many last epochs a candidate keeps the weights with the best validation metric
            before quantization (NAS: 5); 0 keeps those of the last epoch.
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
    crop: float = 1.0
    cutout: int = 0
    mixup: float = 0.0
    decay: Decay = "cosine"
    ema: bool = False
    patience: int = 0
    auxiliary: float = 0.0
    drop_path: float = 0.0
    best_of_last: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in get_args(Optimizer):
            raise SearchError(f"no optimizer {self.optimizer!r}: one of {', '.join(get_args(Optimizer))}")
        if self.decay not in get_args(Decay):
            raise SearchError(f"no decay {self.decay!r}: one of {', '.join(get_args(Decay))}")
        for name in ("patience", "best_of_last"):
            if getattr(self, name) < 0:
                raise SearchError(f"a recipe needs a {name} of 0 epochs or more")
        if self.epochs < 1 or self.batch_size < 1 or self.shift < 0:
            raise SearchError("a recipe needs at least 1 epoch, a batch of at least 1 and a shift of 0 or more")
        if not (0 < self.learning_rate < math.inf) or not (0 <= self.weight_decay < math.inf):
            raise SearchError("a recipe needs a positive learning_rate and a weight_decay of 0 or more")
        if not 0 < self.crop <= 1:
            raise SearchError(f"crop is {self.crop!r}: it must lie in (0, 1], and 1 keeps the central square")
        if self.cutout < 0 or not 0 <= self.mixup < math.inf:
            raise SearchError("a recipe needs a cutout of 0 pixels or more and a mixup of 0 or more")
        if not 0 <= self.auxiliary < math.inf:
            raise SearchError("a recipe needs an auxiliary weight of 0 or more")
        for name in ("warmup_share", "label_smoothing", "dropout", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise SearchError(f"{name} is {getattr(self, name)!r}: it must lie in [0, 1)")

    def steps_per_epoch(self, images: int) -> int:
        """Whole batches in an epoch; at least one, of all images, when there are fewer than a batch."""
        return max(1, images // self.batch_size)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` of `steps`: a linear warm-up, then the decay."""
        warmup = round(self.warmup_share * steps)
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        if self.decay == "exponential":
            return float(self.learning_rate * _DECAYED ** int(_DECAYS * (step - warmup) / (steps - warmup)))
        return self.learning_rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2

    def in_effect(self, extras: Extras) -> "Recipe":
        """The recipe as far as a network has what it asks for."""
        auxiliary = self.auxiliary if extras.auxiliary is not None else 0.0
        return replace(self, auxiliary=auxiliary, drop_path=self.drop_path if extras.paths else 0.0)

    def batch_norm_momentum(self, images: int) -> float:
        """Of the running statistics: their window is a tenth of the training, and at most 100 steps.

        The customary 0.99 would leave a short training with the statistics of its random start.
        """
        steps = self.epochs * self.steps_per_epoch(images)
        return 1 - 1 / min(100.0, max(2.0, steps / 10))


def full_recipe(images: int, image_size: int) -> Recipe:
    """What a full training does by default: the MnasNet paper's (section 5) on the scale of the data.

    As there RMSProp with warm-up, dropout 0.2, L2 1e-5, label smoothing and a moving average of the weights; but a
    cosine, which does better in fewer epochs, and from 64 pixels on random crops and mirrored images. Networks of cells
    get the weight of their auxiliary head from the NASNet paper (Zoph et al. 2017, appendix A.2).

    Args:
        images: Of the train split.
        image_size: Height or width, the smaller of them, in pixels.
    """
    least, most = _FULL_EPOCHS
    photos = image_size >= 64
    return Recipe(
        epochs=max(least, min(most, _FULL_IMAGES // images)),
        batch_size=64 if images >= 20_000 else 32,
        warmup_share=0.05,
        dropout=0.2,
        shift=0 if photos else max(1, image_size // 16),
        flip=photos,
        crop=0.35 if photos else 1.0,
        ema=True,
        auxiliary=0.4,
    )
