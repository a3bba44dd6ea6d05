"""Front and area against the definition, computed the slow way."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from reports import ReportError, hypervolume, pareto_front
from reports.pareto import front_mask, hypervolume_history


def table(accuracy, latency, **columns):
    return pd.DataFrame({"accuracy": accuracy, "latency_ms": latency, **columns})


def brute_mask(accuracy, latency):
    known = np.isfinite(accuracy) & np.isfinite(latency)
    mask = np.zeros(len(accuracy), dtype=bool)
    for i in np.flatnonzero(known):
        no_worse = known & (accuracy >= accuracy[i]) & (latency <= latency[i])
        better = no_worse & ((accuracy > accuracy[i]) | (latency < latency[i]))
        mask[i] = not better.any()
    return mask


def brute_area(accuracy, latency, reference):
    """Sum of the strips between neighbouring latencies, each as high as the best accuracy left of it."""
    known = np.isfinite(accuracy) & np.isfinite(latency) & (latency < reference[1])
    edges = np.append(np.unique(latency[known]), reference[1])
    area = 0.0
    for left, right in pairwise(edges):
        best = accuracy[known & (latency <= left)].max()
        area += max(0.0, best - reference[0]) * (right - left)
    return area


def random_points(rng, count, decimals):
    accuracy = np.round(rng.uniform(0.1, 0.95, count), decimals)
    latency = np.round(rng.uniform(1.0, 60.0, count), decimals)
    accuracy[rng.random(count) < 0.02] = np.nan
    latency[rng.random(count) < 0.02] = np.nan
    copied = rng.integers(count, size=count // 20)
    accuracy[: len(copied)], latency[: len(copied)] = accuracy[copied], latency[copied]
    return accuracy, latency


@pytest.mark.parametrize("decimals", [1, 2, 9])
def test_ten_thousand_points_agree_with_brute_force(decimals):
    accuracy, latency = random_points(np.random.default_rng(decimals), 10_000, decimals)
    points = table(accuracy, latency)
    assert np.array_equal(front_mask(points), brute_mask(accuracy, latency))
    for reference in [(0.0, 60.0), (0.5, 30.0), (0.05, 100.0)]:
        assert hypervolume(points, reference) == pytest.approx(brute_area(accuracy, latency, reference), rel=1e-9)


def test_correlated_points_have_a_long_front_and_agree():
    rng = np.random.default_rng(0)
    latency = rng.uniform(1, 50, 2_000)
    accuracy = 0.5 + 0.1 * np.log(latency) / np.log(50)
    points = table(accuracy, latency)
    assert front_mask(points).all()
    assert hypervolume(points, (0.0, 60.0)) == pytest.approx(brute_area(accuracy, latency, (0.0, 60.0)))


def test_front_is_sorted_fastest_first_and_keeps_columns_and_index():
    points = table([0.9, 0.5, 0.8, 0.7], [3.0, 1.0, 2.0, 2.5], name=list("abcd"))
    front = pareto_front(points)
    assert list(front["name"]) == ["b", "c", "a"]
    assert list(front.index) == [1, 2, 0]


def test_duplicates_stand_together_and_a_tie_on_one_axis_is_dominated():
    points = table([0.8, 0.8, 0.8, 0.7], [2.0, 2.0, 3.0, 2.0])
    assert front_mask(points).tolist() == [True, True, False, False]


def test_one_point_no_point_and_only_nan():
    assert front_mask(table([0.5], [4.0])).tolist() == [True]
    assert hypervolume(table([0.5], [4.0]), (0.1, 10.0)) == pytest.approx(0.4 * 6.0)
    for empty in (table([], []), table([np.nan, 0.5], [1.0, np.nan]), table([np.inf], [np.nan])):
        assert len(pareto_front(empty)) == 0
        assert hypervolume(empty, (0.0, 10.0)) == 0.0
        assert hypervolume_history(empty, (0.0, 10.0)).tolist() == [0.0] * len(empty)


def test_points_beyond_the_reference_add_nothing():
    points = table([0.5, 0.9, 0.05], [4.0, 11.0, 1.0])
    assert hypervolume(points, (0.1, 10.0)) == pytest.approx(0.4 * 6.0)
    assert hypervolume(points, (0.5, 4.0)) == 0.0


def test_reference_networks_are_no_candidates():
    points = table([0.5, 0.9], [4.0, 1.0], kind=["candidate", "reference"])
    assert front_mask(points).tolist() == [True, False]
    assert hypervolume(points, (0.0, 10.0)) == pytest.approx(3.0)
    assert hypervolume_history(points, (0.0, 10.0))[-1] == pytest.approx(3.0)


def test_history_is_the_area_of_every_prefix():
    accuracy, latency = random_points(np.random.default_rng(4), 300, 2)
    points = table(accuracy, latency)
    history = hypervolume_history(points, (0.2, 55.0))
    assert (np.diff(history) >= 0).all()
    for k in (1, 2, 17, 150, 300):
        assert history[k - 1] == pytest.approx(hypervolume(points[:k], (0.2, 55.0)))


def test_nullable_and_object_columns_are_read():
    points = pd.DataFrame(
        {"accuracy": pd.array([0.5, None], dtype="Float64"), "latency_ms": np.array([3, 1], dtype=object)}
    )
    assert front_mask(points).tolist() == [True, False]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (pd.DataFrame({"accuracy": [0.5]}), "no column 'latency_ms'"),
        (table(["good"], [1.0]), "must hold numbers"),
    ],
)
def test_a_frame_without_the_columns_is_refused(points, words):
    with pytest.raises(ReportError, match=words):
        pareto_front(points)


@pytest.mark.parametrize("reference", [(0.0,), (0.0, float("nan")), "ab", None])
def test_a_bad_reference_is_refused(reference):
    with pytest.raises(ReportError, match="two finite numbers"):
        hypervolume(table([0.5], [1.0]), reference)
