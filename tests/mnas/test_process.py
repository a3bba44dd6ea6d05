import numpy as np
import pytest

from mnas.controllers.process import fit


def data(count, matters=(2.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0), seed=0):
    """Distinct architectures of eight decisions, and rewards that add up what each choice is worth."""
    rng = np.random.default_rng(seed)
    tokens = rng.permutation(np.unique(rng.integers(3, size=(count, 8)), axis=0))
    effects = rng.normal(size=(8, 3)) * np.array(matters)[:, None]
    return tokens, effects[np.arange(8), tokens].sum(axis=1)


def test_it_ranks_architectures_it_never_saw():
    tokens, rewards = data(160)
    assert np.corrcoef(fit(tokens[:60], rewards[:60]).expected(tokens[60:]), rewards[60:])[0, 1] > 0.9


def test_it_learns_which_decisions_matter():
    weights = fit(*data(160)).weights
    assert weights[:3].min() > 1.5 * weights[4:].max()


def test_a_decision_that_was_not_taken_is_a_choice_of_its_own():
    tokens, rewards = data(120)
    short = tokens[:, 0] == 2
    grown = np.where(short[:, None] & (np.arange(8) >= 4), -1, tokens)
    grown, first = np.unique(grown, axis=0, return_index=True)
    told = np.where(grown[:, 4] < 0, -9.0, rewards[first])
    model = fit(grown, told)
    small, whole = np.array([[1, 1, 1, 1, -1, -1, -1, -1]]), np.array([[1, 1, 1, 1, 0, 0, 0, 0]])
    assert model.expected(small)[0] < model.expected(whole)[0]


def test_it_knows_what_it_was_told_and_doubts_what_is_far():
    tokens, rewards = data(60)
    model = fit(tokens, rewards)
    mean, near = model.predict(tokens)
    assert np.corrcoef(mean, rewards)[0, 1] > 0.95
    _, doubt = model.predict(np.full((1, 8), 9))
    assert 2 * near.max() < doubt[0] <= 1


def test_what_is_reached_of_two_architectures_explains_their_covariance():
    tokens, rewards = data(40)
    model = fit(tokens[:30], rewards[:30])
    kernel = model.correlation(tokens[:30], tokens[:30]) + model.noise * np.eye(30)
    cross = model.correlation(tokens[30:], tokens[:30])
    reached = model.reached(tokens[30:])
    np.testing.assert_allclose(reached.T @ reached, cross @ np.linalg.solve(kernel, cross.T), atol=1e-8)


def test_only_the_order_of_rewards_matters():
    tokens, rewards = data(50)
    np.testing.assert_array_equal(fit(tokens, rewards).weights, fit(tokens, np.exp(rewards)).weights)


def test_it_makes_little_of_pure_noise():
    tokens, _ = data(160)
    luck = np.random.default_rng(1).normal(size=len(tokens))
    assert fit(tokens[:80], luck[:80]).expected(tokens[80:]).std() < 0.6


def test_of_many_points_the_best_and_the_newest_stay():
    tokens, rewards = data(600)
    model = fit(tokens, rewards)
    kept = {tuple(row) for row in model.tokens.tolist()}
    assert len(kept) == len(model.tokens) == 240
    assert tuple(tokens[int(np.argmax(rewards))].tolist()) in kept
    assert {tuple(row) for row in tokens[-100:].tolist()} <= kept


@pytest.mark.parametrize("rewards", [[1.0, 1.0, 1.0], [5.0, 4.0, 3.0]])
def test_a_few_points_are_enough_to_start(rewards):
    mean, deviation = fit(np.array([[0, 1], [1, 0], [1, 1]]), np.array(rewards)).predict(np.array([[0, 0]]))
    assert np.isfinite([*mean, *deviation]).all()


def test_one_architecture_is_a_point_too():
    assert np.isfinite(fit(np.array([[0, 1]]), np.array([0.3])).expected(np.array([[1, 1]]))).all()
