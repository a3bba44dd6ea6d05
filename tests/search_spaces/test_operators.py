"""Counts against the published models (facts computed from the reference definitions) and against Keras."""

import numpy as np
import pytest

from search_spaces import Cost, SpaceError, cost, operators, published, scale, space
from search_spaces.graph import IMAGE
from search_spaces.mnasnet.published import PUBLISHED

IMAGENET = (224, 224, 3)
COUNTS = {
    "efficientnet-lite0": Cost(4_652_008, 385_187_552),
    "fbnet-c": Cost(5_570_664, 378_136_224),
    "mnasnet-a1": Cost(3_887_038, 311_579_072),
    "mnasnet-b1": Cost(4_383_312, 314_415_872),
    "mnasnet-small": Cost(2_030_264, 68_339_184),
    "mobilenet-v2": Cost(3_504_872, 300_774_272),
    "mobilenet-v2-1.3": Cost(5_386_792, 509_374_560),
    "mobilenet-v2-1.4": Cost(6_108_776, 582_195_824),
    "mobilenet-v3-large": Cost(5_483_032, 216_589_760),
    "mobilenet-v3-small": Cost(2_542_856, 56_510_400),
    "proxylessnas-mobile": Cost(4_080_512, 320_427_584),
}
A1_PARAMS_BY_WIDTH = {0.35: 1_747_018, 0.5: 2_082_006, 0.75: 2_912_278, 1.0: 3_887_038, 1.4: 6_105_992}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name: str) -> None:
    assert cost(published(name), IMAGENET, 1000) == COUNTS[name]


@pytest.mark.parametrize("width", A1_PARAMS_BY_WIDTH)
def test_params_of_the_widths_of_a1(width: float) -> None:
    assert cost(scale(published("mnasnet-a1"), width), IMAGENET, 1000).params == A1_PARAMS_BY_WIDTH[width]


def test_operators_read_only_what_stands_before_them_and_shapes_chain() -> None:
    searched, rng = space("mnasnet", (64, 48, 3)), np.random.default_rng(0)
    for _ in range(30):
        shapes = {IMAGE: (64, 48, 3)}
        for operator in operators(searched.decode(searched.sample(rng)), (64, 48, 3), 7):
            assert operator.name not in shapes
            assert shapes[operator.inputs[0]] == operator.input_shape
            if operator.kind == "add":
                assert shapes[operator.inputs[1]] == operator.input_shape
            if operator.kind == "multiply":
                assert shapes[operator.inputs[1]] == (1, 1, operator.input_shape[2])
            shapes[operator.name] = operator.output_shape
        assert shapes["softmax"] == (1, 1, 7)


def test_squeeze_and_excitation_width_follows_the_input_filters_of_the_layer() -> None:
    widths = {
        operator.name: operator.output_shape[2]
        for operator in operators(published("mnasnet-a1"), IMAGENET, 1000)
        if operator.name.endswith("se.reduce")
    }
    assert widths["block3.layer1.se.reduce"] == 6
    assert widths["block3.layer2.se.reduce"] == 10


def test_no_classes_is_refused() -> None:
    with pytest.raises(SpaceError, match="at least one class"):
        operators(published("mnasnet-a1"), IMAGENET, 0)
