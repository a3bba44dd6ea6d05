from dataclasses import replace

import numpy as np
import pytest

from mnas import SearchError
from mnas.controllers.history import History, Observation
from mnas.controllers.neighbours import crossings, mutants, neighbours
from mnas.controllers.policy import Policy
from mnas.controllers.proposals import draw
from mnas.controllers.settings import Settings
from mnas.controllers.steps import Steps

STEPS = Steps(tuple("abcdef"), (3, 3, 3, 2, 2, 4), ("x",) * 6)
SETTINGS = Settings(hidden=6, embedding=4)
RNG = np.random.default_rng


def policy_of(goals=1, steps=STEPS):
    policy = Policy(steps, hidden=6, embedding=4, contexts=goals, share="step")
    return policy, policy.initial(RNG(0))


def history(rows, goals=1):
    """Told in order, each better than the last for goal 0 and worse for the others."""
    return History(
        STEPS,
        [
            Observation(n, row, row, tuple(float(n if g == 0 else -n) for g in range(goals)))
            for n, row in enumerate(rows)
        ],
    )


def random_rows(count, seed=0):
    rows = {tuple(int(token) for token in RNG([seed, n]).integers(STEPS.sizes)) for n in range(count)}
    return sorted(rows)


def distance(left, right):
    return sum(a != b for a, b in zip(left, right, strict=True))


def propose(past, index=9, settings=SETTINGS, goals=1, seed=1):
    policy, weights = policy_of(goals)
    return draw(policy, settings, weights, past, index, RNG(seed))


def test_neighbours_differ_in_one_decision_and_are_all_there():
    rows = neighbours((0, 2, 1, 0, 1, 3), STEPS.sizes)
    assert len(rows) == len({tuple(row) for row in rows.tolist()}) == sum(size - 1 for size in STEPS.sizes)
    assert all(distance(row, (0, 2, 1, 0, 1, 3)) == 1 for row in rows.tolist())


def test_a_decision_not_taken_is_not_changed():
    rows = neighbours((0, -1, 1, 0, -1, 3), STEPS.sizes)
    assert len(rows) == 2 + 2 + 1 + 3
    assert (rows[:, [1, 4]] == 0).all()


def test_crossings_take_every_decision_from_one_of_two_parents_and_are_neither():
    left, right = (0, 1, 2, 0, 0, 3), (1, 1, 0, 0, 1, 3)
    rows = {tuple(row) for row in crossings(left, right, RNG(0)).tolist()}
    assert len(rows) == 2**3 - 2
    assert all(token in pair for row in rows for token, pair in zip(row, zip(left, right, strict=True), strict=True))
    assert not rows & {left, right}
    far = crossings((0,) * 6, (1,) * 6, RNG(0))
    assert far.shape == (8, 6)
    assert set(far.ravel().tolist()) == {0, 1}


@pytest.mark.parametrize("right", [(0, 1, 2, 0, 0, 3), (0, 1, 2, 0, 0, 2), (0, 0, -1, 0, 0, 2)])
def test_parents_too_alike_or_with_open_decisions_have_no_crossings(right):
    assert crossings((0, 1, 2, 0, 0, 3), right, RNG(0)).shape == (0, 6)


def test_two_changes_that_each_helped_are_joined():
    origin, one, other = (0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0), (0, 0, 2, 0, 0, 0)
    past = history([*[origin] * 10, one, other])
    joined = (1, 0, 2, 0, 0, 0)
    for seed in range(10):
        assert joined in {tuple(row) for row in propose(past, seed=seed).tokens.tolist()}


def test_mutants_differ_in_at_most_so_many_decisions():
    origin = (0, 2, 1, 0, 1, 3)
    rows = mutants(origin, STEPS.sizes, 3, 500, RNG(0))
    distances = [distance(row, origin) for row in rows.tolist()]
    assert set(distances) == {0, 1, 2, 3}
    assert (rows < np.array(STEPS.sizes)).all()


def test_where_all_neighbours_are_known_the_guided_share_reaches_further():
    best = (1, 1, 1, 1, 1, 1)
    around = [tuple(row) for row in neighbours(best, STEPS.sizes).tolist()]
    rows = [*around, best]
    past = history(rows)
    alone = replace(SETTINGS, parents=1)
    drawn = [distance(row, best) for row in propose(past, settings=alone).tokens.tolist()]
    assert sum(2 <= apart <= 4 for apart in drawn) >= 4
    assert 1 not in drawn


@pytest.mark.parametrize("told", [0, 4, 30, 100])
def test_a_batch_is_new_and_without_twins_at_any_time(told):
    past = history(random_rows(told))
    rows = [tuple(row) for row in propose(past).tokens.tolist()]
    assert len(set(rows)) == SETTINGS.batch
    assert not set(rows) & {seen.tokens for seen in past.observations}


def test_the_guided_share_lies_next_to_the_best_few():
    past = history(random_rows(30))
    parents = [tokens for tokens, _ in past.best(SETTINGS.parents)]
    alone = replace(SETTINGS, crossed=0)
    for index in range(10):
        rows = propose(past, index, settings=alone, seed=index).tokens.tolist()
        assert sum(min(distance(row, parent) for parent in parents) == 1 for row in rows) >= 4


def test_before_it_begins_the_policy_is_alone():
    past = history(random_rows(9))
    drawn = propose(past)
    policy, weights = policy_of()
    plain, _ = policy.sample(weights, RNG(1).random((15, 6)), np.zeros(15, dtype=np.int64))
    assert {tuple(row) for row in drawn.tokens.tolist()} <= {tuple(row) for row in plain.tolist()}


def test_the_policy_says_which_neighbour():
    policy, weights = policy_of()
    policy.views(weights)["head_bias"][5] = [0, 0, 0, 40]
    past = history([(0, 0, 0, 0, 0, 0)] * 12)
    sharp = replace(SETTINGS, guided=0.2)
    picks = [draw(policy, sharp, weights, past, 5 * index, RNG(index)).tokens[0].tolist() for index in range(20)]
    assert picks == [[0, 0, 0, 0, 0, 3]] * 20


def test_log_probabilities_are_the_policys_whatever_the_source():
    policy, weights = policy_of()
    for past in (history([]), history(random_rows(30))):
        drawn = draw(policy, SETTINGS, weights, past, 3, RNG(0))
        joint = policy.forward(weights, drawn.tokens).chosen().sum(axis=1)
        np.testing.assert_allclose(drawn.log_probs, joint, rtol=1e-5)


def test_a_collapsed_policy_still_proposes_new_architectures():
    policy, weights = policy_of()
    for step, size in enumerate(STEPS.sizes):
        policy.views(weights)["head_bias"][step, :size] = [200.0] + [0.0] * (size - 1)
    past = history([(0,) * 6] * 12)
    drawn = draw(policy, replace(SETTINGS, guided=0.0), weights, past, 0, RNG(0))
    assert len({tuple(row) for row in drawn.tokens.tolist()}) == 5
    assert [0] * 6 not in drawn.tokens.tolist()
    assert len(drawn.repeats) == SETTINGS.repeats * SETTINGS.batch
    assert set(drawn.repeats) == {((0,) * 6, 0, (0,) * 6)}


def test_the_last_of_a_small_space_are_found_and_then_repeats_come():
    few = Steps(("a", "b"), (2, 3), ("a", "b"))
    policy, weights = policy_of(steps=few)
    rows = [(0, 0), (0, 1), (0, 2), (1, 0)]
    past = History(few, [Observation(n, row, row, (0.0,)) for n, row in enumerate(rows)])
    tokens = {tuple(row) for row in draw(policy, SETTINGS, weights, past, 0, RNG(0)).tokens.tolist()}
    assert {(1, 1), (1, 2)} <= tokens


def test_equal_architectures_are_one():
    even = Steps(STEPS.names, STEPS.sizes, STEPS.tags, canonical=lambda tokens: (*tokens[:5], 0))
    policy, weights = policy_of(steps=even)
    drawn = draw(policy, SETTINGS, weights, History(even, []), 0, RNG(0))
    assert len({tuple(row[:5]) for row in drawn.tokens.tolist()}) == 5


def test_goals_take_turns_and_each_has_its_own_neighbourhood():
    past = history(random_rows(40), goals=2)
    best = [[tokens for tokens, _ in past.best(SETTINGS.parents, goal)] for goal in range(2)]
    near = np.zeros((2, 2))
    for index in range(20):
        drawn = propose(past, index, goals=2, seed=index)
        assert drawn.goals.tolist() == [(5 * index + slot) % 2 for slot in range(5)]
        for row, goal in zip(drawn.tokens.tolist(), drawn.goals.tolist(), strict=True):
            for other in range(2):
                near[goal, other] += min(distance(row, parent) for parent in best[other]) == 1
    assert near[0, 0] > 3 * near[0, 1]
    assert near[1, 1] > 3 * near[1, 0]


def test_the_surrogate_proposes_what_it_thinks_best():
    screened = replace(SETTINGS, surrogate_after=20, explore=0.0)
    rows = random_rows(60)
    seen = [Observation(n, row, row, (float(sum(row)),)) for n, row in enumerate(rows)]
    drawn = propose(History(STEPS, seen), settings=screened)
    told = {seen.tokens for seen in seen}
    left = sorted((sum(row) for row in map(tuple, np.ndindex(*STEPS.sizes)) if row not in told), reverse=True)
    assert drawn.tokens.sum(axis=1).min() >= left[20]
    assert not told & {tuple(row) for row in drawn.tokens.tolist()}


def test_the_published_form_samples_plainly():
    plain = replace(SETTINGS, unique=False, batch=40)
    drawn = propose(history(random_rows(30)), settings=plain)
    assert len(drawn.tokens) == 40
    assert drawn.repeats == ()


SCREENED = replace(SETTINGS, screen=10, explore=3.0)


@pytest.mark.parametrize("told", [0, 4, 10, 30, 100])
def test_a_screened_batch_is_new_and_without_twins_at_any_time(told):
    past = history(random_rows(told))
    rows = [tuple(row) for row in propose(past, settings=SCREENED).tokens.tolist()]
    assert len(set(rows)) == SCREENED.batch
    assert not set(rows) & {seen.tokens for seen in past.observations}


@pytest.mark.parametrize(("share", "screened"), [(1.0, 5), (0.8, 4), (0.4, 2), (0.0, 0)])
def test_a_screen_takes_its_share_of_a_batch_and_the_policy_the_rest(share, screened):
    policy, weights = policy_of()
    policy.views(weights)["head_bias"][5] = [0, 0, 0, 40]  # its samples end in 3, which was told to be bad
    rewards = {row: float(sum(row[:5]) - 9 * (row[5] == 3)) for row in random_rows(90)}
    past = History(STEPS, [Observation(n, row, row, (reward,)) for n, (row, reward) in enumerate(rewards.items())])
    settings = replace(SCREENED, screened=share, explore=0.0)
    drawn = draw(policy, settings, weights, past, 0, RNG(3)).tokens
    assert (drawn[:, 5] != 3).sum() == screened


def test_a_screen_knows_what_a_worse_choice_costs():
    rows = [row for row in random_rows(200) if row[0] != 2]
    past = History(
        STEPS, [Observation(n, row, row, (float(row[0]) - 0.1 * row[5],)) for n, row in enumerate(rows[:60])]
    )
    chosen = propose(past, 0, settings=replace(SCREENED, explore=0.0)).tokens[:4]
    assert chosen[:, 0].min() >= 1
    assert chosen[:, 5].mean() < 1


def test_each_goal_is_screened_by_its_own_rewards():
    past = history(random_rows(60), goals=2)
    drawn = propose(past, 0, settings=replace(SCREENED, screened=1.0, explore=0.0), goals=2)
    first = [row[0] for row in drawn.tokens.tolist()]  # the later the row, the better for goal 0
    assert first == [2 if goal == 0 else 0 for goal in drawn.goals]


def test_a_screened_search_tries_all_of_a_small_space_and_goes_on():
    small = Steps(("a", "b", "c"), (3, 3, 2), ("x",) * 3)
    policy, weights = policy_of(steps=small)
    seen: list[Observation] = []
    for index in range(5):
        for row in draw(policy, SCREENED, weights, History(small, seen), index, RNG(index)).tokens.tolist():
            seen.append(Observation(len(seen), tuple(row), tuple(row), (float(sum(row)),)))
    assert len({one.tokens for one in seen[:20]}) == 18
    assert len(seen) == 25


@pytest.mark.parametrize(("name", "value"), [("screened", 1.2), ("screened", -0.1), ("screen", -1)])
def test_a_screen_out_of_range_is_refused(name, value):
    with pytest.raises(SearchError, match=f"controller {name} is {value}"):
        replace(SETTINGS, **{name: value})
