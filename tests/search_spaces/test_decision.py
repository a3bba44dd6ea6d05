import numpy as np
import pytest

from search_spaces import Decision, Space, SpaceError


def pair_space() -> Space[tuple]:
    decisions = (Decision("a", ("x", "y"), "letter"), Decision("b", (1, 2, 3), "number"))
    return Space("pair", decisions, lambda choices: choices, lambda arch: arch)


def test_sizes_and_cardinality() -> None:
    assert pair_space().sizes == (2, 3)
    assert pair_space().cardinality == 6


def test_sample_reaches_every_point_and_repeats_with_its_seed() -> None:
    space = pair_space()
    rng = np.random.default_rng(0)
    assert len({space.sample(rng) for _ in range(200)}) == 6
    assert space.sample(np.random.default_rng(7)) == space.sample(np.random.default_rng(7))


def test_tokens_choices_and_values_agree() -> None:
    space = pair_space()
    assert space.choices((1, 2)) == ("y", 3)
    assert space.tokens({"b": 3, "a": "y"}) == (1, 2)
    assert space.encode(space.decode((0, 1))) == (0, 1)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [((0,), "takes 2 tokens"), ((0, 3), "token 3 is not in 0..2"), ((-1, 0), "token -1")],
)
def test_impossible_tokens_are_refused(tokens: tuple[int, ...], words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        pair_space().decode(tokens)


def test_missing_and_unknown_values_are_named() -> None:
    with pytest.raises(SpaceError, match="no value for b"):
        pair_space().tokens({"a": "x"})
    with pytest.raises(SpaceError, match="no choice 4"):
        pair_space().tokens({"a": "x", "b": 4})


@pytest.mark.parametrize(
    ("choices", "points_to", "words"),
    [
        ((0, 1), ("a", "b", "c"), "points to 3 decisions but has only 2 choices"),
        ((0, 1), ("a", "a"), "points to a decision twice"),
    ],
)
def test_a_decision_points_to_different_ones_with_a_choice_for_each(
    choices: tuple[int, ...], points_to: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SpaceError, match=words):
        Decision("d", choices, "d", points_to)


@pytest.mark.parametrize("name", ["b", "later", "nowhere"])
def test_decisions_point_to_earlier_ones_only(name: str) -> None:
    decisions = (Decision("a", (0, 1), "x"), Decision("b", (0, 1), "x", (name,)), Decision("later", (0, 1), "x"))
    with pytest.raises(SpaceError, match=f"'b' points to '{name}', which is not an earlier decision"):
        Space("odd", decisions, lambda choices: choices, lambda arch: arch)


@pytest.mark.parametrize("choices", [(), (1, 1)])
def test_a_decision_needs_different_choices(choices: tuple[int, ...]) -> None:
    with pytest.raises(SpaceError):
        Decision("a", choices, "a")
