"""What proposes the candidates of a search: our controllers, or any sampler of Optuna by its class name."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mnas.controllers.settings import Algorithm, settings_for
from mnas.errors import SearchError, quoted
from mnas.reward import Reward

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search_spaces import Arch, Space

EVOLUTION = "evolution"
"""Regularized evolution (Real et al., AAAI 2019), the field's baseline."""

_OTHER_BATCH = 5

_REHEARSED = 12
"""Trials of a rehearsal: more than the ten that samplers of Optuna draw at random before they begin."""

_MENU: dict[str, list[int | str]] = {f"decision {number}": [1, 2, 3, "skip"] for number in range(8)}


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
    trial's own: it keeps no state but the study, so that a search killed anywhere resumes with the same proposals.
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
    return lambda number: _made(kind, (seed * 1_000_003 + number) % 2**32)


def check_algorithm(algorithm: str, goals: int = 1) -> None:
    """Refuses what `sampler_factory` cannot make.

    Args:
        algorithm: As the configuration names it.
        goals: How many targets it is to serve.

    Raises:
        SearchError: No algorithm and no sampler of that name, or one that cannot serve such a search.
    """
    if algorithm == EVOLUTION and goals > 1:
        raise SearchError(
            f"search.algorithm {quoted(algorithm)} serves one latency.target_ms: several take a controller"
        )
    ours = (*get_args(Algorithm), EVOLUTION)
    if algorithm in ours:
        return
    import optuna

    theirs = [name for name, kind in vars(optuna.samplers).items() if _is_sampler(kind)]
    if algorithm not in theirs:
        raise SearchError(f"search.algorithm {quoted(algorithm)} is unknown: {_nearest(algorithm, ours, theirs)}")
    kind = getattr(optuna.samplers, algorithm)
    if "seed" not in inspect.signature(kind).parameters:
        raise SearchError(f"search.algorithm {quoted(algorithm)} takes no seed: it cannot drive a search")
    if reason := _unfit(kind):
        raise SearchError(f"search.algorithm {quoted(algorithm)} cannot drive a search: {reason}")


def _made(kind: type[BaseSampler], seed: int) -> BaseSampler:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return kind(seed=seed)  # type: ignore[call-arg]


def _is_sampler(kind: object) -> bool:
    import optuna

    return inspect.isclass(kind) and issubclass(kind, optuna.samplers.BaseSampler)


def _nearest(algorithm: str, ours: Sequence[str], theirs: Sequence[str]) -> str:
    names = {name.lower(): name for name in (*ours, *theirs)} | {
        name.lower().removesuffix("sampler"): name for name in theirs
    }
    near = difflib.get_close_matches(algorithm.lower().rpartition(".")[2], names, n=1)
    hint = f"; did you mean {names[near[0]]!r}?" if near else ""
    return f"use {', '.join(ours)}, or a sampler class of Optuna{hint}"


def _unfit(kind: type[BaseSampler]) -> str:
    """Why a sampler of Optuna cannot choose among alternatives by two objectives, as a short rehearsal shows it."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        study = optuna.create_study(directions=["maximize", "minimize"])
        for number in range(_REHEARSED):
            study.sampler = _made(kind, number)
            trial = study.ask()
            for name, choices in _MENU.items():
                trial.suggest_categorical(name, choices)
            study.tell(trial, [number % 3, number % 4])
    except ModuleNotFoundError as error:
        return f"it needs the package {error.name!r}: install it first"
    except Exception as error:
        return " ".join(str(error).split()) or type(error).__name__
    finally:
        optuna.logging.set_verbosity(verbosity)
    return ""
