"""The search: reward, controller, training, evaluation and the loop that drives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnas.errors import SearchError

if TYPE_CHECKING:
    from mnas.controllers.sampler import ControllerSampler as ControllerSampler
    from mnas.reward import Reward as Reward

__all__ = ["ControllerSampler", "Reward", "SearchError"]


def __getattr__(name: str) -> object:
    # Optuna is imported by whoever searches, not by whoever asks for help.
    if name == "ControllerSampler":
        from mnas.controllers.sampler import ControllerSampler

        return ControllerSampler
    if name == "Reward":
        from mnas.reward import Reward

        return Reward
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
