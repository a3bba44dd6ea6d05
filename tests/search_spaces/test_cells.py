"""Networks of cells: published counts, symmetries and cardinalities, what spaces read and write."""

import json
import math
import random

import numpy as np
import pytest

from search_spaces import SpaceError, arch_hash, canonical, cost, from_json, lower, operators, published, scale, space
from search_spaces.cells.architecture import NasnetArch, PnasArch
from search_spaces.cells.genotype import Block, Cell, Edge, canonical_cell, loose_ends
from search_spaces.cells.lowering import features
from search_spaces.cells.operators import MENU
from search_spaces.cells.published import AMOEBANET_A, NASNET_A, PNASNET_5
from search_spaces.cells.skeleton import places

# Trainable parameters and multiply-adds of convolutions and fully connected layers, computed from the published code.
COUNTS = {
    "nasnet-a-mobile": (224, 1000, 5_289_978, 563_638_816),
    "nasnet-a-large": (331, 1000, 88_753_150, 23_783_414_658),
    "nasnet-a-cifar": (32, 10, 3_346_538, 544_333_312),
    "amoebanet-a": (331, 1000, 86_718_797, 23_065_865_084),
    "amoebanet-a-mobile": (224, 1000, 5_086_930, 552_580_596),
    "pnasnet-5-mobile": (224, 1000, 5_064_487, 587_293_200),
    "pnasnet-5-large": (331, 1000, 86_057_668, 24_937_395_792),
    "pnasnet-5-cifar": (32, 10, 3_189_082, 574_891_392),
    "enas-micro": (32, 10, 3_894_372, 620_907_552),
    "darts-v2": (32, 10, 3_349_342, None),
}
CONVOLUTIONS = {"conv", "depthwise", "dense"}


@pytest.mark.parametrize("name", COUNTS)
def test_published_networks_have_their_published_counts(name):
    size, classes, params, macs = COUNTS[name]
    shape = (size, size, 3)
    found = cost(published(name), shape, classes)
    assert found.params == params
    counted = sum(one.macs for one in operators(published(name), shape, classes) if one.kind in CONVOLUTIONS)
    assert macs in (None, counted)


@pytest.mark.parametrize("name", ["nasnet-a-cifar", "pnasnet-5-cifar", "enas-micro"])
def test_the_keras_model_holds_what_is_counted(name):
    from search_spaces import build_model

    model = build_model(published(name), (32, 32, 3), 10, dropout=0.0)
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == COUNTS[name][2]


def test_the_child_of_pnas_has_its_published_size():
    assert cost(PnasArch(PNASNET_5, None, 6, 24), (32, 32, 3), 10).params == 559_090


@pytest.mark.parametrize(
    ("name", "size", "shapes"),
    [
        ("nasnet-a-cifar", 32, [(32, 32, 192)] * 6 + [(16, 16, 256)] + [(16, 16, 384)] * 6 + [(8, 8, 512)]),
        ("nasnet-a-mobile", 224, [(56, 56, 44), (28, 28, 88), *[(28, 28, 264)] * 4, (14, 14, 352)]),
        ("nasnet-a-large", 331, [(83, 83, 168), (42, 42, 336), *[(42, 42, 1008)] * 6, (21, 21, 1344)]),
        ("pnasnet-5-mobile", 224, [(56, 56, 65), (28, 28, 135), *[(28, 28, 270)] * 3, (14, 14, 540)]),
        ("enas-micro", 32, [(32, 32, 180)] * 5 + [(16, 16, 288)] + [(16, 16, 360)] * 5 + [(8, 8, 576)]),
    ],
)
def test_maps_have_the_published_shapes(name, size, shapes):
    made = features(published(name), (size, size, 3))
    assert [made.graph.shape(output) for output in made.outputs[1 : len(shapes) + 1]] == shapes


def test_cardinalities_are_those_of_the_papers():
    assert space("nasnet").cardinality == (518_400 * 338**5) ** 2
    assert space("enas-micro").cardinality == ((2 * 3 * 4 * 5 * 6) ** 2 * 5**10) ** 2
    assert space("pnas", blocks=5).sizes[-4:] == (6, 6, 8, 8)


def _all_cells(grown):
    [ops] = {decision.choices for decision in grown.decisions if decision.tag == "op"}
    for one in range(2):
        for other in range(2):
            for left in range(len(ops)):
                for right in range(len(ops)):
                    yield one, other, left, right


def test_the_first_level_of_pnas_has_136_networks_of_256():
    grown = space("pnas", (16, 16, 3))
    spelled = list(_all_cells(grown))
    assert len(spelled) == 256
    assert len({grown.canonical(tokens) for tokens in spelled}) == 136
    assert len({arch_hash(grown.decode(tokens)) for tokens in spelled}) == 136


@pytest.mark.parametrize(("blocks", "pairs"), [(2, 300), (3, 528), (4, 820), (5, 1176)])
def test_each_block_of_pnas_has_as_many_pairs_as_published(blocks, pairs):
    earlier = tuple(Block(Edge(number, "sep3"), Edge(number, "sep3")) for number in range(1, blocks))
    edges = [Edge(state, op) for state in range(blocks + 1) for op in space("pnas").decisions[2].choices]
    found = set()
    for left in edges:
        for right in edges:
            inside = (*earlier, Block(left, right))
            found.add(canonical_cell(Cell(inside, loose_ends(inside))))
    assert len(found) == pairs


def _respelled(cell, rng):
    """Another spelling of a cell: blocks in another order that still works, sides exchanged."""
    order, left = [], list(range(len(cell.blocks)))
    while left:
        ready = [old for old in left if all(edge.state < 2 or edge.state - 2 in order for edge in cell.blocks[old][:2])]
        order.append(rng.choice(ready))
        left.remove(order[-1])
    number = {0: 0, 1: 1} | {old + 2: new + 2 for new, old in enumerate(order)}
    blocks = []
    for old in order:
        sides = [Edge(number[edge.state], edge.op) for edge in cell.blocks[old][:2]]
        rng.shuffle(sides)
        blocks.append(Block(*sides, cell.blocks[old].combine))
    return Cell(tuple(blocks), tuple(sorted(number[state] for state in cell.output)))


@pytest.mark.parametrize("seed", range(20))
def test_every_spelling_of_a_cell_has_one_canonical_form(seed):
    rng = random.Random(seed)
    cell = space("nasnet", (16, 16, 3), ops="identity sep3 max3").decode(
        [rng.randrange(size) for size in space("nasnet", (16, 16, 3), ops="identity sep3 max3").sizes]
    )
    for _ in range(10):
        assert canonical_cell(_respelled(cell.normal, rng)) == canonical_cell(cell.normal)


def test_cells_that_compute_something_else_stay_apart():
    def of(text, output):
        words = [block.split() for block in text.split(",")]
        return canonical_cell(Cell(tuple(Block(Edge(int(a), b), Edge(int(c), d)) for a, b, c, d in words), output))

    chain = of("0 sep3 1 sep3, 2 max3 0 sep3", (3,))
    assert chain != of("0 sep3 1 sep3, 2 max3 1 sep3", (3,))
    assert chain != of("0 sep3 1 sep3, 2 max3 0 sep3", (2, 3))
    assert chain != of("1 sep3 1 sep3, 2 max3 0 sep3", (3,))
    assert chain == of("1 sep3 0 sep3, 0 sep3 2 max3", (3,))


def test_two_spellings_are_one_list_of_operators():
    rng = random.Random(0)
    normal, reduction = (_respelled(cell, rng) for cell in AMOEBANET_A)
    one, other = NasnetArch(*AMOEBANET_A, 3, 8), NasnetArch(normal, reduction, 3, 8)
    assert one != other
    assert canonical(one) == canonical(other)
    assert arch_hash(one) == arch_hash(other)
    assert operators(one, (16, 16, 3), 10) == operators(other, (16, 16, 3), 10)


def test_a_reduction_that_nothing_reads_has_one_spelling():
    """The normal cell reads only what is two cells back, so the reduction's inside does not matter."""
    older = Cell((Block(Edge(1, "sep3"), Edge(1, "max3")),), (2,))
    kept = [NasnetArch(older, cell, 3, 8) for cell in NASNET_A]
    assert len({arch_hash(one) for one in kept}) == 1
    newer = Cell((Block(Edge(0, "sep3"), Edge(1, "max3")),), (2,))
    assert len({arch_hash(NasnetArch(newer, cell, 3, 8)) for cell in NASNET_A}) == 2


@pytest.mark.parametrize("op", MENU)
@pytest.mark.parametrize("stride", [1, 2])
def test_every_operator_makes_maps_of_the_filters_and_stride(op, stride):
    cell = Cell((Block(Edge(0, op), Edge(1, op)),), (2,))
    arch = NasnetArch(cell, cell, 3, 6)
    made = features(arch, (9, 7, 3))
    [shape] = {made.graph.shape(made.outputs[number]) for number in ([1] if stride == 1 else [2])}
    assert shape == ((9, 7, 6) if stride == 1 else (5, 4, 12))


def test_strides_are_where_the_input_of_a_reduction_is_read():
    made = lower(published("nasnet-a-cifar"), (32, 32, 3), 10)
    strided = [one for one in made.operators if one.strides != (1, 1) and one.kind != "slice"]
    assert {one.name.split(".")[0] for one in strided} == {"reduction1", "reduction2"}


def test_an_average_pool_of_the_edge_leaves_the_margin_out():
    """As TensorFlow computes it: a constant map stays constant."""
    from search_spaces import GraphBuilder, build_graph

    builder = GraphBuilder({"image": (5, 5, 1)})
    builder.pool("pool", "image", "average_pool", 3)
    made = build_graph(builder.graph("pool"))(np.ones((1, 5, 5, 1), np.float32))
    np.testing.assert_allclose(made, 1.0, atol=1e-6)


@pytest.mark.parametrize(("name", "width", "depth"), [("nasnet-a-mobile", 0.5, 0.5), ("pnasnet-5-cifar", 0.25, 2.0)])
def test_scaling_keeps_the_cells(name, width, depth):
    arch = published(name)
    found = scale(arch, width, depth)
    assert (found.normal, found.reduction) == (arch.normal, arch.reduction)
    assert found.filters == round(arch.filters * width)
    assert found.cells == round(arch.cells * depth)


def test_reductions_stand_where_the_papers_have_them():
    beside = [place.name for place in places(published("nasnet-a-cifar"))]
    assert (beside.index("reduction1"), beside.index("reduction2"), len(beside)) == (6, 13, 20)
    among = [place.stride for place in places(published("pnasnet-5-cifar"))]
    assert [number for number, stride in enumerate(among) if stride == 2] == [3, 6]
    assert len(among) == 9
    enas = [place.stride for place in places(published("enas-micro"))]
    assert [number for number, stride in enumerate(enas) if stride == 2] == [5, 11]


def test_the_published_configurations_differ_in_what_is_read_behind_a_reduction():
    mobile, large = (places(published(f"nasnet-a-{size}")) for size in ("mobile", "large"))
    behind = [place.name for place in mobile].index("reduction1") + 1
    assert mobile[behind].previous == behind - 1
    behind = [place.name for place in large].index("reduction1") + 1
    assert large[behind].previous == behind - 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": 2}, "has from 3 to 300 cells"),
        ({"filters": 0}, "from 1 to 8192 filters"),
        ({"strided_stem": -1}, "filters of a strided stem"),
        ({"normal": {"blocks": [[0, "sep4", 1, "sep3"]], "output": [2]}}, "unknown operator 'sep4'"),
        ({"normal": {"blocks": [[2, "sep3", 1, "sep3"]], "output": [2]}}, "reads state 2"),
        ({"normal": {"blocks": [[0, "sep3", 1, "sep3"]], "output": [1]}}, "nothing reads state 2"),
        ({"normal": {"blocks": [[0, "sep3", 1, "sep3", "max"]], "output": [2]}}, "by add or concat, not 'max'"),
        ({"normal": {"blocks": [], "output": [0]}}, "from 1 to 8 blocks, not 0"),
        ({"normal": 3}, "not an architecture"),
        ({"cells": True}, "not a whole number"),
        ({"skips_reduction": 1}, "neither true nor false"),
        ({"colour": 1}, "unknown key 'colour'"),
    ],
)
def test_json_that_is_not_a_network_is_one_line(change, words):
    cell = {"blocks": [[0, "sep3", 1, "identity"]], "output": [2]}
    whole = {
        "type": "nasnet",
        "normal": cell,
        "reduction": cell,
        "cells": 3,
        "filters": 4,
        "strided_stem": 0,
        "skips_reduction": False,
    }
    assert from_json(json.dumps(whole)).filters == 4
    with pytest.raises(SpaceError, match=words) as caught:
        from_json(json.dumps({**whole, **change}))
    assert "\n" not in str(caught.value)
