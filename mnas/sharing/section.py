"""The section `[sharing]` of a configuration."""

from __future__ import annotations

from pydantic import Field

from mnas.config_section import Section
from mnas.sharing.sampling import Sampling
from mnas.training.recipe import Optimizer


class SharingSection(Section):
    """What a search with search.evaluate = "shared" does; see `mnas.search.shared`."""

    epochs: int | None = Field(
        default=None, ge=1, description="Epochs of the shared weights; by default 10 times train.epochs."
    )
    optimizer: Optimizer = Field(
        default="sgd",
        description="sgd or rmsprop, in place of train.optimizer; the rest is as in train.",
    )
    learning_rate: float = Field(
        default=0.1, gt=0, description="Learning rate at its peak, in place of train.learning_rate."
    )
    sampling: Sampling = Field(
        default="uniform",
        description="Networks that a step trains: one, drawn uniformly; or the largest, the smallest and two random "
        "ones, which learn from the outputs of the largest.",
    )
    warmup_share: float = Field(
        default=0.25,
        ge=0,
        lt=1,
        description="Share of the steps over which two warm-ups fade: in one all operators are trained at once, in the "
        "other networks are as wide as they can be.",
    )
    check: int = Field(
        default=30,
        ge=5,
        description="Random networks that are trained alone, too, to see whether shared weights rank as such trainings "
        "do; they are trials of the search.",
    )
    candidates: int = Field(default=500, ge=1, description="Networks that are judged with shared weights.")
    best: int = Field(default=10, ge=1, description="Networks that are trained alone in the end.")
    calibration: int = Field(
        default=512, ge=2, description="Training images that give a network its statistics before it is judged."
    )
    judged: int = Field(default=1000, ge=1, description="Validation images at most that a network is judged on.")
