"""Which decisions mattered, and which choices did well."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.runs import RunData

FEWEST, MOST = 20, 300
"""Finished trials under which importance says nothing; and how many are looked at, spread over the search."""

_TREES, _FEW = 16, 100


@dataclass(frozen=True, slots=True)
class Importance:
    """How much of the variation of a value goes with each decision.

    Attributes:
        of: what varies, in words.
        shares: decision -> share of the explained variation; the shares sum to 1, the largest first.
        noise: the largest share in controls with the values shuffled among the trials: a smaller share means nothing.
        trials: how many trials this was learned from.
    """

    of: str
    shares: dict[str, float]
    noise: float
    trials: int


@dataclass(frozen=True, slots=True)
class Choice:
    """How the trials with one choice did on the average, whatever they chose elsewhere."""

    decision: str
    choice: str
    trials: int
    value: float
    latency_ms: float


def importances(run: RunData) -> list[Importance]:
    """Importance of the decisions for the metric and for latency by functional ANOVA (Hutter et al., ICML 2014).

    Empty where fewer than `FEWEST` trials are finished or nothing was decided.
    """
    done = _spread([trial for trial in run.trials if trial.state.name == "COMPLETE" and trial.params])
    if len(done) < FEWEST:
        return []
    return [
        found
        for index, of in ((0, run.metric.name), (1, "latency"))
        if (found := _importance(done, np.array([trial.values[index] for trial in done]), of)) is not None
    ]


def choices(run: RunData, names: list[str]) -> list[Choice]:
    """Mean metric and latency for each choice of the decisions named."""
    done = [trial for trial in run.trials if trial.state.name == "COMPLETE"]
    found = []
    for name in names:
        groups: dict[str, list[Any]] = {}
        for trial in done:
            if name in trial.params:
                groups.setdefault(str(trial.params[name]), []).append(trial.values)
        for choice, values in sorted(groups.items(), key=lambda item: _natural(item[0])):
            value, latency = np.mean(values, axis=0)
            found.append(Choice(name, choice, len(values), float(value), float(latency)))
    return found


def _spread(trials: list[Any]) -> list[Any]:
    if len(trials) <= MOST:
        return trials
    return [trials[index] for index in np.linspace(0, len(trials) - 1, MOST).astype(int)]


def _importance(trials: list[Any], values: np.ndarray, of: str) -> Importance | None:
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        return None
    shares = _anova(trials, values)
    if not shares:
        return None
    rng = np.random.default_rng(0)
    # Many trials have a steady noise level, few do not; and few are quickly analysed.
    controls = [_anova(trials, rng.permutation(values)) for _ in range(4 if len(trials) <= _FEW else 1)]
    return Importance(of, shares, max(share for one in controls for share in one.values()), len(trials))


def _anova(trials: list[Any], values: np.ndarray) -> dict[str, float]:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the in-memory copy, never about the run
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            study = optuna.create_study(direction="maximize")
            for trial, value in zip(trials, values.tolist(), strict=True):
                study.add_trial(
                    optuna.trial.create_trial(value=value, params=trial.params, distributions=trial.distributions)
                )
            found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=_TREES, seed=0))
        except (ValueError, RuntimeError):
            return {}
        finally:
            optuna.logging.set_verbosity(verbosity)
    return {name: float(share) for name, share in found.items() if np.isfinite(share)}


def _natural(text: str) -> tuple[int, float, str]:
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)
