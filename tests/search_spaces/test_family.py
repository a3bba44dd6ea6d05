"""Families of this package and of others, through the one record that tells everything about them."""

import pytest

from search_spaces import (
    SpaceChoice,
    SpaceError,
    build_model,
    from_json,
    published,
    space,
    to_json,
)

SHAPE = (16, 16, 3)


def test_a_reference_of_another_family_keeps_its_own_parameters():
    narrow = SpaceChoice.of("mnasnet", {"width": 0.25})
    assert narrow.reference("toy-net", SHAPE) == published("toy-net")


def test_a_family_of_another_package_builds_a_model():
    arch = space("toy", SHAPE, factor=2).decode((1, 0, 1))
    model = build_model(arch, SHAPE, 4)
    assert [layer.name for layer in model.layers if layer.name in ("first", "pooled", "second", "swish")] == [
        "first",
        "pooled",
        "second",
        "swish",
    ]


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("toys", {}, "known: mnasnet, .*toy"),
        ("toy", {"width": 2}, "no parameter 'width'; known: factor"),
        ("toy", {"factor": 0}, "at least 1"),
        ("mnasnet", {"depth": float("nan")}, "depth must be positive"),
    ],
)
def test_what_is_no_choice_is_one_line(name, values, words):
    with pytest.raises(SpaceError, match=words) as caught:
        SpaceChoice.of(name, values)
    assert "\n" not in str(caught.value)


def test_what_is_not_an_architecture_belongs_to_no_family():
    with pytest.raises(SpaceError, match="int is not an architecture"):
        to_json(3)
    with pytest.raises(SpaceError, match='"type": "mnasnet"'):
        from_json('{"type": "no-such-net"}')
