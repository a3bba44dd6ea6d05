import math

import numpy as np
import pytest

from mnas import SearchError
from mnas.search.ranking import Contender, Plan, contenders, next_runs, seed_of, verdict


def play(truth, plan, noise, rng):
    """A confirmation to its end: what is named, and what the search would have named."""
    field = contenders({name: value + noise * rng.standard_normal() for name, value in truth.items()}, plan)
    trained = 0
    while names := next_runs(field, plan):
        trained += len(names)
        field = [
            Contender(one.name, one.found, (*one.again, truth[one.name] + noise * rng.standard_normal()))
            if one.name in names
            else one
            for one in field
        ]
    return verdict(field), field, trained


def test_the_top_are_picked_best_first():
    field = contenders({"a": 0.1, "b": 0.9, "c": 0.5, "d": 0.9}, Plan(top=3))
    assert [one.name for one in field] == ["b", "d", "c"]


def test_the_weaker_half_leaves_after_each_round_and_the_plan_says_what_it_costs():
    truth = {str(index): index / 10 for index in range(20)}
    plan = Plan(top=8, rounds=3, keep=3)
    result, field, trained = play(truth, plan, 1e-6, np.random.default_rng(0))
    assert sorted(len(one.again) for one in field) == [1] * 4 + [2] + [3] * 3
    assert trained == plan.trainings == 8 + 4 + 3
    assert result.standings[0].name == "19"
    assert result.standings[0].probability > 0.99
    assert result.standings[0].runs == 4


def test_a_stopped_round_is_taken_up_where_it_was():
    plan = Plan(top=4, rounds=2, keep=2)
    field = contenders({"a": 4, "b": 3, "c": 2, "d": 1}, plan)
    half = [Contender(one.name, one.found, (one.found,)) if one.name in "ac" else one for one in field]
    assert next_runs(half, plan) == ["b", "d"]
    whole = [Contender(one.name, one.found, (one.found,)) for one in field]
    assert next_runs(whole, plan) == ["a", "b"]
    # Who left stays out, however it would stand now.
    later = [Contender(one.name, one.found, (one.found,) * (2 if one.name in "ab" else 1)) for one in field]
    assert next_runs(later, plan) == []


def test_training_again_names_a_better_winner_than_the_search_alone():
    rng = np.random.default_rng(1)
    truth = {str(index): value for index, value in enumerate(rng.normal(size=60))}
    best, before, after = max(truth.values()), [], []
    for _ in range(200):
        result, field, _ = play(truth, Plan(top=8, rounds=3), 0.7, rng)
        before.append(best - truth[max(field, key=lambda one: one.found).name])
        after.append(best - truth[result.standings[0].name])
    assert np.mean(after) < 0.75 * np.mean(before)


def test_the_probability_means_what_it_says():
    rng, hits, claims = np.random.default_rng(2), [], []
    for _ in range(400):
        truth = {str(index): value for index, value in enumerate(rng.normal(size=4))}
        field = [Contender(n, v + rng.normal(), tuple(v + rng.normal(size=3))) for n, v in truth.items()]
        result = verdict(field)
        claims.append(result.standings[0].probability)
        hits.append(result.standings[0].name == max(truth, key=truth.get))
    assert np.mean(claims) == pytest.approx(np.mean(hits), abs=0.08)


def test_the_reward_reported_is_not_the_selected_one():
    result = verdict([Contender("lucky", 0.9, (0.7, 0.72)), Contender("solid", 0.8, (0.8, 0.79))])
    assert result.standings[0].name == "solid"
    assert result.standings[1].reward == pytest.approx(0.71)
    assert "solid is the best of 2" in result.sentence
    assert "\n" not in result.sentence


def test_without_new_runs_it_says_that_it_does_not_know():
    result = verdict([Contender("a", 0.5), Contender("b", 0.4)])
    assert result.standings[0].name == "a"
    assert math.isnan(result.noise)
    assert "nobody knows" in result.sentence


def test_seeds_are_new_for_each_run_and_the_same_again():
    seeds = {seed_of(0, name, run) for name in ("a", "b") for run in range(5)}
    assert len(seeds) == 10
    assert seed_of(0, "a", 3) == seed_of(0, "a", 3) != seed_of(1, "a", 3)


@pytest.mark.parametrize("wrong", [{"top": 0}, {"rounds": -1}, {"keep": 1}])
def test_a_plan_without_sense_is_refused(wrong):
    with pytest.raises(SearchError, match="confirmation"):
        Plan(**wrong)


def test_nothing_to_rank_is_an_error():
    with pytest.raises(SearchError, match="nothing to rank"):
        verdict([])
