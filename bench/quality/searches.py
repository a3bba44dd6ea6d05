"""Every algorithm as one function: what it evaluates on a table, in order."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mnas.controllers.controller import Controller, State
from mnas.controllers.evolution import AMOEBANET, Evolution
from mnas.controllers.history import History, Observation
from mnas.controllers.progressive import ProgressiveSampler
from mnas.controllers.settings import Settings, settings_for
from mnas.controllers.steps import Steps
from search_spaces.decision import Space, Tokens

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Evaluate = Callable[[Tokens], float]
"""Tokens -> reward; called once an evaluation, so that noise is drawn anew."""
EvaluateGoals = Callable[[Tokens], tuple[float, ...]]
"""The same with a reward a goal."""

Learned = tuple[Controller, State]
"""A controller and its last state."""
Search = Callable[[Steps, Evaluate, int, int], Learned | None]
"""(steps, evaluate, seed, budget): calls ``evaluate`` ``budget`` times, and returns what has learned, if anything."""

EVOLUTIONS = {
    "evolution": Evolution(population=20, tournament=10, unique=True),
    "evolution-paper": AMOEBANET,
    "evolution-repeating": Evolution(population=20, tournament=5, unique=False),
}


def control(
    settings: Settings, steps: Steps, evaluate: EvaluateGoals, seed: int, budget: int, goals: int = 1
) -> Learned:
    """The controller, batch by batch, as ``ControllerSampler`` runs it in a study; returns it with its last state."""
    controller = Controller(steps, settings, seed=seed, goals=goals)
    state, seen = controller.initial(), []
    for index in range(-(-budget // settings.batch)):
        proposals = controller.propose(state, History(steps, seen), index)
        rows = zip(proposals.tokens.tolist(), proposals.log_probs.tolist(), strict=True)
        batch = []
        for number, (row, log_prob) in enumerate(rows, index * settings.batch):
            if number < budget:
                tokens = tuple(row)
                batch.append(Observation(number, tokens, steps.key(tokens), evaluate(tokens), log_prob))
        seen += batch
        state = controller.update(state, History(steps, seen), index, batch)
    return controller, state


def evolve(evolution: Evolution, steps: Steps, evaluate: Evaluate, seed: int, budget: int) -> None:
    """Regularized evolution, one at a time."""
    seen: list[Observation] = []
    for number in range(budget):
        tokens = evolution.propose(steps, History(steps, seen), np.random.default_rng([seed, 3, number]))
        seen.append(Observation(number, tokens, steps.key(tokens), (evaluate(tokens),)))


def in_a_study(sampler: BaseSampler, space: Space[Any], evaluate: Evaluate, budget: int) -> None:
    """Any sampler that knows its space, in a study of its own; it may leave decisions out."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(budget):
        trial = study.ask()
        taken = [one for one in space.decisions if one.name in trial.relative_params]
        values = {one.name: trial.suggest_categorical(one.name, one.choices) for one in taken}
        study.tell(trial, evaluate(space.tokens(values)))


def _controller(name: str) -> Search:
    settings = settings_for(name)
    return lambda steps, evaluate, seed, budget: control(
        settings, steps, lambda tokens: (evaluate(tokens),), seed, budget
    )


def _random(steps: Steps, evaluate: Evaluate, seed: int, budget: int) -> None:
    """Uniform, and no architecture twice."""
    rng, seen = np.random.default_rng([seed, 5]), set()
    while len(seen) < budget:
        tokens = tuple(int(token) for token in rng.integers(steps.sizes))
        if steps.key(tokens) not in seen:
            seen.add(steps.key(tokens))
            evaluate(tokens)


def _optuna(name: str, options: dict[str, int], steps: Steps, evaluate: Evaluate, seed: int, budget: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="maximize", sampler=getattr(optuna.samplers, name)(seed=seed, **options))
        distributions = {
            step: optuna.distributions.CategoricalDistribution(tuple(range(size)))
            for step, size in zip(steps.names, steps.sizes, strict=True)
        }
        for _ in range(budget):
            trial = study.ask(distributions)
            study.tell(trial, evaluate(tuple(trial.params[step] for step in steps.names)))


ALGORITHMS: dict[str, Search] = {
    "random": _random,
    **{name: partial(evolve, evolution) for name, evolution in EVOLUTIONS.items()},
    "TPESampler": partial(_optuna, "TPESampler", {}),
    "NSGAIISampler": partial(_optuna, "NSGAIISampler", {"population_size": 20}),
    **{
        name: _controller(name)
        for name in ("reinforce", "reinforce-nas", "enas", "ppo-paper", "ppo-plain", "ppo-gp", "ppo")
    },
}
"""In the order in which they are shown."""

GROWING: dict[str, Callable[[Space[Any], int, int], BaseSampler]] = {
    "pnas": lambda space, seed, budget: ProgressiveSampler(space, trials=budget, seed=seed, batch=5)
}
"""Samplers of spaces that grow, for the tables that have a space: (space, seed, budget) -> sampler."""
