"""Which networks a table is built from and held against."""

import numpy as np
import pytest

from mnas.latency_tables.plan import Target, cover, enumerate_networks, near_networks, random_networks
from search_spaces import arch_hash, closest, cost, published, space

SHAPE = (48, 48, 3)


@pytest.fixture(scope="module")
def target():
    return Target(space("mnasnet", SHAPE, width=0.35, depth=0.4, head_filters=64), SHAPE, 10, "int8")


@pytest.fixture(scope="module")
def listed(target):
    return enumerate_networks(target, np.random.default_rng(0))


def test_the_enumeration_misses_nothing_that_a_random_network_has(target, listed):
    known = set(listed.wanted)
    rng = np.random.default_rng(77)
    for _ in range(400):
        assert known.issuperset(target.signatures(target.space.decode(target.space.sample(rng))))


def test_few_networks_hold_all_operators(target, listed):
    chosen = cover(target, listed.arches, listed.wanted)
    assert listed.whole
    assert set(listed.wanted) == {one for arch in chosen for one in target.signatures(arch)}
    assert len(chosen) < len(listed.wanted) / 4


def test_held_out_networks_are_others(target, listed):
    known = {arch_hash(arch) for arch in cover(target, listed.arches, listed.wanted)}
    fresh = random_networks(target, 30, np.random.default_rng(1), known)
    names = {arch_hash(arch) for arch in fresh}
    assert len(names) == 30
    assert not names & known


def test_near_networks_are_mutants_of_about_the_same_cost(target):
    centre = closest(target.space, published("mnasnet-a1"))
    near = near_networks(target, centre, 10, np.random.default_rng(2), {arch_hash(centre)})
    macs = cost(centre, SHAPE, 10).macs
    assert len({arch_hash(arch) for arch in near}) == 10
    for arch in near:
        assert abs(cost(arch, SHAPE, 10).macs / macs - 1) < 0.15
        changed = sum(a != b for a, b in zip(target.space.encode(arch), target.space.encode(centre), strict=True))
        assert 1 <= changed <= 12


def test_the_centre_takes_over_what_the_space_can_spell():
    full = Target(space("mnasnet"), (224, 224, 3), 1000, "int8")
    wish = published("mnasnet-a1")
    centre = closest(full.space, wish)
    full.space.encode(centre)
    assert [block.kernel for block in centre.blocks] == [block.kernel for block in wish.blocks]
    assert [block.se_ratio for block in centre.blocks] == [block.se_ratio for block in wish.blocks]
    assert sum(a.filters == b.filters for a, b in zip(centre.blocks, wish.blocks, strict=True)) >= 6


def test_a_space_with_too_many_operators_gives_those_of_its_first_networks():
    """Any sum of filters may enter a layer that reads any of those before it."""
    target = Target(space("nas-cnn", SHAPE, layers=8), SHAPE, 10, "int8")
    listed = enumerate_networks(target, np.random.default_rng(0))
    assert not listed.whole
    assert 700 < len(listed.wanted) <= 1000
    assert {one for arch in listed.arches for one in target.signatures(arch)} == set(listed.wanted)


@pytest.mark.parametrize("name", ["nasnet", "pnas", "enas-micro"])
def test_a_space_of_cells_has_few_operators(name):
    """They depend on the place and the operator, not on what is joined to what."""
    target = Target(space(name, SHAPE, blocks=2), SHAPE, 10, "int8")
    seen, rng = [set(), set()], np.random.default_rng(0)
    for number in range(600):
        seen[number // 300].update(target.signatures(target.space.decode(target.space.sample(rng))))
    assert len(seen[1] - seen[0]) < 0.05 * len(seen[0])
