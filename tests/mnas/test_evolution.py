import copy

import numpy as np
import optuna
import pytest

from mnas import Reward, SearchError
from mnas.controllers.evolution import Evolution, EvolutionSampler
from mnas.controllers.history import History, Observation
from mnas.controllers.steps import Steps
from search_spaces.decision import Decision, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)
STEPS = Steps(tuple("abcdef"), (3,) * 6, ("x",) * 6)
SPACE = Space(
    "toy", tuple(Decision(name, (0, 1, 2), "x") for name in STEPS.names), lambda arch: arch, lambda arch: arch
)


def history(rewards_of, count, seed=0):
    rng = np.random.default_rng(seed)
    rows = [tuple(int(token) for token in rng.integers(3, size=6)) for _ in range(count)]
    return History(STEPS, [Observation(n, row, row, (rewards_of(n, row),)) for n, row in enumerate(rows)])


def differing(left, right):
    return sum(a != b for a, b in zip(left, right, strict=True))


def test_a_child_differs_from_a_living_parent_in_one_decision():
    past = history(lambda n, row: n, 40)
    living = [seen.tokens for seen in past.observations[-5:]]
    for seed in range(30):
        child = Evolution(5, 2).propose(STEPS, past, np.random.default_rng(seed))
        assert min(differing(child, parent) for parent in living) == 1


def test_the_whole_population_competing_the_best_living_one_is_the_parent_and_the_dead_are_not():
    # The oldest is by far the best, but died of age.
    past = history(lambda n, row: 1000 if n == 0 else n % 7, 30)
    living = past.observations[-10:]
    best = max(living, key=lambda seen: seen.rewards[0]).tokens
    children = [Evolution(10, 10).propose(STEPS, past, np.random.default_rng(seed)) for seed in range(20)]
    assert all(differing(child, best) == 1 for child in children)


def test_the_published_form_may_repeat_and_ours_does_not():
    few = Steps(("a", "b"), (2, 2), ("x", "x"))
    seen = [Observation(n, key, key, (float(n),)) for n, key in enumerate([(0, 0), (0, 1), (1, 1)])]
    past = History(few, seen)
    new = {Evolution(3, 3, unique=True).propose(few, past, np.random.default_rng(seed)) for seed in range(20)}
    assert new == {(1, 0)}
    any_kind = {Evolution(3, 3, unique=False).propose(few, past, np.random.default_rng(seed)) for seed in range(20)}
    assert any_kind == {(0, 1), (1, 0)}


def run(sampler, count, storage=None):
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=sampler, storage=storage, study_name="s", load_if_exists=True
    )
    while len(study.trials) < count:
        trial = study.ask()
        tokens = [trial.suggest_categorical(decision.name, decision.choices) for decision in SPACE.decisions]
        study.tell(trial, [sum(tokens) / 12, 10.0 + tokens[0]])
    return [tuple(trial.params.values()) for trial in study.trials]


def test_it_climbs_in_a_study_and_evaluates_nothing_twice():
    path = run(EvolutionSampler(SPACE, reward=Reward(target_ms=10), seed=1), 100)
    assert len(set(path)) == 100
    assert np.mean([sum(tokens) for tokens in path[60:]]) > np.mean([sum(tokens) for tokens in path[:20]]) + 2


@pytest.mark.parametrize("batch", [1, 4])
def test_any_prefix_resumed_gives_the_same_rest(batch, tmp_path):
    options = {"reward": Reward(target_ms=10), "seed": 2, "batch": batch}
    straight = run(EvolutionSampler(SPACE, **options), 40)
    storage = f"sqlite:///{tmp_path}/study.db"
    for stop in (3, 22, 29, 40):
        resumed = run(EvolutionSampler(SPACE, **options), stop, storage)
    assert resumed == straight


def test_a_copy_proposes_what_the_original_does():
    options = {"reward": Reward(target_ms=10), "seed": 4, "batch": 2}
    used = EvolutionSampler(SPACE, **options)
    straight = run(used, 30)
    assert run(copy.deepcopy(used), 30) == straight


def test_batches_are_free_of_twins():
    study = optuna.create_study(direction="maximize", sampler=EvolutionSampler(SPACE, batch=8))
    for _ in range(6):
        trials = [study.ask() for _ in range(8)]
        rows = [tuple(trial.suggest_categorical(d.name, d.choices) for d in SPACE.decisions) for trial in trials]
        assert len(set(rows)) == 8
        for trial, row in zip(trials, rows, strict=True):
            study.tell(trial, float(sum(row)))


@pytest.mark.parametrize("wrong", [{"tournament": 0}, {"population": 5, "tournament": 6}])
def test_a_tournament_larger_than_the_population_is_refused(wrong):
    with pytest.raises(SearchError, match="tournament"):
        Evolution(**wrong)


def test_wrong_arguments_are_refused():
    with pytest.raises(SearchError, match="seed"):
        EvolutionSampler(seed=-1)
    with pytest.raises(SearchError, match="batch"):
        EvolutionSampler(batch=0)
