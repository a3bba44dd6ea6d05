import copy
import gc
import itertools
import json

import numpy as np
import optuna
import pytest
from toy_space import NAMES, POINTING, SPACE, WIDE, toy_space, values

from mnas import ControllerSampler, Reward, SearchError
from mnas.controllers.settings import Settings

optuna.logging.set_verbosity(optuna.logging.WARNING)


def make_study(sampler, storage=None, name="s"):
    return optuna.create_study(
        storage=storage, study_name=name, directions=["maximize", "minimize"], sampler=sampler, load_if_exists=True
    )


def suggest(trial, space=SPACE):
    return {decision.name: trial.suggest_categorical(decision.name, decision.choices) for decision in space.decisions}


def ask(study, trial=None):
    trial = trial or study.ask()
    return trial, {
        decision.name: trial.suggest_categorical(decision.name, decision.choices) for decision in SPACE.decisions
    }


def advance(study, count):
    while len(study.trials) < count:
        trial, params = ask(study)
        study.tell(trial, values(params))


def path_of(study):
    return [tuple(trial.params[name] for name in NAMES) for trial in study.trials]


def sampler(seed=0, checkpoint=None, space=SPACE, **options):
    return ControllerSampler(space, reward=Reward("soft", 20.0), seed=seed, checkpoint=checkpoint, **options)


def storage_of(kind, folder):
    if kind == "sqlite":
        return f"sqlite:///{folder}/study.db"
    if kind == "journal":
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "log")))
    return optuna.storages.InMemoryStorage()


def test_nothing_is_evaluated_twice_under_any_spelling_until_the_space_is_exhausted():
    study = make_study(sampler())
    distinct = 3 * 3 * (1 + 2 * 2)
    advance(study, distinct)
    assert len({SPACE.canonical(tokens) for tokens in path_of(study)}) == distinct
    advance(study, distinct + 7)  # and then goes on


def test_it_finds_the_best_sooner_than_chance():
    best = max(
        Reward("soft", 20.0)(*values(dict(zip(NAMES, p, strict=True))))
        for p in itertools.product(*map(range, SPACE.sizes))
    )
    when = []
    for seed in range(10):
        study = make_study(sampler(seed))
        advance(study, 45)
        rewards = [Reward("soft", 20.0)(*trial.values) for trial in study.trials]
        when.append(next(index for index, reward in enumerate(rewards) if reward > best - 1e-9))
    assert np.mean(when) < 18  # 22 by chance among 45


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_every_storage_gives_the_trajectory_of_memory(kind, tmp_path):
    memory, other = make_study(sampler()), make_study(sampler(), storage_of(kind, tmp_path))
    advance(memory, 23)
    advance(other, 23)
    assert path_of(memory) == path_of(other)


@pytest.mark.parametrize("algorithm", ["ppo", "ppo-paper", "reinforce", "ppo-gp"])
def test_any_prefix_resumed_gives_the_same_rest_with_and_without_its_checkpoint(algorithm, tmp_path):
    straight = make_study(sampler(algorithm=algorithm))
    advance(straight, 33)
    whole = straight.sampler.sync(straight)
    for stop in (0, 3, 5, 12, 20, 31):
        for checkpoint in (None, tmp_path / f"{stop}.npz"):
            storage = optuna.storages.InMemoryStorage()
            advance(make_study(sampler(algorithm=algorithm, checkpoint=checkpoint), storage), stop)
            again = make_study(sampler(algorithm=algorithm, checkpoint=checkpoint), storage)
            advance(again, 33)
            assert path_of(again) == path_of(straight)
            np.testing.assert_array_equal(again.sampler.sync(again).weights, whole.weights)


def test_a_space_that_points_is_searched_and_resumed_alike(tmp_path):
    straight, plain = make_study(sampler(space=POINTING)), make_study(sampler())
    advance(straight, 33)
    advance(plain, 33)
    assert path_of(straight) != path_of(plain)
    for checkpoint in (None, tmp_path / "c.npz"):
        storage = optuna.storages.InMemoryStorage()
        advance(make_study(sampler(space=POINTING, checkpoint=checkpoint), storage), 17)
        again = make_study(sampler(space=POINTING, checkpoint=checkpoint), storage)
        advance(again, 33)
        assert path_of(again) == path_of(straight)


def test_a_trial_that_was_running_is_suggested_the_same_again(tmp_path):
    straight = make_study(sampler())
    advance(straight, 20)
    storage = storage_of("sqlite", tmp_path)
    study = make_study(sampler(checkpoint=tmp_path / "c.npz"), storage)
    advance(study, 11)
    half = study.ask()
    half.suggest_categorical("a", (0, 1, 2))  # killed here: one decision stored, the rest not
    untouched = study.ask()
    again = make_study(sampler(checkpoint=tmp_path / "c.npz"), storage)
    for number in (half.number, untouched.number):
        trial = optuna.trial.Trial(again, again.trials[number]._trial_id)
        _, params = ask(again, trial)
        again.tell(trial, values(params))
    advance(again, 20)
    assert path_of(again) == path_of(straight)


def test_the_log_probability_is_stored_with_the_trial():
    study = make_study(sampler())
    advance(study, 6)
    for trial in study.trials:
        assert trial.system_attrs["mnas:log_prob"] < 0
        assert tuple(trial.system_attrs["mnas:tokens"]) == SPACE.tokens(trial.params)


def test_failed_and_pruned_trials_teach_nothing_and_are_not_proposed_again():
    study = make_study(sampler())
    bad = []
    for _ in range(20):
        trial, params = ask(study)
        if params["a"] == 2:
            bad.append(SPACE.canonical(SPACE.tokens(params)))
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, values(params))
    assert bad
    assert len({SPACE.canonical(tokens) for tokens in path_of(study)}) == 20
    study.sampler.sync(study)


def test_a_batch_of_failures_alone_does_not_stop_the_search():
    study = make_study(sampler())
    for _ in range(12):
        trial, _ = ask(study)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert len(set(path_of(study))) == 12


def test_a_changed_target_goes_on_with_recomputed_rewards(tmp_path):
    storage, checkpoint = optuna.storages.InMemoryStorage(), tmp_path / "c.npz"
    options = {"seed": 0, "checkpoint": checkpoint}
    first = make_study(ControllerSampler(WIDE, reward=Reward("hard", 40.0), **options), storage)
    first.optimize(lambda trial: values(suggest(trial, WIDE)), 40)
    again = make_study(ControllerSampler(WIDE, reward=Reward("hard", 12.0), **options), storage)
    again.optimize(lambda trial: values(suggest(trial, WIDE)), 20)
    slow, fast = ([trial.values[1] for trial in again.trials[start:][:20]] for start in (20, 40))
    assert np.mean(fast) < np.mean(slow) - 5
    assert len(set(path_of(again))) == 60


def test_enqueued_and_imported_trials_are_learned_from():
    study = make_study(sampler())
    study.enqueue_trial({"a": 2, "b": 0, "c": 2, "d": 1})
    advance(study, 5)
    assert path_of(study)[0] == (2, 0, 2, 1)
    advance(study, 20)
    target = make_study(sampler(seed=3))
    target.add_trials(study.trials)
    advance(target, 30)
    assert len({SPACE.canonical(tokens) for tokens in path_of(target)}) == 30


def test_a_dead_trial_does_not_hold_up_the_controller():
    study = make_study(sampler())
    ask(study)  # its worker never comes back
    advance(study, 26)
    assert study.sampler._follower.updates >= 3


def test_many_threads_share_one_sampler():
    study = make_study(sampler())
    study.optimize(
        lambda trial: values({d.name: trial.suggest_categorical(d.name, d.choices) for d in SPACE.decisions}),
        40,
        n_jobs=4,
    )
    assert len({SPACE.canonical(tokens) for tokens in path_of(study)}) == 40


def test_several_targets_take_turns_under_one_controller():
    rewards = [Reward("hard", target) for target in (12.0, 20.0, 40.0)]
    study = make_study(ControllerSampler(WIDE, reward=rewards, seed=0))
    study.optimize(lambda trial: values(suggest(trial, WIDE)), 90)
    late = [[trial.values[1] for trial in study.trials[45:] if trial.number % 3 == goal] for goal in range(3)]
    assert np.mean(late[0]) < np.mean(late[1]) < np.mean(late[2])


def conditional(trial):
    x = trial.suggest_categorical("x", ["left", "right"])
    if x == "left":
        return trial.suggest_int("depth", 1, 4)
    return 10 + trial.suggest_categorical("width", [1, 2, 3]) + trial.suggest_float("rate", 0, 1)


def test_without_a_space_it_learns_one_conditional_parameters_included():
    study = optuna.create_study(direction="maximize", sampler=ControllerSampler(seed=0))
    study.optimize(conditional, 40)
    assert np.mean([trial.params["x"] == "right" for trial in study.trials[20:]]) > 0.8
    assert study.best_trial.params["width"] == 3


def test_without_a_space_a_resumed_search_is_the_same(tmp_path):
    straight = optuna.create_study(direction="minimize", sampler=ControllerSampler(seed=0))
    straight.optimize(conditional, 31)
    storage = storage_of("sqlite", tmp_path)
    for count in (7, 9, 15):
        checkpoint = ControllerSampler(seed=0, checkpoint=tmp_path / "c.npz")
        study = optuna.create_study(
            direction="minimize", sampler=checkpoint, storage=storage, study_name="x", load_if_exists=True
        )
        study.optimize(conditional, count)
    assert [trial.params for trial in study.trials] == [trial.params for trial in straight.trials]


def test_a_study_of_two_objectives_needs_a_reward():
    study = optuna.create_study(directions=["maximize", "maximize"], sampler=ControllerSampler(SPACE))
    with pytest.raises(SearchError, match="reward"):
        advance(study, 7)
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler())
    with pytest.raises(SearchError, match="maximize, minimize"):
        advance(study, 7)


def test_wrong_arguments_are_refused():
    with pytest.raises(SearchError, match="ppo, ppo-paper"):
        ControllerSampler(algorithm="dqn")
    with pytest.raises(SearchError, match="seed"):
        ControllerSampler(seed=-1)
    with pytest.raises(SearchError, match="batch"):
        Settings(batch=0)


@pytest.mark.parametrize("damage", ["truncated", "text", "other arrays", "empty"])
def test_a_corrupt_checkpoint_is_refused_in_one_line_and_left_alone(damage, tmp_path):
    path, storage = tmp_path / "controller.npz", optuna.storages.InMemoryStorage()
    advance(make_study(sampler(checkpoint=path), storage), 11)
    if damage == "other arrays":
        np.savez(path, weights=np.zeros(3))
    else:
        path.write_bytes({"truncated": path.read_bytes()[:-200], "text": b"hello", "empty": b""}[damage])
    before = path.read_bytes()
    with pytest.raises(SearchError, match=r"controller\.npz.*delete it") as error:
        advance(make_study(sampler(checkpoint=path), storage), 12)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_a_foreign_checkpoint_is_refused(tmp_path):
    path, storage = tmp_path / "controller.npz", optuna.storages.InMemoryStorage()
    advance(make_study(sampler(checkpoint=path), storage), 11)
    with pytest.raises(SearchError, match="another seed"):
        advance(make_study(sampler(seed=1, checkpoint=path), storage), 12)
    with pytest.raises(SearchError, match="another steps"):
        advance(make_study(ControllerSampler(toy_space((3, 3, 3, 3)), reward=Reward(), checkpoint=path)), 1)
    with pytest.raises(SearchError, match="this study's trials"):
        advance(make_study(sampler(checkpoint=path)), 1)


def test_a_checkpoint_holds_no_pickle(tmp_path):
    study = make_study(sampler(checkpoint=tmp_path / "c.npz"))
    advance(study, 11)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as archive:
        assert json.loads(str(archive["about"]))["seed"] == 0
        assert archive["counts"][0] == 2


def test_a_sampler_can_be_copied_and_goes_on_the_same():
    study = make_study(sampler())
    advance(study, 12)
    twin = optuna.create_study(directions=["maximize", "minimize"], sampler=copy.deepcopy(study.sampler))
    twin.add_trials(study.trials)
    advance(study, 25)
    advance(twin, 25)
    assert path_of(twin) == path_of(study)


@pytest.mark.parametrize("kind", ["address", "number"])
def test_a_sampler_that_serves_one_study_after_another_carries_nothing_over(kind, tmp_path):
    """Addresses of storages and numbers of studies are used again as soon as they are free."""

    def path(served_by, storage, shift):
        study = make_study(served_by, storage)
        while len(study.trials) < 12:
            trial, params = ask(study)
            accuracy, latency = values(params)
            study.tell(trial, (0.5 * accuracy + shift * params["b"], latency))
        found = path_of(study)
        optuna.delete_study(study_name="s", storage=storage)
        return found

    one, places = sampler(), []
    database = optuna.storages.get_storage(f"sqlite:///{tmp_path}/study.db")
    for shift in (0.0, 0.3, -0.3):
        expected = path(sampler(), optuna.storages.InMemoryStorage(), shift)
        storage = database if kind == "number" else at(places[-1:], optuna.storages.InMemoryStorage)
        places.append(id(storage))
        assert path(one, storage, shift) == expected
        del storage
        gc.collect()


def at(places, make):
    """An object at one of these addresses, by making many; any object where none is given."""
    others = [make()]
    while places and id(others[-1]) not in places and len(others) < 10_000:
        others.append(make())
    return others[-1]
