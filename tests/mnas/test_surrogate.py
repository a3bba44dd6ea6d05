import numpy as np
import pytest

from mnas.controllers.surrogate import fit


def data(count, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    tokens = np.unique(rng.integers(3, size=(count, 8)), axis=0)
    effects = rng.normal(size=(8, 3))
    rewards = effects[np.arange(8), tokens].sum(axis=1)
    return tokens, rewards, rewards + noise * rng.normal(size=len(tokens))


def test_it_ranks_architectures_it_never_saw():
    tokens, rewards, _ = data(160)
    model = fit(tokens[:80], rewards[:80])
    mean, _ = model.predict(tokens[80:])
    assert np.corrcoef(mean, rewards[80:])[0, 1] > 0.85


def test_it_knows_what_it_was_told_and_doubts_what_is_far():
    tokens, rewards, _ = data(60)
    model = fit(tokens, rewards)
    mean, near = model.predict(tokens)
    assert np.corrcoef(mean, rewards)[0, 1] > 0.95
    far = np.full((1, 8), 9)
    _, doubt = model.predict(far)
    assert doubt[0] > 2 * near.max()
    assert doubt[0] <= 1.0


def test_only_the_order_of_rewards_matters():
    tokens, rewards, _ = data(50)
    plain, bent = fit(tokens, rewards), fit(tokens, np.exp(3 * rewards))
    np.testing.assert_array_equal(plain.weights, bent.weights)


def test_it_makes_little_of_pure_noise():
    tokens, _, _ = data(160)
    luck = np.random.default_rng(1).normal(size=len(tokens))
    mean, _ = fit(tokens[:80], luck[:80]).predict(tokens[80:])
    assert mean.std() < 0.5


def test_of_many_points_the_best_and_the_newest_stay():
    tokens, rewards, _ = data(600)
    model = fit(tokens, rewards)
    assert len(model.tokens) <= 200
    kept = {tuple(row) for row in model.tokens.tolist()}
    assert tuple(tokens[int(np.argmax(rewards))].tolist()) in kept
    assert tuple(tokens[-1].tolist()) in kept


@pytest.mark.parametrize("rewards", [[1.0, 1.0, 1.0], [5.0, 4.0, 3.0]])
def test_a_few_points_are_enough_to_start(rewards):
    tokens = np.array([[0, 1], [1, 0], [1, 1]])
    mean, deviation = fit(tokens, np.array(rewards)).predict(np.array([[0, 0]]))
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()
