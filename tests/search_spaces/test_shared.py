"""One graph for all networks of a space: what each of them uses of it, and that it computes what they do alone."""

from collections import Counter

import numpy as np
import pytest

from search_spaces import SpaceChoice, SpaceError, arch_hash, cost
from search_spaces.graph import Operator
from search_spaces.shared import SharedBuilder, SharedGraph, Switch

SHAPE, CLASSES = (16, 16, 1), 10
CHOICE = SpaceChoice.of("mnasnet", {"width": 0.1, "depth": 0.2, "stem_filters": 8, "head_filters": 16})
NETWORKS = 200


@pytest.fixture(scope="module")
def graph():
    return CHOICE.shared(SHAPE, CLASSES)


@pytest.fixture(scope="module")
def arches():
    rng, space = np.random.default_rng(0), CHOICE.space(SHAPE)
    return [space.decode(space.sample(rng)) for _ in range(NETWORKS)]


def test_every_network_has_its_parameters_in_the_shared_ones(graph, arches):
    for arch in (*arches, graph.smallest, graph.largest):
        path = graph.path(arch)
        assert sum(own.params for own in path.operators.values()) == cost(arch, SHAPE, CLASSES).params
        assert [own.name for own in path.graph.operators] == [own.name for own in path.operators.values()]
        assert graph.params > cost(arch, SHAPE, CLASSES).params


def test_networks_that_differ_go_different_ways(graph, arches):
    different = {arch_hash(arch): arch for arch in arches}
    ways = [graph.path(arch) for arch in different.values()]
    sizes = [
        (tuple(way.choices.items()), tuple((name, own.output_shape) for name, own in way.operators.items()))
        for way in ways
    ]
    assert len(set(sizes)) == len(different)


@pytest.mark.parametrize("place", ["block1", "block4", "block7"])
def test_all_of_a_space_is_used_by_some_network(graph, place):
    """Networks with each operator and shortcut, with all that they may have, leave nothing of a block out."""
    space = CHOICE.space(SHAPE)
    used = set()
    for op in ("conv", "sepconv", "mbconv3", "mbconv6"):
        for skip in ("identity", "pool"):
            wish = {"op": op, "kernel": 3, "se_ratio": 0.25, "skip": skip, "filters": 1.25, "layers": 1}
            tokens = [decision.token(wish[decision.tag]) for decision in space.decisions]
            used |= graph.path(space.decode(tokens)).operators.keys()
    of_place = {name for name in graph.operators if name.startswith(place)}
    # A first layer has a shortcut only where its block can be as wide as what it reads.
    first_layer = {name for name in of_place - used if name.startswith(f"{place}.layer1.")}
    assert of_place - used == first_layer
    assert all(name.endswith(("pool", "add")) for name in first_layer)


def test_widths_and_depths_share_the_first_filters_and_layers(graph):
    largest, smallest = (graph.path(one) for one in (graph.largest, graph.smallest))
    assert len(largest.graph.operators) > len(smallest.graph.operators)
    for name, own in smallest.operators.items():
        shared = graph.operators[name]
        assert own.output_shape[2] <= shared.output_shape[2]
        assert own.input_shape[2] <= shared.input_shape[2]
    assert (
        largest.operators["block3.layer1.mbconv.expand"].params == graph.operators["block3.layer1.mbconv.expand"].params
    )


def test_expansions_share_an_expansion_and_conv_shares_nothing(graph):
    space = CHOICE.space(SHAPE)

    def uses(op):
        wish = {"op": op, "kernel": 3, "se_ratio": 0.0, "skip": "none", "filters": 1.0, "layers": 0}
        tokens = [decision.token(wish[decision.tag]) for decision in space.decisions]
        return {name for name in graph.path(space.decode(tokens)).operators if name.startswith("block")}

    assert uses("mbconv3") == uses("mbconv6")
    assert not uses("conv") & uses("sepconv")
    assert not uses("sepconv") & uses("mbconv6")


def test_a_network_of_another_space_has_no_path(graph):
    with pytest.raises(SpaceError, match="has no shared weights"):
        graph.path(CHOICE.reference("mobilenet-v3-small", SHAPE))
    wider = SpaceChoice.of("mnasnet", {"width": 0.5, "depth": 0.2, "stem_filters": 8, "head_filters": 16})
    space = wider.space(SHAPE)
    with pytest.raises(SpaceError, match="has no shared weights"):
        graph.path(space.decode(space.sample(np.random.default_rng(0))))
    with pytest.raises(SpaceError, match="cannot share weights; those of mnasnet"):
        SpaceChoice.of("nas-cnn", {}).shared(SHAPE, CLASSES)


def tiny():
    """A stem, two branches of which the second has a switch of its own, and a layer that may be left out."""
    graph = SharedBuilder({"image": (8, 8, 3)})
    stem = graph.conv("stem", "image", 4)
    left = graph.conv("left", stem, 4)
    right = graph.conv("right", stem, 4)
    squeezed = graph.switch("squeeze", right, graph.activation("gate", right, "sigmoid"))
    branch = graph.switch("branch", left, squeezed)
    layer = graph.conv("layer", branch, 4)
    last = graph.switch("depth", branch, layer)
    head = graph.conv("head", last, 2)
    return SharedGraph(
        inputs=(("image", (8, 8, 3)),),
        steps=graph.steps(head),
        outputs=(head,),
        lower=lambda arch: arch,
        owner=lambda arch, name: name,
        smallest=None,
        largest=None,
    )


def test_what_only_a_branch_needs_is_computed_in_it():
    scopes = tiny().scopes
    assert {name: scopes[name] for name in ("stem", "branch", "depth", "head")} == dict.fromkeys(
        ("stem", "branch", "depth", "head"), ()
    )
    assert scopes["left"] == (("branch", 0),)
    assert scopes["right"] == scopes["squeeze"] == (("branch", 1),)
    assert scopes["gate"] == (("branch", 1), ("squeeze", 1))
    assert scopes["layer"] == (("depth", 1),)


def test_steps_stand_behind_what_they_read(graph):
    for one in (tiny(), graph):
        seen = {name for name, _ in one.inputs}
        for step in one.steps:
            assert set(step.options if isinstance(step, Switch) else step.inputs) <= seen
            seen.add(step.name)
        assert Counter(step.name for step in one.steps).most_common(1)[0][1] == 1
        assert all(isinstance(step, Operator | Switch) for step in one.steps)


def test_a_switch_chooses_between_maps_of_one_size():
    graph = SharedBuilder({"image": (8, 8, 3)})
    graph.conv("whole", "image", 4)
    graph.conv("half", "image", 4, 1, 2)
    with pytest.raises(SpaceError, match="different sizes"):
        graph.switch("both", "whole", "half")
    assert graph.switch("one", "whole") == "whole"
