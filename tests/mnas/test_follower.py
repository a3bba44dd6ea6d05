from dataclasses import replace

import numpy as np
import optuna
import pytest

from mnas import Reward, SearchError
from mnas.controllers.checkpoint import Saved, fingerprint, identity, load, save
from mnas.controllers.controller import Controller
from mnas.controllers.follower import Follower
from mnas.controllers.settings import Settings
from mnas.controllers.trials import menu_of
from search_spaces.decision import Decision, Space

SPACE = Space("toy", tuple(Decision(name, (0, 1, 2), "x") for name in "abcd"), lambda arch: arch, lambda arch: arch)
SETTINGS = Settings(hidden=6, embedding=4)
REWARDS = (Reward("soft", 10.0),)


def follower(path=None, settings=SETTINGS, seed=0, rewards=REWARDS):
    return Follower(menu_of(SPACE), settings, rewards, seed, path)


def add(study, count, seed=0):
    """Trials that somebody else ran."""
    rng = np.random.default_rng(seed)
    menu = menu_of(SPACE)
    for _ in range(count):
        tokens = [int(token) for token in rng.integers(3, size=4)]
        study.add_trial(
            optuna.create_trial(
                params=dict(zip(menu.steps.names, tokens, strict=True)),
                distributions=dict(zip(menu.steps.names, menu.distributions, strict=True)),
                values=[0.1 * sum(tokens), 10.0],
            )
        )


@pytest.fixture
def study():
    return optuna.create_study(directions=["maximize", "minimize"])


def test_it_learns_from_complete_batches_only(study):
    one = follower()
    add(study, 13)
    one.advance(study, 2)
    assert one.updates == 2
    one.advance(study, 13 // 5)
    assert one.updates == 2


def test_batch_by_batch_or_all_at_once_is_the_same(study):
    slow, quick = follower(), follower()
    for _ in range(6):
        add(study, 5, seed=len(study.trials))
        slow.advance(study, len(study.trials) // 5)
    quick.advance(study, 6)
    np.testing.assert_array_equal(slow.state.weights, quick.state.weights)


def test_an_open_batch_waits_until_it_is_overtaken(study):
    one = follower()
    add(study, 4)
    study.ask()
    add(study, 5, seed=1)
    one.advance(study, 2)
    assert one.updates == 0
    add(study, 5, seed=2)
    one.advance(study, 3)
    assert one.updates == 3


def test_another_study_starts_afresh(study):
    one = follower()
    add(study, 10)
    one.advance(study, 2)
    other = optuna.create_study(directions=["maximize", "minimize"])
    one.advance(other, 0)
    assert one.updates == 0


def test_a_checkpoint_saves_learning_again(study, tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    add(study, 20)
    first = follower(path)
    first.advance(study, 4)
    learned = []
    update = Controller.update
    monkeypatch.setattr(Controller, "update", lambda *args: learned.append(args[3]) or update(*args))
    again = follower(path)
    again.advance(study, 4)
    assert learned == []
    np.testing.assert_array_equal(again.state.weights, first.state.weights)
    add(study, 5, seed=9)
    again.advance(study, 5)
    assert learned == [4]


def test_a_checkpoint_of_other_rewards_is_learned_again(study, tmp_path):
    path = tmp_path / "c.npz"
    add(study, 20)
    follower(path).advance(study, 4)
    hard = follower(path, rewards=(Reward("hard", 5.0), Reward("hard", 20.0)))
    hard.advance(study, 4)
    fresh = follower(rewards=(Reward("hard", 5.0), Reward("hard", 20.0)))
    fresh.advance(study, 4)
    np.testing.assert_array_equal(hard.state.weights, fresh.state.weights)
    assert load(path, identity(menu_of(SPACE).steps, SETTINGS, 0)).rewards[0].startswith("Reward(kind='hard'")


@pytest.mark.parametrize(
    ("other", "word"),
    [({"seed": 1}, "seed"), ({"settings": Settings(hidden=8, embedding=4)}, "settings")],
)
def test_a_checkpoint_of_another_search_names_what_differs(study, tmp_path, other, word):
    path = tmp_path / "c.npz"
    add(study, 10)
    follower(path).advance(study, 2)
    with pytest.raises(SearchError, match=f"another {word}.*delete it"):
        follower(path, **other).advance(study, 2)


def test_a_checkpoint_that_is_ahead_of_its_study_is_refused(study, tmp_path):
    path = tmp_path / "c.npz"
    for _ in range(5):
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    follower(path).advance(study, 1)
    empty = optuna.create_study(directions=["maximize", "minimize"])
    with pytest.raises(SearchError, match="this study's trials"):
        follower(path).advance(empty, 0)


def test_a_checkpoint_comes_back_bit_by_bit(tmp_path):
    controller = Controller(menu_of(SPACE).steps, SETTINGS, seed=3)
    saved = Saved(controller.initial(), 7, (0, 1, 5), "abc", ["Reward()"])
    about = identity(controller.steps, SETTINGS, 3)
    save(tmp_path / "c.npz", saved, about)
    back = load(tmp_path / "c.npz", about)
    np.testing.assert_array_equal(back.state.weights, saved.state.weights)
    assert back.state.weights.dtype == saved.state.weights.dtype
    assert np.isnan(back.state.baseline).all()
    assert (back.updates, back.used, back.chain, back.rewards) == (7, (0, 1, 5), "abc", ["Reward()"])
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]


def test_a_checkpoint_from_before_a_setting_existed_is_taken_up_while_that_is_at_its_default(tmp_path):
    controller = Controller(menu_of(SPACE).steps, SETTINGS, seed=3)
    about = identity(controller.steps, SETTINGS, 3)
    old = {
        key: value for key, value in about["settings"].items() if key not in ("softmax_temperature", "tanh_constant")
    }
    save(tmp_path / "c.npz", Saved(controller.initial(), 7, (), "", []), about | {"settings": old})
    assert load(tmp_path / "c.npz", about).updates == 7
    with pytest.raises(SearchError, match="another settings"):
        load(tmp_path / "c.npz", identity(controller.steps, replace(SETTINGS, tanh_constant=1.5), 3))


def test_a_checkpoint_of_steps_that_pointed_elsewhere_is_refused(tmp_path):
    plain = menu_of(SPACE).steps
    pointing = replace(plain, points_to=((), (), (0,), (1,)))
    save(
        tmp_path / "c.npz",
        Saved(Controller(plain, SETTINGS, seed=3).initial(), 7, (), "", []),
        identity(plain, SETTINGS, 3),
    )
    with pytest.raises(SearchError, match="another steps"):
        load(tmp_path / "c.npz", identity(pointing, SETTINGS, 3))


def test_arrays_of_different_lengths_are_no_checkpoint(tmp_path):
    controller = Controller(menu_of(SPACE).steps, SETTINGS, seed=3)
    about = identity(controller.steps, SETTINGS, 3)
    save(tmp_path / "c.npz", Saved(controller.initial(), 7, (), "", []), about)
    with np.load(tmp_path / "c.npz") as archive:
        arrays = dict(archive)
    arrays["first"] = arrays["first"][:-1]
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(SearchError, match="do not fit"):
        load(tmp_path / "c.npz", about)


def test_the_fingerprint_depends_on_every_trial_and_their_order(study):
    add(study, 3)
    one, two, three = study.trials
    assert fingerprint(fingerprint("", one), two) != fingerprint(fingerprint("", two), one)
    assert fingerprint("", three) != fingerprint("", two)
    assert fingerprint("", one) == fingerprint("", one)
