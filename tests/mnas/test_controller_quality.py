"""The bench that compares algorithms is only worth something if it runs what a study runs."""

import itertools
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

from mnas import ControllerSampler
from mnas.controllers.controller import Controller
from mnas.controllers.evolution import EvolutionSampler
from mnas.controllers.settings import settings_for
from mnas.controllers.steps import Steps
from search_spaces.decision import Decision, Space

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import controller_long
from quality.experiment import Task, run
from quality.searches import ALGORITHMS, EVOLUTIONS, control, evolve
from quality.stored import finish
from quality.tables import OWN, load, macro_canonical, reward_of

optuna.logging.set_verbosity(optuna.logging.WARNING)
STEPS = Steps(tuple("abcde"), (3,) * 5, ("x",) * 5)
DECISIONS = tuple(Decision(name, (0, 1, 2), "x") for name in STEPS.names)
SPACE = Space("toy", DECISIONS, lambda arch: arch, lambda arch: arch)


def value(tokens):
    return float(sum(tokens) - 2 * abs(tokens[0] - tokens[4]) + 0.3 * tokens[1] * tokens[2])


def in_a_study(sampler, count):
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda t: value([t.suggest_categorical(d.name, d.choices) for d in SPACE.decisions]), count)
    return [tuple(trial.params.values()) for trial in study.trials]


def on_a_table(run_it):
    rows = []

    def evaluate(tokens):
        rows.append(tokens)
        return value(tokens)

    run_it(evaluate)
    return rows


@pytest.mark.parametrize("algorithm", ["ppo", "ppo-paper", "ppo-gp"])
def test_a_controller_on_a_table_does_what_it_does_in_a_study(algorithm):
    settings = settings_for(algorithm)
    rows = on_a_table(lambda evaluate: control(settings, STEPS, lambda tokens: (evaluate(tokens),), 3, 43))
    assert rows == in_a_study(ControllerSampler(SPACE, algorithm=algorithm, seed=3), 43)


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_evolution_on_a_table_does_what_it_does_in_a_study(name):
    rows = on_a_table(lambda evaluate: evolve(EVOLUTIONS[name], STEPS, evaluate, 3, 43))
    assert rows == in_a_study(EvolutionSampler(SPACE, evolution=EVOLUTIONS[name], seed=3), 43)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_spends_exactly_its_budget(algorithm):
    assert len(on_a_table(lambda evaluate: ALGORITHMS[algorithm](STEPS, evaluate, 0, 27))) == 27


def test_the_projects_own_table_is_whole():
    table = load(OWN)
    assert table.steps.sizes == (3, 2, 3) * 3
    assert set(table.rows) == set(itertools.product(*map(range, table.steps.sizes)))
    np.testing.assert_allclose(table.seeds.mean(axis=1), table.accuracy, atol=1e-4)
    assert table.cost.min() > 0
    assert 0.5 < table.accuracy.min() < table.accuracy.max() < 1


def test_a_target_below_one_is_a_quantile_of_the_costs():
    table = load(OWN)
    free = reward_of(table, "hard", 0.3)(table.accuracy, table.cost) == table.accuracy
    assert free.mean() == pytest.approx(0.3, abs=0.01)


def test_moving_an_identity_within_a_stage_gives_the_same_net():
    assert (
        macro_canonical((2, 2, 2, 1, 2, 2, 0, 2))
        == macro_canonical((2, 2, 2, 1, 2, 2, 2, 0))
        == (2, 2, 2, 1, 2, 2, 2, 0)
    )
    assert macro_canonical((0, 2, 0, 0, 1, 0, 1, 2)) == (0, 2, 0, 1, 0, 0, 1, 2)
    forms = {macro_canonical(tokens) for tokens in itertools.product(range(3), repeat=8)}
    assert len(forms) == 6561 - 2592


def test_curves_are_regrets_that_fall_and_fronts_that_grow():
    curves = run(Task(OWN, "ppo", "soft", 0.3, 0, (20, 40, 60)))
    assert (np.diff(curves.regret) <= 0).all()
    assert (curves.regret >= 0).all()
    assert (np.diff(curves.hypervolume) >= 0).all()
    assert 0 < curves.hypervolume[-1] <= 1


def test_under_noise_the_confirmation_pays_for_itself_out_of_the_same_budget():
    curves = [run(Task(OWN, "random", "soft", 0.3, seed, (60,), noise=True)) for seed in range(30)]
    before, after = (np.mean([getattr(one, field)[0] for one in curves]) for field in ("regret", "confirmed"))
    assert after < before


@pytest.mark.parametrize(("algorithm", "has_policy"), [("random", False), ("ppo", True)])
def test_the_long_search_is_priced_by_the_table_and_shows_its_diversity(algorithm, has_policy):
    trace = controller_long.run(controller_long.Task(algorithm, 0, 7))
    assert len(trace.rewards) == trace.different == 7
    assert all(0 < reward < 1 for reward in trace.rewards)
    assert 15 < trace.apart < 35
    assert (trace.entropy is not None) == has_policy


def _squared(number):
    return {"square": number**2}


def test_a_comparison_that_was_stopped_runs_only_what_is_missing(tmp_path):
    def done(tasks):
        return finish(
            tasks,
            _squared,
            tmp_path / "results" / "squares.jsonl",
            workers=1,
            title="squares",
            to_record=lambda result: result,
            from_record=lambda record: {"square": record["square"]},
        )

    assert done([1, 2]) == {1: {"square": 1}, 2: {"square": 4}}
    lines = (tmp_path / "results" / "squares.jsonl").read_text().splitlines()
    assert done([3, 2]) == {3: {"square": 9}, 2: {"square": 4}}
    assert (tmp_path / "results" / "squares.jsonl").read_text().splitlines()[:-1] == lines


def test_an_untrained_policy_is_open_and_its_measure_a_share():
    controller = Controller(STEPS, settings_for("ppo"), seed=0)
    state = controller.initial()
    assert 0.99 < controller_long.openness(controller, state) <= 1.0
    sure = controller.policy.views(state.weights)
    sure["head_bias"][:, 0] = 50.0
    assert controller_long.openness(controller, state) == pytest.approx(0.0, abs=1e-6)


def test_the_stand_in_is_a_function_of_the_network_and_no_sum_of_its_decisions(monkeypatch):
    monkeypatch.setattr(controller_long, "_DEVIATION", 0.0)
    space = controller_long.space("mnasnet", (224, 224, 3))
    first = [0] * len(space.decisions)
    kernel, se, both = (list(first) for _ in range(3))
    kernel[1] = both[1] = 1
    se[7] = both[7] = 1
    values = [controller_long.accuracy(space.decode(tokens)) for tokens in (first, kernel, se, both)]
    assert values == [controller_long.accuracy(space.decode(tokens)) for tokens in (first, kernel, se, both)]
    assert values[3] - values[2] != pytest.approx(values[1] - values[0], abs=1e-4)


def test_distance_counts_the_decisions_in_which_two_differ():
    assert controller_long.distance(np.array([[0, 0, 0], [0, 1, 0], [1, 1, 0]])) == pytest.approx(4 / 3)
