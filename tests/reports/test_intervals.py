import math
from functools import partial
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binom

from mnas.tasks import DEFAULT, task
from reports.intervals import Interval, difference, measured, ratio

share = partial(measured, task(DEFAULT).metric)


def test_wilson_agrees_with_the_published_example():
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662 without continuity correction.
    interval = share(81 / 263, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)


def test_newcombe_agrees_with_the_published_example():
    # Newcombe 1998 (differences), table II: 56/70 - 48/80 gives 0.0524 to 0.3339 by method 10.
    interval = difference(share(56 / 70, 70), share(48 / 80, 80))
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.98])
def test_the_interval_holds_the_truth_about_19_times_in_20(truth):
    hits = np.arange(401)
    chance = binom.pmf(hits, 400, truth)
    inside = [share(hit / 400, 400).low <= truth <= share(hit / 400, 400).high for hit in hits]
    assert 0.92 < chance[inside].sum() < 0.98


def test_two_equal_networks_are_seldom_said_to_differ():
    rng = np.random.default_rng(0)
    first, second = rng.binomial(300, 0.9, (2, 2_000)) / 300
    claimed = [difference(share(a, 300), share(b, 300)).excludes(0) for a, b in zip(first, second, strict=True)]
    assert 0.02 < np.mean(claimed) < 0.08


def test_equal_latencies_are_seldom_said_to_differ():
    rng = np.random.default_rng(1)
    spread = NormalDist().inv_cdf(0.975)
    centers = np.exp(rng.normal(0, 0.05, (2, 2_000)))
    nets = [[Interval(c, c * math.exp(-0.05 * spread), c * math.exp(0.05 * spread)) for c in row] for row in centers]
    claimed = [ratio(a, b).excludes(1) for a, b in zip(*nets, strict=True)]
    assert 0.03 < np.mean(claimed) < 0.07


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_ends_stay_between_nought_and_one(accuracy):
    interval = share(accuracy, 50)
    assert 0 <= interval.low <= accuracy <= interval.high <= 1
    assert interval.high - interval.low > 0.05


def test_what_is_not_known_excludes_nothing():
    unknown = share(0.9, None)
    assert not unknown.known
    assert not difference(unknown, share(0.1, 100)).excludes(0)
    assert not ratio(Interval(2.0, math.nan, math.nan), Interval(1.0, 0.9, 1.1)).excludes(1)
    assert math.isnan(ratio(Interval(0.0, 0.0, 0.0), Interval(1.0, 0.9, 1.1)).value)


def test_ratio_turned_round_is_its_inverse():
    a, b = Interval(3.0, 2.8, 3.3), Interval(2.0, 1.9, 2.05)
    there, back = ratio(a, b), ratio(b, a)
    assert there.value == pytest.approx(1.5)
    assert there.low == pytest.approx(1 / back.high)
    assert there.high == pytest.approx(1 / back.low)
