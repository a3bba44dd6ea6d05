import math

import numpy as np
import pytest

from mnas.reward import Reward
from reports import frame, rewards
from reports.figures import pareto


@pytest.mark.parametrize("kind", ["soft", "hard", "absolute"])
def test_every_point_of_a_curve_earns_its_level(kind):
    reward = Reward(kind, 4.0)
    latency = np.geomspace(0.5, 30, 40)
    accuracy = rewards.curve(reward, 0.7, latency)
    earned = [reward(float(a), float(b)) for a, b in zip(accuracy, latency, strict=True)]
    assert earned == pytest.approx([0.7] * 40)


@pytest.mark.parametrize("kind", ["soft", "hard", "absolute"])
def test_the_figure_draws_the_curves_of_the_runs_own_reward(runs, kind):
    run = runs.data(facts=runs.facts | {"reward": Reward(kind, 4.0).to_dict()})
    reward = rewards.of_run(run)
    assert reward == Reward(kind, 4.0)
    axis = pareto(frame(run), reward=reward).axes[0]
    assert sum(text.get_text().startswith("reward ") for text in axis.texts) >= 2


def test_what_was_not_measured_earns_nothing(runs):
    reward = Reward("soft", 4.0)
    assert math.isnan(rewards.value(reward, math.nan, 1.0))
    assert math.isnan(rewards.value(reward, 0.5, 0.0))
    assert rewards.value(reward, 0.5, 4.0) == 0.5
    assert rewards.of_run(runs.data([], facts={})) is None
