"""Published net definitions, in the words of the latency tables they were published with."""

import pytest

from search_spaces import SpaceError, published
from search_spaces.mnasnet.architecture import skip_acts
from search_spaces.mnasnet.block_keys import proxyless_keys
from search_spaces.mnasnet.net_config import definition_keys

IDENTITY = {"name": "IdentityLayer"}


def layer(name, out_channels, **more):
    return {"name": name, "out_channels": out_channels, **more}


def proxyless(arch, classes=1000):
    """A definition of `arch`, with an empty block behind every layer, as ProxylessNAS lists skipped ones."""
    blocks, channels = [], arch.stem_filters
    for block in arch.blocks:
        for index in range(block.layers):
            stride = block.stride if index == 0 else 1
            words = {"kernel_size": block.kernel, "stride": stride, "expand_ratio": block.expansion}
            blocks += [
                {
                    "name": "MobileInvertedResidualBlock",
                    "mobile_inverted_conv": layer("MBInvertedConvLayer", block.filters, **words),
                    "shortcut": IDENTITY if skip_acts(block.skip, stride, channels, block.filters) else None,
                },
                {"mobile_inverted_conv": {"name": "ZeroLayer", "stride": 1}, "shortcut": IDENTITY},
            ]
            channels = block.filters
    return {
        "name": "ProxylessNASNets",
        "first_conv": layer("ConvLayer", arch.stem_filters, stride=arch.stem_stride),
        "blocks": blocks,
        "feature_mix_layer": layer("ConvLayer", arch.head_filters),
        "classifier": {"name": "LinearLayer", "out_features": classes},
    }


@pytest.mark.parametrize("name", ["mnasnet-b1", "mobilenet-v2", "proxylessnas-mobile"])
@pytest.mark.parametrize("image_size", [224, 160])
def test_a_definition_has_the_keys_of_its_architecture(name, image_size):
    arch = published(name)
    keys = definition_keys(proxyless(arch, 10), image_size, "proxyless")
    assert keys == proxyless_keys(arch, (image_size, image_size, 3), 10)


def ofa(**words):
    inverted = {"name": "MBConvLayer", "out_channels": 24, "mid_channels": 72, "kernel_size": 5, "stride": 2, **words}
    return {
        "name": "MobileNetV3",
        "first_conv": layer("ConvLayer", 16, stride=2),
        "blocks": [{"name": "ResidualBlock", "conv": inverted, "shortcut": None}],
        "final_expand_layer": layer("ConvLayer", 96),
        "feature_mix_layer": layer("ConvLayer", 128),
        "classifier": {"name": "LinearLayer", "out_features": 7},
    }


def test_once_for_all_tells_inner_filters_gates_and_activations():
    assert definition_keys(ofa(use_se=True, act_func="h_swish"), 32, "ofa") == (
        "Conv-input:32x32x3-output:16x16x16",
        "expanded_conv-input:16x16x16-output:8x8x24-expand:72-kernel:5-stride:2-idskip:0-se:1-hs:1",
        "Conv_1-input:8x8x24-output:8x8x96",
        "AvgPool2D-input:8x8x96-output:1x1x96",
        "Conv_2-input:1x1x96-output:1x1x128",
        "Logits-input:1x1x128-output:7",
    )
    plain = definition_keys(ofa(use_se=False, act_func="relu"), 32, "ofa")
    assert plain[1].endswith("-se:0-hs:0")


@pytest.mark.parametrize(
    ("definition", "dialect", "message"),
    [
        ([], "proxyless", "not a net definition"),
        ({"blocks": []}, "proxyless", "not a net definition"),
        (ofa(use_se=True), "proxyless", "neither squeeze-and-excitation nor h-swish"),
        ({**ofa(), "blocks": [{"conv": layer("DenseLayer", 4), "shortcut": None}]}, "ofa", "do not know a DenseLayer"),
        ({**ofa(), "blocks": [{"shortcut": None}]}, "ofa", "not a net definition"),
        ({**ofa(), "first_conv": layer("ConvLayer", "16")}, "ofa", "out_channels is '16', not a whole number above 0"),
        ({**ofa(), "first_conv": layer("ConvLayer", 16, stride=0)}, "ofa", "stride is 0"),
        ({**ofa(), "first_conv": layer("ConvLayer", True)}, "ofa", "out_channels is True"),
        ({**ofa(), "classifier": {"out_features": float("nan")}}, "ofa", "out_features is nan"),
        (ofa(mid_channels=2.5), "ofa", r"mid_channels is 2\.5"),
        (ofa(mid_channels=None, expand_ratio=1e400), "ofa", "expand_ratio is inf"),
        (ofa(name="\x1b[2J"), "ofa", r"do not know a '\\x1b\[2J'"),
    ],
)
def test_what_cannot_be_read_is_one_line(definition, dialect, message):
    with pytest.raises(SpaceError, match=message) as caught:
        definition_keys(definition, 32, dialect)
    assert "\n" not in str(caught.value)
