"""Layered networks: published counts, what layers read and how it is joined, cardinalities, text, sizes."""

import json
import math

import numpy as np
import pytest
import tf_keras

from search_spaces import (
    SpaceError,
    arch_hash,
    build_model,
    canonical,
    cost,
    from_json,
    from_notation,
    lower,
    operators,
    published,
    scale,
    space,
)
from search_spaces.catalog import family_of
from search_spaces.layered.enas_macro import MacroArch, MacroLayer
from search_spaces.layered.nas_cnn import ConvLayer, NasCnnArch

CIFAR = (32, 32, 3)
# Trainable parameters and multiply-adds of convolutions and fully connected layers, computed from the published code.
COUNTS = {
    "nas-cnn-v1": (4_120_990, 4_218_089_952),
    "enas-macro": (42_559_392, 5_646_094_080),
    "enas-macro-separable": (30_947_424, None),
}


def shapes(arch, shape=CIFAR):
    return {operator.name: operator.output_shape for operator in lower(arch, shape, 10).operators}


def held(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", COUNTS)
def test_published_networks_have_their_published_counts(name):
    params, macs = COUNTS[name]
    assert cost(published(name), CIFAR, 10).params == params
    kinds = {"conv", "depthwise", "dense"}
    assert macs in (None, sum(one.macs for one in operators(published(name), CIFAR, 10) if one.kind in kinds))


@pytest.mark.parametrize("name", COUNTS)
def test_the_keras_model_holds_what_is_counted(name):
    assert held(build_model(published(name), CIFAR, 10, dropout=0.0)) == COUNTS[name][0]


def test_a_network_small_enough_to_count_by_hand():
    arch = NasCnnArch((ConvLayer(3, 1, 4), ConvLayer(1, 5, 2, (0,)), ConvLayer(3, 3, 5, (0, 1))))
    convolutions = 3 * 1 * 3 * 4 + 1 * 5 * 4 * 2 + 3 * 3 * (4 + 2) * 5
    assert cost(arch, CIFAR, 10).params == convolutions + 2 * (4 + 2 + 5) + 5 * 10 + 10
    macro = MacroArch((MacroLayer("max3"), MacroLayer("sep5"), MacroLayer("conv3", (0, 1))), 2)
    first = 2 * 2 + 2 * 2
    halved_once, halved_twice = 2 * 4 + 2 * 4, 4 * 8 + 2 * 8
    second = (4 * 4 + 2 * 4) + (25 * 4 + 4 * 4 + 2 * 4) + (4 * 4 + 2 * 4)
    third = (8 * 8 + 2 * 8) + (9 * 8 * 8 + 2 * 8) + (3 * 8 * 8 + 2 * 8)
    stem = 9 * 3 * 2 + 2 * 2
    joined = 2 * halved_once + 3 * halved_twice
    assert cost(macro, CIFAR, 10).params == stem + first + second + third + joined + 8 * 10


class TestNasCnn:
    def test_smaller_maps_are_joined_with_zeros_at_the_bottom_and_on_the_right(self):
        arch = NasCnnArch((ConvLayer(1, 1, 1), ConvLayer(1, 1, 1, (0,), 2, 2), ConvLayer(1, 1, 2, (0, 1))))
        model = build_model(arch, (4, 4, 1), 2, dropout=0.0, seed=1)
        joined = tf_keras.Model(model.input, model.get_layer("layer2.join").output)
        images = np.random.default_rng(0).uniform(0.5, 1, (1, 4, 4, 1)).astype("float32")
        for layer in model.layers:
            if layer.name.startswith("layer") and "kernel" in "".join(one.name for one in layer.weights):
                layer.set_weights([np.ones_like(one) for one in layer.get_weights()])
        maps = joined(images, training=False).numpy()[0]
        assert maps.shape == (4, 4, 2)
        assert np.all(maps[..., 0] > 0)
        assert np.all(maps[:2, :2, 1] > 0)
        assert not maps[2:, :, 1].any()
        assert not maps[:, 2:, 1].any()

    def test_a_layer_that_reads_none_reads_the_image(self):
        graph = lower(NasCnnArch((ConvLayer(3, 3, 4), ConvLayer(3, 3, 8), ConvLayer(1, 1, 2, (0, 1)))), CIFAR, 10)
        by_name = {operator.name: operator for operator in graph.operators}
        assert by_name["layer0"].inputs == by_name["layer1"].inputs == (graph.inputs[0][0],)
        assert by_name["layer2.join"].output_shape == (32, 32, 12)

    def test_loose_ends_go_to_the_head(self):
        arch = NasCnnArch((ConvLayer(1, 1, 4), ConvLayer(1, 1, 5), ConvLayer(1, 1, 6, (1,))))
        assert arch.unread == (0, 2)
        assert shapes(arch)["end.join"] == (32, 32, 10)

    def test_a_pool_halves_all_that_is_read_later(self):
        arch = NasCnnArch((ConvLayer(1, 1, 4), ConvLayer(1, 1, 4), ConvLayer(1, 1, 4, (0, 1))), pools=(1,))
        found = shapes(arch)
        assert found["layer0"] == (32, 32, 4)
        assert found["layer1"] == (16, 16, 4), "the image is halved, too"
        assert found["layer2.join"] == (16, 16, 8)

    @pytest.mark.parametrize("layers", [1, 3, 15])
    def test_64_layers_a_place_and_a_bit_for_each_pair(self, layers):
        found = space("nas-cnn", CIFAR, layers=layers)
        assert math.prod(found.sizes) == 64**layers * 2 ** (layers * (layers - 1) // 2)
        strided = space("nas-cnn", CIFAR, layers=layers, strides=True)
        assert math.prod(strided.sizes) == 9**layers * math.prod(found.sizes)

    def test_the_published_network_is_a_point_of_the_space_of_15_layers(self):
        found = space("nas-cnn", CIFAR, layers=15)
        assert found.decode(found.encode(published("nas-cnn-v1"))) == published("nas-cnn-v1")
        with pytest.raises(SpaceError, match="number of layers or the pools are not those"):
            space("nas-cnn", CIFAR, layers=8).encode(published("nas-cnn-v1"))

    def test_pools_are_spread_evenly(self):
        found = space("nas-cnn", CIFAR, layers=9, pools=2)
        assert found.decode([0] * len(found.sizes)).pools == (3, 6)


class TestMacro:
    def test_six_operators_a_place_and_a_bit_for_each_pair(self):
        assert math.prod(space("enas-macro", CIFAR).sizes) == 6**12 * 2**66

    def test_bit_0_is_the_stem(self):
        arch = MacroArch((MacroLayer("conv3"), MacroLayer("conv3", (0,)), MacroLayer("conv3")), 4)
        joined = next(one for one in lower(arch, CIFAR, 10).operators if one.name == "layer1.join")
        assert joined.inputs[0].startswith("half0.0."), "the stem, halved behind the first third"

    def test_the_first_layer_is_its_operator_alone(self):
        first = [one for one in shapes(MacroArch((MacroLayer("max3"),) * 3, 4)) if one.startswith("layer0")]
        assert "layer0.max3" in first
        assert "layer0" not in first

    def test_halvings_stand_behind_the_thirds_and_double_the_filters(self):
        arch = space("enas-macro", CIFAR, layers=12, filters=8).decode([0] * 78)
        assert arch.halvings == (3, 7)
        found = shapes(arch)
        assert [found[f"layer{number}"] for number in (3, 4, 7, 8, 11)] == [
            (32, 32, 8),
            (16, 16, 16),
            (16, 16, 16),
            (8, 8, 32),
            (8, 8, 32),
        ]

    def test_the_published_network_is_a_point_of_the_space_of_24_layers(self):
        found = space("enas-macro", CIFAR, layers=24, filters=96)
        arch = published("enas-macro-separable")
        assert found.decode(found.encode(arch)) == arch

    def test_as_coded_a_separable_operator_is_a_full_convolution(self):
        layers = (MacroLayer("sep3"), MacroLayer("sep5", (0,)), MacroLayer("avg3"))
        coded = MacroArch(layers, 8, separable=False)
        full = MacroArch((MacroLayer("conv3"), MacroLayer("conv5", (0,)), MacroLayer("avg3")), 8)
        assert canonical(coded) == canonical(full)
        assert arch_hash(coded) == arch_hash(full)
        assert cost(coded, CIFAR, 10) == cost(full, CIFAR, 10)
        assert cost(coded, CIFAR, 10).params > cost(MacroArch(layers, 8), CIFAR, 10).params

    def test_a_space_of_full_convolutions_has_no_separable_network(self):
        with pytest.raises(SpaceError, match="are not separable"):
            space("enas-macro", CIFAR, layers=3, filters=8, separable=False).encode(
                MacroArch((MacroLayer("sep3"),) * 3, 8)
            )


@pytest.mark.parametrize("name", COUNTS)
def test_a_network_comes_back_from_its_notation_and_its_json(name):
    arch = published(name)
    text = "\n".join(family_of(arch).lines(arch))
    assert canonical(from_notation(text)) == canonical(arch)
    assert canonical(from_notation(" ".join(text.split()))) == canonical(arch)
    assert from_json(json.dumps({"type": family_of(arch).name} | family_of(arch).to_dict(arch))) == arch


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nas-cnn 3x3", "a layer is a kernel, filters and bits"),
        ("nas-cnn 3x3 8 3x3 8", "layer 1 has a bit for each of 1"),
        ("nas-cnn 3x3 8 3x3 8 2", "layer 1 has a bit for each of 1"),
        ("nas-cnn 3x3 0", "filters is from 1 to"),
        ("nas-cnn 16x3 8", "height is from 1 to 15"),
        ("nas-cnn 3x3/5x1 8", "stride_height is from 1 to 4"),
        ("nas-cnn pools 1 3x3 8", "pools stand behind the layers"),
        ("nas-cnn pools 2 1 3x3 8 3x3 8 0 3x3 8 0 0", "each once, not"),
        ("nas-cnn", "a network of layers has from 1"),
        ("enas-macro", "expected `enas-macro filters"),
        ("enas-macro filters 8 0 1", "layer 1 has a bit for each of 1"),
        ("enas-macro filters 8 0 0 0", "from 3 to 100 layers, not 2"),
        ("enas-macro filters 8 6", "operator 6; they are numbered 0 to 5"),
        ("enas-macro filters 0 0 0 0 0 0 0", "from 1 to 8192 filters"),
        ("enas-macro filters 8 wide 0", "expected `enas-macro filters"),
    ],
)
def test_a_mistake_in_the_notation_is_told_in_one_line(text, said):
    with pytest.raises(SpaceError, match=said) as caught:
        from_notation(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        {"type": "nas-cnn", "layers": [], "pools": []},
        {"type": "nas-cnn", "layers": [{"height": 3}], "pools": []},
        {"type": "nas-cnn", "layers": 3, "pools": []},
        {"type": "enas-macro", "layers": [{"op": "conv3", "skips": []}] * 3, "filters": 8, "separable": 1},
        {"type": "enas-macro", "layers": [{"op": "conv9", "skips": []}] * 3, "filters": 8, "separable": True},
        {"type": "enas-macro", "layers": [{"op": "conv3", "skips": [0]}] * 3, "filters": 8, "separable": True},
        {"type": "enas-macro", "layers": [["conv3", []]] * 3, "filters": 8, "separable": True},
        {"type": "enas-macro", "layers": [], "filters": 8, "separable": True, "pools": []},
    ],
)
def test_json_that_is_no_network_is_refused_in_one_line(data):
    with pytest.raises(SpaceError) as caught:
        from_json(json.dumps(data))
    assert "\n" not in str(caught.value)


def test_a_wider_and_deeper_network_keeps_what_its_layers_read():
    arch = published("nas-cnn-v1")
    larger = scale(arch, width=2.0, depth=1.2)
    assert len(larger.layers) == 18
    assert [layer.reads for layer in larger.layers[:15]] == [layer.reads for layer in arch.layers]
    assert [layer.reads for layer in larger.layers[15:]] == [(14,), (15,), (16,)]
    assert larger.layers[0].filters == 72
    macro = scale(published("enas-macro-separable"), width=0.25, depth=0.5)
    assert (len(macro.layers), macro.filters) == (12, 24)
    assert macro.layers == published("enas-macro-separable").layers[:12]
