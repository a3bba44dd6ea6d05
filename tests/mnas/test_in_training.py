"""What only the training of a network of cells has: an auxiliary head and dropped paths."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import math

import numpy as np
import pytest
import tensorflow as tf
from long_training import CELLS_RECIPE, digits, kill_at_step, make_cells, train

from mnas.training.in_training import InTraining, Supervised, supervised
from mnas.training.recipe import Recipe
from search_spaces import build_graph, extras, from_notation, lower, published
from search_spaces.keras_models.in_training import DropPath
from search_spaces.training_extras import Extras

# Trainable parameters of the auxiliary heads, computed from the published code.
AUXILIARY = {
    "nasnet-a-mobile": (224, 1000, 2_411_240),
    "nasnet-a-large": (331, 1000, 4_567_784),
    "nasnet-a-cifar": (32, 10, 1_631_498),
    "amoebanet-a": (331, 1000, 4_504_296),
    "amoebanet-a-mobile": (224, 1000, 2_394_856),
    "pnasnet-5-mobile": (224, 1000, 2_412_776),
    "pnasnet-5-large": (331, 1000, 4_586_216),
    "pnasnet-5-cifar": (32, 10, 1_643_786),
    "enas-micro": (32, 10, 494_848),
    "darts-v2": (32, 10, 476_426),
}
SHAPE, CLASSES = (16, 16, 1), 5
CELLS = "nasnet cells 3 filters 4 normal 0 sep3 1 max3 > 2 reduction 0 sep3 1 identity > 2"
IMAGES = np.random.default_rng(0).random((6, *SHAPE), np.float32)


def _made(recipe, text=CELLS):
    arch = from_notation(text)
    graph = lower(arch, SHAPE, CLASSES)
    model = build_graph(graph, seed=3)
    return model, InTraining(model, graph, extras(arch, SHAPE, CLASSES), recipe, images=100, seed=3)


@pytest.mark.parametrize("name", AUXILIARY)
def test_auxiliary_heads_have_their_published_parameters(name):
    size, classes, params = AUXILIARY[name]
    found = extras(published(name), (size, size, 3), classes)
    assert sum(operator.params for operator in found.operators) == params


@pytest.mark.parametrize(
    ("name", "cell"),
    [("nasnet-a-cifar", "cell12"), ("pnasnet-5-cifar", "cell6"), ("darts-v2", "cell14"), ("enas-micro", "cell11")],
)
def test_it_reads_the_cell_of_the_published_code(name, cell):
    """In front of the second reduction; DARTS: the reduction itself, number 14 of 20; ENAS: the one behind it."""
    assert extras(published(name), (32, 32, 3), 10).auxiliary.source.startswith(f"{cell}.")


def test_other_families_have_none():
    assert extras(published("mnasnet-a1"), (32, 32, 3), 10) == Extras()
    assert Recipe(auxiliary=0.4, drop_path=0.2).in_effect(Extras()) == Recipe()


def test_an_auxiliary_head_reads_maps_smaller_than_its_window():
    made = extras(published("nasnet-a-cifar"), (8, 8, 1), 10)
    assert made.operators[-1].output_shape == (1, 1, 10)
    assert made.operators[1].kernel == (4, 4)


def test_what_nothing_reads_has_no_auxiliary_head_and_no_paths():
    """Cells that read only what is two cells back leave every other cell out of the network."""
    text = "pnas cells 6 filters 4 cell 1 sep3 1 max3 > 2"
    arch = from_notation(text)
    kept = {operator.name for operator in lower(arch, SHAPE, CLASSES).operators}
    found = extras(arch, SHAPE, CLASSES)
    assert found.paths.keys() <= kept
    assert (found.auxiliary is None) or found.auxiliary.source in kept


def test_the_network_that_ships_stays_as_it_is():
    model, network = _made(Recipe(auxiliary=0.4, drop_path=0.5))
    np.testing.assert_array_equal(network(IMAGES, training=False), model(IMAGES, training=False))
    assert not [layer.name for layer in model.layers if "auxiliary" in layer.name or "drop_path" in layer.name]
    assert {id(one) for one in model.trainable_variables} < {id(one) for one in network.trainable_variables}


def test_without_either_it_is_trained_as_it_is():
    model, network = _made(Recipe())
    assert [id(one) for one in network.variables] == [id(one) for one in model.variables]


def test_the_loss_counts_the_auxiliary_head_by_its_weight():
    loss = supervised(lambda targets, outputs: outputs - targets, Recipe(auxiliary=0.4))
    assert math.isclose(loss(1.0, Supervised(3.0, 6.0)), 2.0 + 0.4 * 5.0)
    assert loss(1.0, 3.0) == 2.0


def test_both_heads_are_trained():
    _, network = _made(Recipe(auxiliary=0.4))
    outputs = network(tf.constant(IMAGES), training=True)
    assert isinstance(outputs, Supervised)
    for one in outputs:
        assert one.shape == (6, CLASSES)
        np.testing.assert_allclose(tf.reduce_sum(one, 1), 1.0, rtol=1e-5)
    names = [one.name for one in network.trainable_variables if one.name.startswith("auxiliary")]
    assert "auxiliary.classifier/kernel:0" in names


@pytest.mark.parametrize(
    ("depth", "step", "kept"), [(1.0, 1.0, 0.6), (1.0, 0.5, 0.8), (0.05, 1.0, 0.98), (1.0, 0.0, 1.0)]
)
def test_paths_are_dropped_as_often_as_published(depth, step, kept):
    """The last of 20 cells when the training ends and half way, and the first; 0.6 are kept (Zoph et al. 2017)."""
    layer = DropPath(0.4 * depth, 7, tf.Variable([int(1000 * step), 1000]))
    made = layer(tf.ones((4000, 2, 2, 3)), training=True).numpy()
    whole = made.reshape(4000, -1)
    assert set(np.unique(whole.round(4))) <= {0.0, np.float32(round(1 / kept, 4))}
    assert (whole.min(axis=1) == whole.max(axis=1)).all()
    assert abs((whole[:, 0] > 0).mean() - kept) < 0.025


def test_no_path_is_dropped_outside_of_training():
    layer = DropPath(0.9, 7, tf.Variable([10, 10]))
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)


def test_what_is_dropped_follows_from_the_step():
    _, network = _made(Recipe(drop_path=0.8))
    network.before_step(5, 10)
    once = network(tf.constant(IMAGES), training=True).numpy()
    again = network(tf.constant(IMAGES), training=True).numpy()
    network.before_step(6, 10)
    later = network(tf.constant(IMAGES), training=True).numpy()
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, later)


def test_depth_counts_all_cells_from_the_first():
    found = extras(published("nasnet-a-cifar"), (32, 32, 3), 10).paths
    shares = {name.split(".")[0]: share for name, share in found.items()}
    assert shares["cell1"] == pytest.approx(1 / 20)
    assert shares["cell18"] == 1.0
    assert not [name for name in found if "identity" in name]


def test_a_training_that_is_killed_ends_as_if_it_had_not_been(tmp_path):
    kill_at_step(tmp_path / "killed", 7, make_cells)
    resumed, _ = train(tmp_path / "killed", recipe=CELLS_RECIPE, made=make_cells)
    whole, done = train(tmp_path / "whole", recipe=CELLS_RECIPE, made=make_cells)
    assert done.history[-1].loss < done.history[0].loss
    assert len(whole.variables) == len(resumed.variables)
    for one, other in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.name)
    images = digits().validation.inputs[:4]
    np.testing.assert_array_equal(whole(images, training=False), resumed(images, training=False))
