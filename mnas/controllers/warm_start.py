"""Starts a search from what is known: published networks, or the trials of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from mnas.controllers.trials import menu_of
from mnas.errors import SearchError
from search_spaces.decision import Space
from search_spaces.errors import SpaceError


def enqueue(study: Study, space: Space[Any], architectures: Iterable[Any]) -> int:
    """Makes architectures the next trials of a study, unless it has them already.

    They are trained and measured like any other: a published accuracy is of another recipe.

    Args:
        study: Of the search.
        space: The search space.
        architectures: Points of the space.

    Returns:
        How many were new.

    Raises:
        SearchError: One is outside the space; nothing is enqueued then.
    """
    wanted = []
    for place, architecture in enumerate(architectures, 1):
        try:
            wanted.append(space.encode(architecture))
        except SpaceError as error:
            raise SearchError(f"architecture {place} cannot start the search: {error}") from error
    known = _known(study, space)
    new = [tokens for tokens in dict.fromkeys(wanted) if tokens not in known]
    for tokens in new:
        named = zip(space.decisions, space.choices(tokens), strict=True)
        study.enqueue_trial({decision.name: choice for decision, choice in named})
    return len(new)


def adopt(study: Study, space: Space[Any], trials: Sequence[FrozenTrial]) -> int:
    """Copies the finished trials of an earlier run into a study, unless it has their architectures already.

    Their accuracy and latency are kept and their rewards recomputed, so the earlier run may have had another target.
    Adopt before the first trial: a controller learns batch by batch in the order of trial numbers.

    Args:
        study: Of the search.
        space: The search space.
        trials: Of the earlier run; those that are not complete are passed over.

    Returns:
        How many were copied.

    Raises:
        SearchError: The earlier run searched another space or had other objectives; nothing is copied then.
    """
    known, copies = _known(study, space), []
    distributions = dict(zip(menu_of(space).steps.names, menu_of(space).distributions, strict=True))
    for trial in trials:
        if trial.state != TrialState.COMPLETE:
            continue
        if len(trial.values) != len(study.directions):
            raise SearchError(
                f"trial {trial.number} of the earlier run has {len(trial.values)} objectives, this study "
                f"{len(study.directions)}: start from a run of the same kind"
            )
        try:
            key = space.canonical(space.tokens(trial.params))
        except SpaceError as error:
            raise SearchError(f"trial {trial.number} of the earlier run is not of this space: {error}") from error
        if key not in known:
            known.add(key)
            copies.append(_copy(trial, distributions))
    study.add_trials(copies)
    return len(copies)


def _copy(trial: FrozenTrial, distributions: dict[str, Any]) -> FrozenTrial:
    # Without the earlier controller's log-probabilities: this one did not propose them.
    return optuna.trial.create_trial(
        params={name: trial.params[name] for name in distributions},
        distributions=distributions,
        values=trial.values,
        user_attrs=trial.user_attrs,
    )


def _known(study: Study, space: Space[Any]) -> set[tuple[int, ...]]:
    """Canonical tokens of what the study has, the waiting trials included."""
    known = set()
    for trial in study.get_trials(deepcopy=False):
        params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        if all(decision.name in params for decision in space.decisions):
            known.add(space.canonical(space.tokens(params)))
    return known
