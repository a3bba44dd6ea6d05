import numpy as np
import pytest

from mnas.controllers.history import History, Observation
from mnas.controllers.process import fit
from mnas.controllers.screening import Pool, promising
from mnas.controllers.steps import Steps

STEPS = Steps(tuple("abcdefgh"), (3,) * 8, ("x",) * 8)
FOLDED = Steps(STEPS.names, STEPS.sizes, STEPS.tags, lambda tokens: (*tokens[:4], 0, 0, 0, 0))
"""The last four decisions change nothing."""
RNG = np.random.default_rng


def value(tokens):
    return float(sum(token * (3 + step) for step, token in enumerate(tokens[:4])))


def told(count, steps=STEPS, seed=0):
    rows = [tuple(row) for row in RNG(seed).integers(2, size=(count, 8)).tolist()]
    return History(steps, [Observation(n, row, steps.key(row), (value(row),)) for n, row in enumerate(rows)])


def pool_of(history, explore=0.5, seed=0):
    known = history.told_distinct()
    model = fit(np.array([key for key, _ in known]), np.array([reward for _, reward in known]))
    return Pool(history.steps, model, explore, RNG(seed))


def picked(history, count=4, taken=(), explore=0.5):
    best = [row for row, _ in history.best(5)]
    return promising(pool_of(history, explore), best, history, taken, count)


def test_it_picks_what_is_better_than_all_before():
    history = told(60)
    known = [value(seen.tokens) for seen in history.told]
    assert np.mean([value(row) for row in picked(history, explore=0.0)]) > np.quantile(known, 0.9)


def test_climbing_comes_to_architectures_several_decisions_away():
    history = told(60)
    pool, parent = pool_of(history), history.best(1)[0][0]
    pool.add([parent])
    pool.climb()
    apart = [sum(a != b for a, b in zip(row, parent, strict=True)) for row in pool.rows]
    assert max(apart) >= 3


def test_the_bound_of_a_candidate_is_that_of_its_tokens():
    pool = pool_of(told(40), explore=2.0)
    pool.add([(0,) * 8, (2,) * 8])
    pool.add([(2,) * 8, (1,) * 8])
    mean, deviation = pool.model.predict(np.array(pool.rows))
    assert pool.rows == [(0,) * 8, (2,) * 8, (1,) * 8]
    np.testing.assert_allclose(pool.bounds, mean + 2 * deviation)


@pytest.mark.parametrize("steps", [STEPS, FOLDED])
def test_what_it_picks_is_new_and_different_however_it_is_spelt(steps):
    history = told(30, steps)
    keys = [steps.key(row) for row in picked(history, 6)]
    assert len(set(keys)) == 6
    assert all(history.find(key) is None for key in keys)


def test_what_the_batch_has_already_is_not_picked_again():
    history = told(30)
    first = picked(history, 3)
    assert not set(first) & set(picked(history, 3, taken=first))


def test_a_batch_spreads_over_what_is_uncertain():
    history = told(12)
    pool = pool_of(history, explore=3.0)
    best = [row for row, _ in history.best(5)]
    chosen = np.array(promising(pool, best, history, (), 4))
    apart = (chosen[:, None] != chosen[None]).sum(axis=2)
    alone = np.array([pool.rows[pick] for pick in pool.ranking()[:4]])
    assert apart.sum() > (alone[:, None] != alone[None]).sum()


def test_it_returns_fewer_where_fewer_are_new():
    small = Steps(("a", "b"), (2, 2), ("x", "x"))
    rows = [(0, 0), (0, 1), (1, 0)]
    history = History(small, [Observation(n, row, row, (float(n),)) for n, row in enumerate(rows)])
    assert picked(history, 4) == [(1, 1)]


def test_parents_that_left_decisions_open_are_passed_over():
    open_ = Observation(30, (2,) * 7 + (-1,), (2,) * 7 + (-1,), (99.0,))
    history = told(30).plus(open_)
    assert all(-1 not in row for row in picked(history))
