"""Families of this package and of others, through the one record that tells everything about them."""

import numpy as np
import pytest

from search_spaces import (
    SpaceChoice,
    SpaceError,
    arch_hash,
    build_model,
    cost,
    describe,
    drawing,
    families,
    family_of,
    from_json,
    published,
    published_names,
    scale,
    space,
    to_json,
)

SHAPE = (16, 16, 3)


@pytest.fixture(params=["mnasnet", "toy"])
def choice(request):
    return SpaceChoice.of(request.param, {})


def test_every_architecture_of_a_space_goes_all_the_way(choice):
    searched, rng = choice.space(SHAPE), np.random.default_rng(0)
    for _ in range(5):
        arch = searched.decode(searched.sample(rng))
        assert family_of(arch).name == choice.name
        assert from_json(to_json(arch)) == arch
        assert searched.decode(searched.encode(arch)) == arch
        assert describe(arch)["arch_hash"] == arch_hash(arch)
        assert cost(arch, SHAPE, 4).macs > 0
        assert drawing(arch, SHAPE)


def test_published_networks_are_found_scaled_and_fitted(choice):
    for name in families()[choice.name].published:
        assert name in published_names()
        arch = choice.reference(name, SHAPE)
        assert cost(scale(arch, 2.0), SHAPE, 4).params > cost(arch, SHAPE, 4).params


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
        ("toys", {}, "known: mnasnet, toy"),
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
        from_json('{"type": "nasnet"}')
