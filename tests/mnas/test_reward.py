import math

import pytest

from mnas import Reward, SearchError


def test_soft_reward_of_twice_the_latency_costs_five_percent():
    reward = Reward("soft", target_ms=75)
    assert reward(0.75, 75) == pytest.approx(0.75)
    assert reward(0.75, 150) == pytest.approx(0.75 * 2**-0.07)
    assert reward(0.75 * 1.05, 150) == pytest.approx(reward(0.75, 75), rel=2e-3)
    assert reward(0.75, 37.5) > 0.75


def test_hard_reward_is_free_below_the_target_and_steep_above():
    reward = Reward("hard", target_ms=75)
    assert reward(0.75, 10) == 0.75
    assert reward(0.75, 75) == 0.75
    assert reward(0.75, 150) == pytest.approx(0.375)


def test_absolute_reward_aims_at_the_target_from_both_sides():
    reward = Reward("absolute", target_ms=80, beta=-0.1)
    assert reward(0.7, 80) == 0.7
    assert reward(0.7, 40) == pytest.approx(0.65)
    assert reward(0.7, 120) == pytest.approx(0.65)


def test_exponents_can_be_chosen():
    reward = Reward("soft", 100, alpha=0.0, beta=-0.15)
    assert reward(0.6, 50) == 0.6
    assert reward(0.6, 200) == pytest.approx(0.6 * 2**-0.15)


def test_a_reward_comes_back_from_its_dictionary():
    reward = Reward("hard", 42.0, beta=-0.5)
    assert Reward(**reward.to_dict()) == reward
    assert reward.exponents == (0.0, -0.5)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"kind": "firm"}, "firm"),
        ({"target_ms": 0}, "target_ms"),
        ({"target_ms": math.nan}, "target_ms"),
        ({"beta": 0.07}, "beta"),
        ({"alpha": math.inf}, "alpha"),
    ],
)
def test_a_wrong_reward_is_refused_in_one_line(arguments, word):
    with pytest.raises(SearchError, match=word) as error:
        Reward(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("accuracy", "latency"), [(0.5, 0.0), (0.5, -1), (0.5, math.nan), (math.nan, 5.0)])
def test_what_is_no_measurement_is_not_rewarded(accuracy, latency):
    with pytest.raises(SearchError):
        Reward()(accuracy, latency)
