"""What proposes the candidates of a search: our controllers, or any sampler of Optuna by its class name."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mnas.errors import SearchError
from mnas.reward import Reward
from mnas.settings import Algorithm, settings_for

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search_spaces import MnasNetArch, Space

_OPTUNA_BATCH = 5


def batch_size(algorithm: str, batch: int | None) -> int:
    """Candidates proposed together: as asked for, else the algorithm's own number."""
    if batch is not None:
        return batch
    return settings_for(algorithm).batch if algorithm in get_args(Algorithm) else _OPTUNA_BATCH


def make_sampler(
    algorithm: str, space: Space[MnasNetArch], reward: Reward, *, batch: int, first: int, seed: int, checkpoint: Path
) -> BaseSampler:
    """The sampler for the batch that begins with trial `first`.

    A sampler of Optuna draws from a seed of its batch's own: it keeps no state but the study, so that a search
    that was stopped anywhere goes on with the same proposals.

    """
    if algorithm in get_args(Algorithm):
        from mnas.sampler import ControllerSampler

        settings = replace(settings_for(algorithm), batch=batch)
        return ControllerSampler(
            space, algorithm=algorithm, reward=reward, seed=seed, checkpoint=checkpoint, settings=settings
        )
    import optuna

    kind = getattr(optuna.samplers, algorithm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: BaseSampler = kind(seed=(seed * 1_000_003 + first) % 2**32)
    return sampler


def check_algorithm(algorithm: str) -> None:
    """Refuses what `make_sampler` cannot make.

    Raises:
        SearchError: No algorithm and no sampler of that name, or one that cannot serve a search.
    """
    if algorithm in get_args(Algorithm):
        return
    import optuna

    kind = getattr(optuna.samplers, algorithm, None)
    if not (inspect.isclass(kind) and issubclass(kind, optuna.samplers.BaseSampler)):
        ours = ", ".join(get_args(Algorithm))
        raise SearchError(f"search.algorithm {algorithm!r} is unknown: use {ours}, or a sampler class of Optuna")
    if "seed" not in inspect.signature(kind).parameters:
        raise SearchError(f"search.algorithm {algorithm!r} takes no seed: it cannot drive a search")
