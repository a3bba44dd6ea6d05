"""What an int8 file holds in one step because it joins maps."""

from search_spaces import GraphBuilder
from search_spaces.joins import joins_of


def _graph():
    return GraphBuilder({"image": (8, 8, 4)})


def _members(builder, *outputs):
    found = joins_of(builder.graph(*outputs).operators)
    groups = {}
    for name, group in found.members.items():
        groups.setdefault(group, set()).add(name)
    return sorted(map(sorted, groups.values())), found.converted


def test_what_is_joined_directly_or_through_pools_is_one_set():
    builder = _graph()
    one, other = builder.conv("one", "image", 4), builder.conv("other", "image", 4)
    pooled = builder.pool("pooled", builder.pool("twice", one, "max_pool", 3), "average_pool", 3)
    joined = builder.concat("joined", pooled, other)
    builder.pool("behind", joined, "max_pool", 3)
    assert _members(builder, "behind") == (
        [["behind", "joined", "one", "other", "pooled", "twice"]],
        frozenset(),
    )


def test_concatenations_of_one_map_are_one_set():
    builder = _graph()
    names = [builder.conv(name, "image", 4) for name in ("first", "second", "third")]
    left, right = builder.concat("left", *names[:2]), builder.concat("right", *names[1:])
    assert _members(builder, left, right)[0] == [["first", "left", "right", "second", "third"]]


def test_an_operator_that_can_change_the_step_parts_sets():
    builder = _graph()
    one, other = builder.conv("one", "image", 4), builder.conv("other", "image", 4)
    joined = builder.concat("joined", one, other)
    again = builder.concat("again", builder.activation("relu", joined, "relu"), builder.conv("third", joined, 4))
    assert _members(builder, again)[0] == [["again", "relu", "third"], ["joined", "one", "other"]]


def test_inputs_and_results_of_sigmoids_are_converted():
    builder = _graph()
    conv = builder.conv("conv", "image", 4)
    pooled = builder.pool("pooled", builder.activation("sigmoid", conv, "sigmoid"), "max_pool", 3)
    joined = builder.concat("joined", conv, pooled, "image")
    groups, converted = _members(builder, joined)
    assert groups == [["conv", "joined"]]
    assert converted == {("joined", "pooled"), ("joined", "image")}


def test_without_a_concatenation_nothing_is_joined():
    builder = _graph()
    builder.pool("pooled", builder.conv("conv", "image", 4), "max_pool", 3)
    assert _members(builder, "pooled") == ([], frozenset())
