import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from mnas import Reward, SearchError
from mnas.controllers.reader import uniform
from mnas.controllers.trials import LOG_PROB, TOKENS, learned_menu, menu_of, observe, scorer
from search_spaces import space

COLOURS = CategoricalDistribution(("red", "green", None))
DEPTHS = IntDistribution(2, 8, step=2)
UP, DOWN = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE


def trial(params, distributions, value=1.0, **options):
    return create_trial(params=params, distributions=distributions, value=value, **options)


def test_categorical_and_short_integer_parameters_are_learned_in_order_of_appearance():
    menu = learned_menu(
        [
            trial({"colour": "red", "rate": 0.1}, {"colour": COLOURS, "rate": FloatDistribution(0, 1)}),
            trial({"colour": None, "depth": 4}, {"colour": COLOURS, "depth": DEPTHS}),
            trial({"wide": 3}, {"wide": IntDistribution(0, 1000)}),
        ]
    )
    assert menu.steps.names == ("colour", "depth")
    assert menu.steps.sizes == (3, 4)
    assert [menu.value(0, token) for token in range(3)] == ["red", "green", None]
    assert [menu.value(1, token) for token in range(4)] == [2, 4, 6, 8]


def test_a_parameter_whose_range_changes_is_left_out():
    one = trial({"depth": 4}, {"depth": DEPTHS})
    other = trial({"depth": 3}, {"depth": IntDistribution(1, 3)})
    assert learned_menu([one, other]) is None
    assert learned_menu([]) is None


def test_tokens_come_back_from_values_and_what_was_not_asked_for_is_open():
    menu = learned_menu([trial({"colour": "red", "depth": 2}, {"colour": COLOURS, "depth": DEPTHS})])
    assert menu.tokens(trial({"colour": None, "depth": 8}, {"colour": COLOURS, "depth": DEPTHS})) == (2, 3)
    assert menu.tokens(trial({"depth": 6}, {"depth": DEPTHS})) == (-1, 2)
    assert menu.tokens(trial({"depth": 3}, {"depth": IntDistribution(1, 3)})) == (-1, -1)


def test_a_spaces_menu_has_its_decisions_and_its_canonical_form():
    mnasnet = space("mnasnet", (32, 32, 3))
    menu = menu_of(mnasnet)
    tokens = mnasnet.sample(np.random.default_rng(0))
    assert menu.steps.sizes == mnasnet.sizes
    assert menu.steps.key(tokens) == mnasnet.canonical(tokens)
    assert menu.value(0, 1) == mnasnet.decisions[0].choices[1]


def test_without_a_reward_the_one_value_is_improved_in_its_direction():
    assert scorer([], [UP])([3.0]) == (3.0,)
    assert scorer([], [DOWN])([3.0]) == (-3.0,)
    with pytest.raises(SearchError, match="2 objectives"):
        scorer([], [UP, DOWN])


def test_every_reward_scores_accuracy_and_latency():
    rewards = [Reward("hard", 10.0), Reward("hard", 40.0)]
    assert scorer(rewards, [UP, DOWN])([0.8, 20.0]) == (0.4, 0.8)
    with pytest.raises(SearchError, match="must be maximize, minimize, not minimize, minimize"):
        scorer(rewards, [DOWN, DOWN])


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED])
def test_only_complete_trials_have_rewards(state):
    complete = trial({"depth": 2}, {"depth": DEPTHS})
    menu = learned_menu([complete])
    assert observe(complete, menu, scorer([], [UP])).rewards == (1.0,)
    ended = create_trial(params={"depth": 4}, distributions={"depth": DEPTHS}, state=state)
    seen = observe(ended, menu, scorer([], [UP]))
    assert seen.rewards is None
    assert seen.tokens == (1,)
    infinite = trial({"depth": 2}, {"depth": DEPTHS}, value=math.inf)
    assert observe(infinite, menu, scorer([], [UP])).rewards is None


def test_a_log_probability_counts_only_for_what_was_proposed():
    attrs = {LOG_PROB: -1.5, TOKENS: [1]}
    menu = learned_menu([trial({"depth": 2}, {"depth": DEPTHS})])
    same = trial({"depth": 4}, {"depth": DEPTHS}, system_attrs=attrs)
    other = trial({"depth": 6}, {"depth": DEPTHS}, system_attrs=attrs)
    assert observe(same, menu, scorer([], [UP])).log_prob == -1.5
    assert observe(other, menu, scorer([], [UP])).log_prob is None


def test_a_running_trial_counts_as_what_it_was_given():
    menu = learned_menu([trial({"colour": "red", "depth": 2}, {"colour": COLOURS, "depth": DEPTHS})])
    running = create_trial(params={}, distributions={}, state=TrialState.RUNNING, system_attrs={TOKENS: [2, 1]})
    assert observe(running, menu, scorer([], [UP])).tokens == (2, 1)


@pytest.mark.parametrize(
    "distribution",
    [
        COLOURS,
        DEPTHS,
        IntDistribution(1, 1000, log=True),
        FloatDistribution(-1, 2),
        FloatDistribution(1e-5, 1, log=True),
        FloatDistribution(0, 0.9, step=0.3),
    ],
)
def test_uniform_draws_lie_in_the_distribution_and_reach_both_ends(distribution):
    rng = np.random.default_rng(0)
    values = [uniform(rng, distribution) for _ in range(3000)]
    assert all(distribution._contains(distribution.to_internal_repr(value)) for value in values)
    if isinstance(distribution, CategoricalDistribution):
        assert set(values) == set(distribution.choices)
        return
    span = distribution.high - distribution.low
    assert min(values) - distribution.low <= 0.01 * span
    assert distribution.high - max(values) <= 0.02 * span


def test_an_unknown_kind_of_distribution_is_refused():
    class Odd(optuna.distributions.BaseDistribution):
        def to_internal_repr(self, param_value_in_external_repr):
            return param_value_in_external_repr

        def to_external_repr(self, param_value_in_internal_repr):
            return param_value_in_internal_repr

        def single(self):
            return False

        def _contains(self, param_value_in_internal_repr):
            return True

    with pytest.raises(SearchError, match="Odd"):
        uniform(np.random.default_rng(0), Odd())
