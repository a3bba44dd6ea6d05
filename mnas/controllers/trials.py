"""Optuna's trials as a controller sees them: which steps there are, and what each trial chose and earned."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from mnas import objectives
from mnas.controllers.history import Observation
from mnas.controllers.steps import Steps, steps_of
from mnas.errors import SearchError
from search_spaces.decision import Space, Tokens

RewardOf = Callable[[float, float], float]
_LARGEST_INT = 64  # an integer range with more values is no list of choices
LOG_PROB = "mnas:log_prob"
TOKENS = "mnas:tokens"


@dataclass(frozen=True, slots=True)
class Menu:
    """The parameters a controller decides: Optuna distributions beside the bare steps."""

    steps: Steps
    distributions: tuple[BaseDistribution, ...]

    def value(self, step: int, token: int) -> object:
        """What Optuna is given for a token."""
        distribution = self.distributions[step]
        if isinstance(distribution, IntDistribution):
            return distribution.low + token * distribution.step
        return distribution.to_external_repr(float(token))

    def values(self, tokens: Tokens) -> dict[str, object]:
        """The parameters' values for the tokens of all steps."""
        return {name: self.value(step, tokens[step]) for step, name in enumerate(self.steps.names)}

    def tokens(self, trial: FrozenTrial) -> Tokens:
        """The tokens of a trial; -1 for a parameter that it was not asked for, or had another range."""
        return tuple(
            self._token(trial, name, distribution)
            for name, distribution in zip(self.steps.names, self.distributions, strict=True)
        )

    @staticmethod
    def _token(trial: FrozenTrial, name: str, distribution: BaseDistribution) -> int:
        if trial.distributions.get(name) != distribution:
            return -1
        internal = distribution.to_internal_repr(trial.params[name])
        if isinstance(distribution, IntDistribution):
            return round((internal - distribution.low) / distribution.step)
        return int(internal)


def menu_of(space: Space[Any]) -> Menu:
    """The menu of a search space."""
    return Menu(steps_of(space), tuple(CategoricalDistribution(decision.choices) for decision in space.decisions))


def learned_menu(trials: Sequence[FrozenTrial]) -> Menu | None:
    """The menu that finished trials suggest: every categorical and every short integer parameter seen.

    Parameters come in the order of the first trial that had them, by name within it; one whose range changed
    from trial to trial is left out. ``None`` when nothing is left.
    """
    seen: dict[str, BaseDistribution | None] = {}
    for trial in trials:
        for name, distribution in sorted(trial.distributions.items()):
            if name in seen and seen[name] != distribution:
                seen[name] = None
            elif _listable(distribution):
                seen.setdefault(name, distribution)
    kept = {name: distribution for name, distribution in seen.items() if distribution is not None}
    if not kept:
        return None
    sizes = tuple(_size(distribution) for distribution in kept.values())
    return Menu(Steps(names=tuple(kept), sizes=sizes, tags=tuple(kept)), tuple(kept.values()))


def _listable(distribution: BaseDistribution) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return True
    return isinstance(distribution, IntDistribution) and not distribution.log and _size(distribution) <= _LARGEST_INT


def _size(distribution: BaseDistribution) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    raise SearchError(f"a {type(distribution).__name__} is not a list of choices")


def scorer(
    rewards: Sequence[RewardOf], directions: Sequence[StudyDirection]
) -> Callable[[Sequence[float]], tuple[float, ...]]:
    """How a study's values become rewards to maximize, one a goal.

    Raises:
        SearchError: The study's directions do not fit.
    """
    if not rewards:
        if len(directions) != 1:
            raise SearchError(
                f"the study has {len(directions)} objectives: give the sampler a reward, which makes one number of them"
            )
        sign = 1.0 if directions[0] == StudyDirection.MAXIMIZE else -1.0
        return lambda values: (sign * values[0],)
    rises = all(getattr(reward, "maximize", True) for reward in rewards)
    wanted, named = objectives.directions(maximize=rises), [direction.name.lower() for direction in directions]
    if named != wanted:
        raise SearchError(
            f"a reward takes {'accuracy' if rises else 'a metric'} and latency: "
            f"the study's directions must be {', '.join(wanted)}, not {', '.join(named)}"
        )
    return lambda values: tuple(float(reward(*values)) for reward in rewards)


def observe(trial: FrozenTrial, menu: Menu, score: Callable[[Sequence[float]], tuple[float, ...]]) -> Observation:
    """A trial as an observation; only a complete one with finite values has rewards."""
    tokens = menu.tokens(trial)
    proposed = trial.system_attrs.get(TOKENS)
    if not trial.state.is_finished() and isinstance(proposed, list) and len(proposed) == len(tokens):
        tokens = tuple(proposed)  # its parameters are being stored one by one
    rewards = None
    if trial.state == TrialState.COMPLETE and all(math.isfinite(value) for value in trial.values):
        rewards = score(trial.values)
    return Observation(trial.number, tokens, menu.steps.key(tokens), rewards, _log_prob(trial.system_attrs, tokens))


def _log_prob(attrs: Mapping[str, object], tokens: Tokens) -> float | None:
    """The stored log-probability, when the trial ran what was proposed."""
    stored, proposed = attrs.get(LOG_PROB), attrs.get(TOKENS)
    if not isinstance(stored, float) or not isinstance(proposed, list) or len(proposed) != len(tokens):
        return None
    same = all(mine in (-1, theirs) for mine, theirs in zip(tokens, proposed, strict=True))
    # A decision that was not taken has no share in what the trial earned; its log-probability is masked, so the
    # joint one does not fit any more and the policy's own is used.
    return stored if same and -1 not in tokens else None
