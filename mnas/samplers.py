"""What proposes the candidates of a search: our controllers, or any sampler of Optuna by its class name."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mnas.controllers.settings import Algorithm, settings_for
from mnas.errors import SearchError
from mnas.reward import Reward

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search_spaces import Arch, Space

EVOLUTION = "evolution"
"""Regularized evolution (Real et al., AAAI 2019), the field's baseline."""

_OTHER_BATCH = 5


def batch_size(algorithm: str, batch: int | None) -> int:
    """Candidates proposed together: as asked for, else the algorithm's own number."""
    if batch is not None:
        return batch
    return settings_for(algorithm).batch if algorithm in get_args(Algorithm) else _OTHER_BATCH


def sampler_factory(
    algorithm: str, space: Space[Arch], rewards: Sequence[Reward], *, batch: int, seed: int, checkpoint: Path
) -> Callable[[int], BaseSampler]:
    """Trial number -> the sampler that proposes it.

    A controller is one sampler for all trials. A sampler of Optuna is made anew for each, with a seed of the
    trial's own: it keeps no state but the study, so that a search killed anywhere goes on with the same proposals.
    """
    if algorithm == EVOLUTION:
        from mnas.controllers.evolution import EvolutionSampler

        evolution = EvolutionSampler(space, reward=rewards[0], seed=seed, batch=batch)
        return lambda number: evolution
    if algorithm in get_args(Algorithm):
        from mnas.controllers.sampler import ControllerSampler

        settings = replace(settings_for(algorithm), batch=batch)
        controller = ControllerSampler(
            space, algorithm=algorithm, reward=rewards, seed=seed, checkpoint=checkpoint, settings=settings
        )
        return lambda number: controller
    import optuna

    kind = getattr(optuna.samplers, algorithm)

    def of_trial(number: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler: BaseSampler = kind(seed=(seed * 1_000_003 + number) % 2**32)
        return sampler

    return of_trial


def check_algorithm(algorithm: str, goals: int = 1) -> None:
    """Refuses what `sampler_factory` cannot make.

    Args:
        algorithm: As the configuration names it.
        goals: How many targets it is to serve.

    Raises:
        SearchError: No algorithm and no sampler of that name, or one that cannot serve such a search.
    """
    if algorithm == EVOLUTION and goals > 1:
        raise SearchError(f"search.algorithm {algorithm!r} serves one latency.target_ms: several take a controller")
    ours = (*get_args(Algorithm), EVOLUTION)
    if algorithm in ours:
        return
    import optuna

    kind = getattr(optuna.samplers, algorithm, None)
    if not (inspect.isclass(kind) and issubclass(kind, optuna.samplers.BaseSampler)):
        known = ", ".join(ours)
        raise SearchError(f"search.algorithm {algorithm!r} is unknown: use {known}, or a sampler class of Optuna")
    if "seed" not in inspect.signature(kind).parameters:
        raise SearchError(f"search.algorithm {algorithm!r} takes no seed: it cannot drive a search")
