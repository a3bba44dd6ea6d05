"""What fits of a parent goes into a candidate; the rest stays as it was drawn."""

from dataclasses import replace

import numpy as np
import pytest

from mnas.errors import SearchError
from mnas.training.pieces import fitting_pieces
from mnas.training.transfer import Parent
from mnas.training.weight_files import read_weights, save_weights
from search_spaces import build_graph, lower
from search_spaces.front import FRONT, normalized
from search_spaces.mnasnet.block_strings import from_block_strings

SHAPE = (24, 24, 3)
PARENT = from_block_strings("r1_k3_s11_e1_i8_o8_se0.25 r2_k5_s22_e6_i8_o16", stem_filters=8, head_filters=24)
IMAGES = np.random.default_rng(0).random((2, *SHAPE), np.float32)


def parent_of(model, folder, labels=()):
    save_weights(model, folder / "weights.npz", labels)
    return Parent("it", "it", read_weights(folder / "weights.npz"))


@pytest.fixture
def parent(tmp_path):
    return parent_of(build_graph(lower(PARENT, SHAPE, 4), seed=1), tmp_path, ("a", "b", "c", "d"))


def candidate(seed=2, classes=4, **changes):
    arch = replace(PARENT, blocks=(PARENT.blocks[0], replace(PARENT.blocks[1], **changes)))
    return build_graph(lower(arch, SHAPE, classes), seed=seed)


def kernel(model, name):
    return model.get_layer(name).get_weights()[0]


def test_the_parents_own_network_becomes_the_parent(parent):
    model = candidate()
    taken = fitting_pieces(model, parent)
    assert (taken.fresh, taken.head) == ((), "kept")
    assert np.array_equal(model(IMAGES), build_graph(lower(PARENT, SHAPE, 4), seed=1)(IMAGES))


def test_kernels_are_cropped_and_channels_sliced(parent):
    model = candidate(kernel=3, expansion=3, filters=8)
    fitting_pieces(model, parent)
    layers = parent.weights.layers
    depthwise = layers["block2.layer1.depthwise"]["kernel"]
    assert np.array_equal(kernel(model, "block2.layer1.depthwise"), depthwise[1:4, 1:4, :24])
    project = layers["block2.layer1.project"]["kernel"]
    assert np.array_equal(kernel(model, "block2.layer1.project"), project[:, :, :24, :8])


def test_a_larger_kernel_computes_what_the_smaller_did(tmp_path):
    small = candidate(seed=1, kernel=3)
    model = candidate(kernel=7)
    fitting_pieces(model, parent_of(small, tmp_path))
    assert np.allclose(model(IMAGES), small(IMAGES), atol=1e-6)


def test_channels_and_layers_that_the_parent_lacks_stay_as_drawn(parent):
    model, drawn = candidate(filters=24, layers=3), candidate(filters=24, layers=3)
    taken = fitting_pieces(model, parent)
    made, fresh = (kernel(one, "block2.layer1.project") for one in (model, drawn))
    assert np.array_equal(made[..., 16:], fresh[..., 16:])
    assert np.array_equal(made[..., :16], parent.weights.layers["block2.layer1.project"]["kernel"])
    assert {name.rpartition(".layer3")[0] for name in taken.fresh} == {"block2"}


@pytest.mark.parametrize(("classes", "labels"), [(3, ()), (4, ("a", "b", "c", "e"))])
def test_other_classes_have_a_head_of_their_own(parent, classes, labels):
    model = candidate(classes=classes)
    taken = fitting_pieces(model, parent, labels)
    assert (taken.head, taken.fresh) == ("new", ("classifier",))
    assert np.array_equal(kernel(model, "classifier"), kernel(candidate(classes=classes), "classifier"))


def test_a_front_is_folded_into_the_stem(tmp_path):
    fronted = build_graph(normalized(lower(PARENT, SHAPE, 4)), seed=1)
    fronted.get_layer(FRONT).set_weights([np.full((1, 1, 3, 1), 2.0), np.full(3, -1.0)])
    model = candidate()
    fitting_pieces(model, parent_of(fronted, tmp_path))
    stems = [type(one)(one.input, one.get_layer("stem.norm").output)(IMAGES) for one in (model, fronted)]
    assert np.allclose(*(stem[:, 1:-1, 1:-1] for stem in stems), atol=1e-5)


def test_weights_that_have_nothing_to_give_are_refused(tmp_path):
    other = build_graph(lower(replace(PARENT, blocks=PARENT.blocks[:1]), SHAPE, 4))
    layers = {f"else.{name}": layer for name, layer in parent_of(other, tmp_path).weights.layers.items()}
    strange = Parent("it", "it", replace(parent_of(other, tmp_path).weights, layers=layers))
    with pytest.raises(SearchError, match="no layer of it has a place"):
        fitting_pieces(candidate(), strange)
