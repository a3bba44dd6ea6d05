"""NASNet-A beside the model of the same name that Keras ships, with the same weights.

Keras pads the pools of its reduction cells with zeros that count, where the published code leaves the margin out: its
probabilities then differ by up to 5e-4. The models are compared with the pools of the published code in both.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import re

import numpy as np
import pytest
import tf_keras

from search_spaces import build_model, published
from search_spaces.cells import lowering
from search_spaces.cells.skeleton import places

layers = tf_keras.layers
# Keras numbers the sides of the fifth block of the reduction cell left4 and right5.
KERAS_SIDE = {("reduction", "left5"): "left4"}


def _keras_names(arch):
    """How the names of Keras' layers end, for each of our cells; it leaves out the number of the first reduction."""
    names, third = {}, arch.cells // 3
    for place in places(arch):
        kind, number = place.name[:-1], int(re.search(r"\d+$", place.name).group())
        if place.stride == 2:
            names[place.name] = "reduction", f"stem_{number}" if kind == "stem" else f"reduce_{number * third}"
        else:
            names[place.name] = "normal", str(number - 1 if number <= third else number)
    return names


def _keras_layer(names, layer):
    """Keras' layer behind one of ours, and which part of its weights."""
    if layer in ("stem", "stem.norm", "classifier"):
        return {"stem": "stem_conv1", "stem.norm": "stem_bn1", "classifier": "predictions"}[layer], slice(None)
    place, _, rest = layer.partition(".")
    kind, end = names[place]
    if rest.startswith("current"):
        return f"{kind}_bn_1_{end}" if rest.endswith("norm") else f"{kind}_conv_1_{end}", slice(None)
    if rest.startswith("previous"):
        half = {"even": (1, slice(0, 1)), "odd": (2, slice(1, 2))}.get("odd" if "odd" in rest else "even")
        if "conv" not in rest:
            return f"adjust_bn_{end}" if rest.endswith("norm") else f"adjust_conv_projection_{end}", slice(None)
        return f"adjust_bn_{end}" if rest.endswith("norm") else f"adjust_conv_{half[0]}_{end}", half[1]
    block, side, turn = re.match(r"block(\d)\.(left|right)\.sep\d\.(?:depth|point)wise(\d)", rest).groups()
    side = KERAS_SIDE.get((kind, side + block), side + block)
    norm = "_bn" if rest.endswith("norm") else ""
    return f"separable_conv_{turn}{norm}_{kind}_{side}_{end}", slice(None)


def _copied(ours, keras_model, arch):
    """Gives our model the weights of Keras'."""
    names = _keras_names(arch)
    for layer in ours.layers:
        if not layer.weights:
            continue
        source, part = _keras_layer(names, layer.name)
        weights = keras_model.get_layer(source).get_weights()
        if isinstance(layer, layers.DepthwiseConv2D):
            weights = weights[:1]
        elif "pointwise" in layer.name and not layer.name.endswith("norm"):
            weights = weights[1:]
        elif part != slice(None) and layer.name.endswith("norm"):
            half = len(weights[0]) // 2
            weights = [one[half * part.start : half * part.stop] for one in weights]
        layer.set_weights(weights)


def _with_pools_of_the_paper(model):
    """The same model with pools that leave the margin out; its paddings in front of pools pass on what they get."""

    def changed(layer):
        if layer.name.startswith("reduction_pad_1"):
            return layers.Activation("linear", name=layer.name)
        if isinstance(layer, (layers.MaxPooling2D, layers.AveragePooling2D)) and layer.pool_size == (3, 3):
            return layer.__class__(layer.pool_size, layer.strides, "same", name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    found = tf_keras.models.clone_model(model, clone_function=changed)
    found.set_weights(model.get_weights())
    return found


def _spread(model):
    """Gives all batch normalizations statistics as if they had been trained."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.weights[0].shape
            spread = rng.uniform(0.5, 1.5, shape), rng.normal(0, 0.3, shape), rng.normal(0, 0.3, shape)
            layer.set_weights([*spread, rng.uniform(0.5, 1.5, shape)])


@pytest.mark.parametrize(
    ("name", "keras_model", "size"),
    [
        ("nasnet-a-mobile", tf_keras.applications.NASNetMobile, 224),
        ("nasnet-a-large", tf_keras.applications.NASNetLarge, 331),
    ],
)
def test_probabilities_are_those_of_keras(name, keras_model, size, monkeypatch):
    # As the paper spells the cells, so that the channels are in the order of Keras.
    monkeypatch.setattr(lowering, "canonical", lambda spelled: spelled)
    arch, shape = published(name), (size, size, 3)
    tf_keras.utils.set_random_seed(0)
    theirs = _with_pools_of_the_paper(keras_model(shape, weights=None))
    _spread(theirs)
    ours = build_model(arch, shape, 1000, dropout=0.0)
    _copied(ours, theirs, arch)
    images = np.random.default_rng(1).random((2, *shape), np.float32)
    found, expected = (model(images, training=False).numpy() for model in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-7)
    assert expected.max() > 50 * expected.mean()
