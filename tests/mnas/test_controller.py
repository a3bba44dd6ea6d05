from dataclasses import replace

import numpy as np
import pytest

from mnas import SearchError
from mnas.controllers.blas import one_thread
from mnas.controllers.controller import Controller
from mnas.controllers.history import History, Observation
from mnas.controllers.settings import Settings, settings_for
from mnas.controllers.steps import Steps

pytestmark = pytest.mark.usefixtures("single")
STEPS = Steps(tuple("abcdef"), (3,) * 6, ("x",) * 6)
SETTINGS = Settings(hidden=8, embedding=4)


@pytest.fixture
def single():
    with one_thread():
        yield


def search(settings, batches, reward=sum, seed=0, goals=1):
    controller = Controller(STEPS, settings, seed=seed, goals=goals)
    state, seen, states = controller.initial(), [], []
    for index in range(batches):
        drawn = controller.propose(state, History(STEPS, seen), index)
        batch = [
            Observation(index * settings.batch + slot, tuple(row), tuple(row), (float(reward(row)),) * goals, log_prob)
            for slot, (row, log_prob) in enumerate(zip(drawn.tokens.tolist(), drawn.log_probs.tolist(), strict=True))
        ]
        seen += batch
        states.append(state)
        state = controller.update(state, History(STEPS, seen), index, batch)
    return controller, [*states, state], seen


@pytest.mark.parametrize("algorithm", ["ppo", "ppo-gp", "reinforce"])
def test_it_learns_what_pays(algorithm):
    settings = replace(settings_for(algorithm), hidden=8, embedding=4)
    count = {"ppo": 60, "ppo-gp": 60, "reinforce": 400}[algorithm]
    _, _, seen = search(settings, count // settings.batch)
    rewards = [one.rewards[0] for one in seen]
    assert np.mean(rewards[count // 2 :]) > np.mean(rewards[:10]) + 1.5


def test_the_recipe_finds_the_optimum_of_729_within_a_hundred():
    found = [max(one.rewards[0] for one in search(SETTINGS, 20, seed=seed)[2]) for seed in range(5)]
    assert found == [12.0] * 5


def test_proposing_changes_nothing_and_is_the_same_again():
    controller, states, seen = search(SETTINGS, 6)
    before = states[-1].weights.copy()
    first, again = (controller.propose(states[-1], History(STEPS, seen), 6) for _ in range(2))
    np.testing.assert_array_equal(first.tokens, again.tokens)
    np.testing.assert_array_equal(first.log_probs, again.log_probs)
    np.testing.assert_array_equal(states[-1].weights, before)


def test_an_update_is_a_function_of_its_arguments():
    controller, states, seen = search(SETTINGS, 4)
    batch = seen[15:20]
    one, two = (controller.update(states[3], History(STEPS, seen), 3, batch) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.weights, states[4].weights)


def test_only_the_order_of_rewards_matters_to_the_recipe():
    _, plain, _ = search(SETTINGS, 8)
    _, bent, _ = search(SETTINGS, 8, reward=lambda row: np.exp(sum(row)) - 1e3)
    np.testing.assert_array_equal(plain[-1].weights, bent[-1].weights)


def test_the_published_form_keeps_a_moving_average_of_rewards():
    settings = replace(settings_for("ppo-paper"), hidden=8, embedding=4)
    controller, states, seen = search(settings, 3)
    means = [np.mean([one.rewards[0] for one in seen[start : start + 20]]) for start in (0, 20, 40)]
    expected = means[0]
    for mean in means:
        expected = 0.95 * expected + 0.05 * mean
    assert states[-1].baseline == pytest.approx([expected])
    assert np.isnan(controller.initial().baseline).all()


def test_a_batch_that_taught_nothing_still_counts():
    controller = Controller(STEPS, replace(SETTINGS, queue=0), seed=0)
    state = controller.initial()
    failed = [Observation(n, (n % 3,) * 6, (n % 3,) * 6, None) for n in range(3)]
    after = controller.update(state, History(STEPS, failed), 0, failed)
    np.testing.assert_array_equal(after.weights, state.weights)


def test_more_steps_keep_what_was_learned_of_the_old_ones():
    small = Controller(STEPS, SETTINGS, seed=0)
    more = Steps((*STEPS.names, "g"), (*STEPS.sizes, 5), (*STEPS.tags, "y"))
    large = Controller(more, SETTINGS, seed=0)
    state = search(SETTINGS, 10)[1][-1]
    grown = large.adopt(small, state)
    old = small.policy.forward(state.weights, np.ones((1, 6), dtype=np.int64)).chosen()
    new = large.policy.forward(grown.weights, np.ones((1, 7), dtype=np.int64)).chosen()
    np.testing.assert_allclose(new[:, :6], old, rtol=1e-5)
    assert grown.slots.count == state.slots.count


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"learning_rate": 0}, {"entropy": -1}, {"guided": 1.5}, {"queue_weight": float("nan")}]
)
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(SearchError, match=next(iter(wrong))):
        Settings(**wrong)


def test_an_unknown_algorithm_is_refused_with_the_known_ones():
    with pytest.raises(SearchError, match="ppo, ppo-paper, reinforce, ppo-gp"):
        settings_for("a3c")
