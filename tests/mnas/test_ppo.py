from dataclasses import replace

import numpy as np
import pytest

from mnas.controllers.adam import Slots, ascend
from mnas.controllers.policy import Policy
from mnas.controllers.ppo import Batch, Elite, learn
from mnas.controllers.settings import NASNET, Settings
from mnas.controllers.steps import Steps

STEPS = Steps(("a", "b", "c"), (3, 3, 2), ("a", "b", "c"))
SETTINGS = Settings(hidden=8, embedding=4, entropy=0.0, queue_weight=0.5)
NO_ELITE = Elite(np.empty((0, 3), dtype=np.int64), np.empty(0, dtype=np.int64))


@pytest.fixture
def policy():
    return Policy(STEPS, hidden=8, embedding=4, share="step")


def start(policy):
    weights = policy.initial(np.random.default_rng(0))
    return weights, Slots.zeros(weights)


def batch(tokens, advantages, log_probs=None):
    rows = np.array(tokens)
    old = np.full(len(rows), np.nan) if log_probs is None else np.array(log_probs)
    return Batch(rows, np.zeros(len(rows), dtype=np.int64), np.array(advantages, dtype=float), old)


def joint(policy, weights, tokens):
    return policy.forward(weights, np.array(tokens)).chosen().sum(axis=1)


@pytest.mark.parametrize("loss", ["ppo", "reinforce"])
def test_what_did_well_becomes_likelier_and_what_did_badly_rarer(policy, loss):
    weights, slots = start(policy)
    tokens = [[0, 1, 1], [2, 0, 0]]
    before = joint(policy, weights, tokens)
    after, _ = learn(policy, replace(SETTINGS, loss=loss), weights, slots, batch(tokens, [1, -1]), NO_ELITE)
    change = joint(policy, after, tokens) - before
    assert change[0] > 0 > change[1]


def test_a_ratio_beyond_the_clip_moves_nothing(policy):
    weights, slots = start(policy)
    tokens = [[0, 1, 1], [2, 0, 0]]
    now = joint(policy, weights, tokens)
    far = batch(tokens, [1, -1], log_probs=[now[0] - 0.5, now[1] + 0.5])
    after, _ = learn(policy, SETTINGS, weights, slots, far, NO_ELITE)
    np.testing.assert_array_equal(after, weights)
    near = batch(tokens, [1, -1], log_probs=[now[0] + 0.5, now[1] - 0.5])
    after, _ = learn(policy, SETTINGS, weights, slots, near, NO_ELITE)
    assert not np.array_equal(after, weights)


def test_the_queue_pulls_towards_the_best_without_a_batch(policy):
    weights, slots = start(policy)
    elite = Elite(np.array([[1, 2, 0]]), np.array([0]))
    before = joint(policy, weights, elite.tokens)
    empty = batch(np.empty((0, 3), dtype=np.int64), [])
    after, slots = learn(policy, SETTINGS, weights, slots, empty, elite)
    assert joint(policy, after, elite.tokens) > before
    assert slots.count == SETTINGS.epochs


def test_nothing_to_learn_changes_nothing(policy):
    weights, slots = start(policy)
    after, same = learn(policy, SETTINGS, weights, slots, batch(np.empty((0, 3), dtype=np.int64), []), NO_ELITE)
    assert after is weights
    assert same is slots


def test_the_entropy_bonus_flattens(policy):
    weights, slots = start(policy)
    policy.views(weights)["head_bias"][0, 0] = 3.0
    before = policy.forward(weights, np.array([[0, 0, 0]])).entropy()[0, 0]
    flat = replace(SETTINGS, entropy=1.0)
    after, _ = learn(policy, flat, weights, slots, batch([[0, 0, 0]], [0.0]), NO_ELITE)
    assert policy.forward(after, np.array([[0, 0, 0]])).entropy()[0, 0] > before


def test_a_decision_not_taken_is_not_learned(policy):
    weights, slots = start(policy)
    after, _ = learn(policy, SETTINGS, weights, slots, batch([[0, -1, 1]], [1.0]), NO_ELITE)
    view, old = policy.views(after), policy.views(weights)
    np.testing.assert_array_equal(view["head_bias"][1], old["head_bias"][1])
    assert not np.array_equal(view["head_bias"][0], old["head_bias"][0])


def test_adam_takes_steps_of_the_learning_rate_uphill_and_clips():
    weights, slots = np.zeros(3), Slots.zeros(np.zeros(3))
    gradient = np.array([300.0, -400.0, 0.0])
    after, slots = ascend(weights, gradient, slots, learning_rate=0.1, clip_norm=1.0)
    np.testing.assert_allclose(after, [0.1, -0.1, 0.0], rtol=1e-6)
    np.testing.assert_allclose(slots.first, 0.1 * gradient / 500.0)
    np.testing.assert_array_equal(weights, 0.0)


def test_nasnets_settings_are_the_published_ones():
    assert (NASNET.learning_rate, NASNET.entropy, NASNET.batch, NASNET.hidden) == (3.5e-4, 1e-5, 20, 100)
    assert (NASNET.baseline_decay, NASNET.init, NASNET.unique) == (0.95, 0.1, False)
