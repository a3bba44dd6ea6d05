"""What proposes the candidates of a search: our controllers, evolution, or any sampler of Optuna by its class name."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mnas.controllers.settings import settings_for
from mnas.errors import SearchError, quoted
from mnas.objectives import directions
from mnas.reward import Reward

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from search_spaces import Arch, Space

_BATCH = 5
"""Candidates proposed together by what has no batch of its own."""

_REHEARSED = 12
"""Trials of a rehearsal: more than the ten that samplers of Optuna draw at random before they begin."""

_MENU: dict[str, list[int | str]] = {f"decision {number}": [1, 2, 3, "skip"] for number in range(8)}


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the samplers of one search work on.

    Attributes:
        space: The decisions.
        rewards: One for each target.
        batch: Candidates proposed together.
        seed: Of every draw.
        checkpoint: Where what was learned may be kept.
        trials: How many the search is to have.
    """

    space: Space[Arch]
    rewards: tuple[Reward, ...]
    batch: int
    seed: int
    checkpoint: Path
    trials: int = 1160


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way to propose candidates.

    Attributes:
        description: A few words on it.
        batch: Candidates proposed together where nobody asks for another number.
        samplers: Assignment -> trial number -> the sampler that proposes it. A search that was killed anywhere resumes
            with the same proposals, for what they know is a function of the seed and the study.
        several_targets: Whether one search may have more than one.
        unfit: Why it cannot drive a search, found out when it is called; empty if it can.
        grows: Whether it takes a space whose architectures have several lengths.
    """

    description: str
    batch: int
    samplers: Callable[[Assignment], Callable[[int], BaseSampler]]
    several_targets: bool = True
    unfit: Callable[[], str] = str
    grows: bool = False


def _controller(name: str, description: str) -> Algorithm:
    batch = settings_for(name).batch

    def samplers(work: Assignment) -> Callable[[int], BaseSampler]:
        from mnas.controllers.sampler import ControllerSampler

        sized = replace(settings_for(name, work.space), batch=work.batch)
        sampler = ControllerSampler(
            work.space, reward=work.rewards, seed=work.seed, checkpoint=work.checkpoint, settings=sized
        )
        return lambda number: sampler

    return Algorithm(description, batch, samplers)


def _evolution(work: Assignment, *, published: bool) -> Callable[[int], BaseSampler]:
    from mnas.controllers.evolution import AMOEBANET, Evolution, EvolutionSampler

    evolution = AMOEBANET if published else Evolution()
    sampler = EvolutionSampler(
        work.space, reward=work.rewards[0], seed=work.seed, batch=work.batch, evolution=evolution
    )
    return lambda number: sampler


def _progressive(work: Assignment) -> Callable[[int], BaseSampler]:
    from mnas.controllers.progressive import ProgressiveSampler

    sampler = ProgressiveSampler(
        work.space, trials=work.trials, reward=work.rewards[0], seed=work.seed, batch=work.batch
    )
    return lambda number: sampler


ALGORITHMS: Mapping[str, Algorithm] = {
    "ppo": _controller("ppo", "a controller that learns by PPO, its proposals screened by a Gaussian process"),
    "ppo-paper": _controller("ppo-paper", "NASNet's controller as published"),
    "reinforce": _controller("reinforce", "a controller that learns by REINFORCE"),
    "reinforce-nas": _controller("reinforce-nas", "NAS's controller as published"),
    "enas": _controller("enas", "ENAS's controller as published"),
    "ppo-gp": _controller("ppo-gp", "ppo-plain with a Gaussian process that weighs all decisions alike"),
    "ppo-plain": _controller("ppo-plain", "ppo without the screen"),
    "evolution": Algorithm(
        "regularized evolution", _BATCH, partial(_evolution, published=False), several_targets=False
    ),
    "evolution-paper": Algorithm(
        "AmoebaNet's regularized evolution as published",
        _BATCH,
        partial(_evolution, published=True),
        several_targets=False,
    ),
    "pnas": Algorithm(
        "progressive search from small cells to large ones", _BATCH, _progressive, several_targets=False, grows=True
    ),
}
"""Ours by name; `algorithm` has Optuna's too."""


def algorithm(name: str) -> Algorithm:
    """The algorithm that a configuration names.

    Raises:
        SearchError: There is neither an algorithm nor a sampler of that name.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    import optuna

    theirs = {name: kind for name, kind in vars(optuna.samplers).items() if _is_sampler(kind)}
    if name not in theirs:
        raise SearchError(f"search.algorithm {quoted(name)} is unknown: {_nearest(name, list(theirs))}")
    kind = theirs[name]
    return Algorithm(f"Optuna's {name}", _BATCH, partial(_fresh, kind), unfit=partial(_unfit, kind))


def check_algorithm(name: str, goals: int = 1, space: Space[Arch] | None = None) -> None:
    """Refuses what cannot drive a search.

    Args:
        name: As the configuration has it.
        goals: How many targets it is to serve.
        space: What it is to search, if that is known.

    Raises:
        SearchError: No algorithm and no sampler of that name, or one that cannot serve such a search.
    """
    chosen = algorithm(name)
    if chosen.grows and space is not None:
        from mnas.controllers.progressive import check_grows

        check_grows(space)
    if goals > 1 and not chosen.several_targets:
        raise SearchError(f"search.algorithm {quoted(name)} serves one latency.target_ms: several take a controller")
    if reason := chosen.unfit():
        raise SearchError(f"search.algorithm {quoted(name)} cannot drive a search: {reason}")


def _fresh(kind: type[BaseSampler], work: Assignment) -> Callable[[int], BaseSampler]:
    """A sampler of Optuna is made anew for each trial, with a seed of the trial's own: it keeps no state."""
    return lambda number: _made(kind, (work.seed * 1_000_003 + number) % 2**32)


def _made(kind: type[BaseSampler], seed: int) -> BaseSampler:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return kind(seed=seed)  # type: ignore[call-arg]


def _is_sampler(kind: object) -> bool:
    import optuna

    return inspect.isclass(kind) and issubclass(kind, optuna.samplers.BaseSampler)


def _nearest(name: str, theirs: list[str]) -> str:
    names = {one.lower(): one for one in (*ALGORITHMS, *theirs)} | {
        one.lower().removesuffix("sampler"): one for one in theirs
    }
    near = difflib.get_close_matches(name.lower().rpartition(".")[2], names, n=1)
    hint = f"; did you mean {names[near[0]]!r}?" if near else ""
    return f"use {', '.join(ALGORITHMS)}, or a sampler class of Optuna{hint}"


def _unfit(kind: type[BaseSampler]) -> str:
    """Why a sampler of Optuna cannot choose among alternatives by two objectives, as a short rehearsal shows it."""
    import optuna

    if "seed" not in inspect.signature(kind).parameters:
        return "it takes no seed"
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        study = optuna.create_study(directions=directions(maximize=True))
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
