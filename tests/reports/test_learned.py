import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from reports.learned import FEWEST, MOST, choices, importances

SPACE = {name: CategoricalDistribution((0, 1, 2)) for name in "abcdef"}


def study(runs, count, noise=0.02):
    """Accuracy depends on `a` and a little on `b`; latency on `c` alone."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        params = {name: int(rng.integers(3)) for name in SPACE}
        values = [0.5 + 0.1 * params["a"] + 0.04 * params["b"] + rng.normal(0, noise), 1.0 + params["c"]]
        made.append(optuna.trial.create_trial(values=values, params=params, distributions=SPACE))
    return runs.data(made)


@pytest.mark.parametrize("count", [150, MOST + 100])
def test_the_decisions_that_matter_come_first_and_above_the_control(runs, count):
    accuracy, latency = importances(study(runs, count))
    assert list(accuracy.shares)[:2] == ["a", "b"]
    assert next(iter(latency.shares)) == "c"
    assert latency.shares["c"] > 0.9
    assert sum(accuracy.shares.values()) == pytest.approx(1)
    assert accuracy.shares["a"] > accuracy.noise
    assert all(share < accuracy.noise for name, share in accuracy.shares.items() if name in "cdef")
    assert accuracy.trials == min(count, MOST)


def test_the_same_run_gives_the_same_importance(runs):
    run = study(runs, 60)
    assert importances(run) == importances(run)


def test_too_few_trials_and_constant_values_have_none(runs):
    assert importances(study(runs, FEWEST - 1)) == []
    constant = [
        optuna.trial.create_trial(values=[0.5, 2.0], params={"a": k % 3}, distributions={"a": SPACE["a"]})
        for k in range(30)
    ]
    assert importances(runs.data(constant)) == []
    assert importances(runs.data([optuna.trial.create_trial(values=[0.5 + k, 2.0]) for k in range(30)])) == []


def test_choices_tell_their_means(runs):
    run = study(runs, 120, noise=0.0)
    found = choices(run, ["c", "a"])
    assert [(one.decision, one.choice) for one in found] == [(d, c) for d in "ca" for c in "012"]
    assert [one.latency_ms for one in found[:3]] == pytest.approx([1.0, 2.0, 3.0])
    assert sum(one.trials for one in found[:3]) == 120


def test_optuna_is_left_as_loud_as_it_was(runs):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    importances(study(runs, 30))
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
