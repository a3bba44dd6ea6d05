import copy

import numpy as np

from mnas.controllers.history import History, Observation
from mnas.controllers.steps import Remembered, Steps

STEPS = Steps(("a", "b", "c"), (2, 3, 2), ("x", "y", "x"))


def seen(number, tokens, *rewards):
    return Observation(number, tokens, tokens, rewards or None)


def test_order_is_by_number():
    history = History(STEPS, [seen(2, (0, 0, 0), 1.0), seen(0, (1, 0, 0), 2.0), seen(1, (1, 1, 0))])
    assert [one.number for one in history.observations] == [0, 1, 2]
    assert [one.number for one in history.told] == [0, 2]
    assert len(history) == history.distinct == 3


def test_a_repeated_architecture_has_the_mean_of_its_rewards():
    history = History(STEPS, [seen(0, (0, 0, 0), 1.0), seen(1, (0, 0, 0), 2.0), seen(2, (1, 0, 0), 1.8)])
    assert history.reward((0, 0, 0)) == 1.5
    assert history.reward((1, 1, 1)) is None
    assert history.best(5) == [((1, 0, 0), 1.8), ((0, 0, 0), 1.5)]
    assert history.told_distinct() == [((0, 0, 0), 1.5), ((1, 0, 0), 1.8)]


def test_equal_rewards_rank_by_age():
    history = History(STEPS, [seen(3, (0, 0, 0), 1.0), seen(1, (1, 0, 0), 1.0)])
    assert [tokens for tokens, _ in history.best(2)] == [(1, 0, 0), (0, 0, 0)]


def test_quantiles_are_among_all_told_and_equals_share_their_middle():
    history = History(STEPS, [seen(n, (0, n % 3, 0), float(value)) for n, value in enumerate([1, 2, 2, 3])])
    np.testing.assert_allclose(history.quantile([1.0, 2.0, 3.0, 9.0]), [1 / 8, 1 / 2, 7 / 8, 1.0])


def test_goals_rank_apart():
    history = History(STEPS, [seen(0, (0, 0, 0), 1.0, 9.0), seen(1, (1, 0, 0), 2.0, 3.0)])
    assert history.best(1, 0)[0][0] == (1, 0, 0)
    assert history.best(1, 1)[0][0] == (0, 0, 0)
    assert history.reward((0, 0, 0), 1) == 9.0


def test_a_trial_that_left_decisions_open_is_found_by_what_it_decided():
    history = History(STEPS, [seen(0, (1, -1, 0), 1.0), seen(1, (0, 2, 1), 2.0)])
    assert history.find((1, 2, 0)) == (1, -1, 0)
    assert history.find((0, 2, 1)) == (0, 2, 1)
    assert history.find((0, 1, 1)) is None
    assert history.find((1, 0, 1)) is None


def test_failed_trials_are_known_but_not_told():
    history = History(STEPS, [seen(0, (1, 0, 0))])
    assert history.find((1, 0, 0)) == (1, 0, 0)
    assert history.best(3) == []
    assert history.quantile([]).shape == (0,)


def test_keys_of_steps_use_the_canonical_form_only_of_whole_tokens():
    steps = Steps(STEPS.names, STEPS.sizes, STEPS.tags, canonical=lambda tokens: (tokens[0], 0, 0))
    assert steps.key([1, 2, 1]) == (1, 0, 0)
    assert steps.key([1, -1, 1]) == (1, -1, 1)
    assert steps.cardinality == 12


def test_a_canonical_form_is_worked_out_once_and_travels_without_what_it_remembers():
    calls = []

    def spell(tokens):
        calls.append(tokens)
        return (0, *tokens[1:])

    remembered = Remembered(spell)
    assert [remembered([1, 2]), remembered((1, 2)), remembered((2, 2))] == [(0, 2), (0, 2), (0, 2)]
    assert calls == [(1, 2), (2, 2)]
    assert copy.deepcopy(remembered)((1, 2)) == (0, 2)
    assert len(calls) == 3
