"""MobileNetV3 and MobileNetV2 beside the models of those names that Keras ships, with the same weights."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tf_keras

from search_spaces import build_model, cost, from_notation, published
from search_spaces.keras_models import as_if_trained

applications = tf_keras.applications
SHAPE = (64, 64, 3)
MODELS = {
    "mobilenet-v3-large": lambda: applications.MobileNetV3Large(SHAPE, weights=None, include_preprocessing=False),
    "mobilenet-v3-small": lambda: applications.MobileNetV3Small(SHAPE, weights=None, include_preprocessing=False),
    "mobilenet-v2": lambda: applications.MobileNetV2(SHAPE, weights=None),
}


def sets(model):
    """The weights of each layer that has some, in the order of the computation."""
    return [layer for layer in model.layers if layer.weights]


def copied(ours, theirs):
    """Gives our model the weights of Keras', whose layers of each kind follow each other in the same order."""
    for kind in ("conv", "depthwise", "norm", "dense"):
        own, other = ([one for one in sets(model) if kind_of(one) == kind] for model in (ours, theirs))
        for layer, source in zip(own, other, strict=True):
            weights = source.get_weights()
            layer.set_weights([one.reshape(held.shape) for one, held in zip(weights, layer.weights, strict=True)])


def kind_of(layer):
    if isinstance(layer, tf_keras.layers.BatchNormalization):
        return "norm"
    if isinstance(layer, tf_keras.layers.DepthwiseConv2D):
        return "depthwise"
    if layer.name in ("classifier", "Logits", "logits", "predictions", "conv_2"):
        return "dense"
    return "conv"


@pytest.mark.parametrize("name", MODELS)
def test_a_published_network_computes_what_keras_own_model_computes(name):
    theirs = MODELS[name]()
    as_if_trained(theirs)
    ours = build_model(published(name), SHAPE, 1000, dropout=0.0)
    copied(ours, theirs)
    images = np.random.default_rng(0).uniform(-1, 1, (4, *SHAPE)).astype("float32")
    got, expected = ours(images, training=False).numpy(), theirs(images, training=False).numpy()
    assert expected.std() > 1e-5, "the images give different probabilities"
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-6)
    trainable = sum(int(np.prod(one.shape)) for one in theirs.trainable_weights)
    assert cost(published(name), SHAPE, 1000).params == trainable


def test_what_only_mobilenet_v3_has_is_written_in_words():
    arch = from_notation("hard_swish se-expanded top64 r1_k3_s11_e2.5_i32_o16_se0.25 r1_k5_s22_e3_i16_o24_re6")
    assert (arch.activation, arch.squeeze, arch.top_filters) == ("hard_swish", "expanded", 64)
    assert [block.activation for block in arch.blocks] == [None, "relu6"]
    assert arch.blocks[0].expansion == 2.5
    assert arch.blocks[0].inner(32) == 80
