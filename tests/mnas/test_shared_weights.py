"""Shared weights: a network computes with them what it computes alone, and a step changes nothing but its own."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_shared import Tiny, tiny_shared

from mnas.data import load_data
from mnas.sharing.judge import SharedJudge
from mnas.sharing.step import SharedStep
from mnas.tasks import task
from mnas.training.optimizers import make_apply
from mnas.training.recipe import Recipe
from search_spaces import Classifier, SpaceChoice, cost
from search_spaces.keras_models.shared import SharedModel

pytestmark = pytest.mark.xdist_group("shared weights")  # they take a while to compile

SHAPE, CLASSES, NETWORKS = (8, 8, 1), 10, 40  # `bench/sharing_exact.py` tries 200
CHOICE = SpaceChoice.of("mnasnet", {"width": 0.1, "depth": 0.2, "stem_filters": 8, "head_filters": 16})
SPACE = CHOICE.space(SHAPE)
CLASSIFICATION = task("classification")


@pytest.fixture(scope="module")
def data():
    return load_data("digits", image_size=8, channels=1, validation_share=0.2, test_share=0.2, limit=600)


@pytest.fixture(scope="module")
def model():
    made = SharedModel(CHOICE.shared(SHAPE, Classifier(CLASSES)), seed=1)
    # Scales and offsets that are not 1 and 0, for otherwise a mistake in them would not show.
    noise = tf.random.stateless_normal(made.weights.shape, (1, 2), stddev=0.1)
    made.weights.assign_add(noise)
    return made


@pytest.fixture(scope="module")
def judge(model, data):
    return SharedJudge(model, CLASSIFICATION, data, calibration=200, judged=64, seed=0)


@pytest.fixture(scope="module")
def arches(model):
    rng = np.random.default_rng(0)
    drawn = [SPACE.decode(SPACE.sample(rng)) for _ in range(NETWORKS - 2)]
    return [model.graph.smallest, model.graph.largest, *drawn]


def test_a_network_computes_what_it_computes_alone(model, judge, arches, data):
    """Facts of many published searches: outputs that differ once a network is cut out; here they may not."""
    images = np.asarray(data.validation.inputs[:32], np.float32)
    spreads = []
    for arch in arches:
        path = model.graph.path(arch)
        route = judge.calibrate(path)
        shared = judge.predict(route, images)
        alone = model.child(path)
        assert alone.count_params() - statistics(alone) == cost(arch, SHAPE, CLASSES).params
        np.testing.assert_allclose(alone(images, training=False).numpy(), shared, atol=1e-5)
        spreads.append(shared.std(axis=0).max())
    assert np.median(spreads) > 0.01  # outputs that hardly depend on the images would agree anyhow


def statistics(model):
    return sum(int(np.prod(one.shape)) for one in model.non_trainable_variables)


def test_a_batch_is_normalized_by_its_own_statistics(model, judge, arches, data):
    images = tf.constant(np.asarray(data.train.inputs[:64], np.float32))
    for arch in arches[:5]:
        path = model.graph.path(arch)
        route = judge.calibrate(path)
        of_batch = judge._collect(images, *route.inputs, tf.constant(1.0)).numpy()
        np.testing.assert_allclose(model.child(path)(images, training=True).numpy(), of_batch, atol=1e-5)


def test_statistics_are_the_mean_over_the_batches_of_one_network(model, judge, arches, data):
    first, second = (model.graph.path(arch) for arch in arches[5:7])
    images = np.asarray(data.validation.inputs[:32], np.float32)
    route = judge.calibrate(first)
    before = judge.predict(route, images)
    judge.calibrate(second)
    assert np.abs(judge.predict(route, images) - before).max() > 0.01  # with the statistics of another network
    np.testing.assert_array_equal(judge.predict(judge.calibrate(first), images), before)
    stem = model._means["stem"].numpy()
    alone = model.child(first)
    through = alone.get_layer("stem")
    shown = judge._calibration
    means = [through(shown[start : start + 128]).numpy().mean(axis=(0, 1, 2)) for start in (0, 128)]
    np.testing.assert_allclose(np.mean(means, axis=0), stem, atol=1e-5)


@pytest.fixture(scope="module")
def small():
    """A graph that compiles at once."""
    return tiny_shared()


@pytest.fixture(params=["sgd", "rmsprop"])
def recipe(request):
    return Recipe(optimizer=request.param, weight_decay=0.01, label_smoothing=0.0)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.random((16, 8, 8, 3), np.float32), rng.integers(0, 2, 16)


def loss_of(targets, outputs):
    shares = tf.one_hot(targets, 2) if targets.dtype.is_integer else targets
    return -tf.reduce_mean(tf.reduce_sum(shares * tf.math.log(outputs + 1e-7), axis=1))


def test_what_is_not_used_stays_as_it_is(small, recipe, batch):
    model = SharedModel(small)
    step = SharedStep(model, loss_of, recipe)
    wide, narrow = (model.route(small.path(one)) for one in (small.largest, small.smallest))
    for _ in range(3):
        step(*batch, [wide], 0.1)
    before = [one.numpy() for one in (model.weights, *step.slots)]
    step(*batch, [narrow], 0.1)
    after = [one.numpy() for one in (model.weights, *step.slots)]
    assert 0 < narrow.used.sum() < wide.used.sum()
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new[~narrow.used], old[~narrow.used])
        assert (new[narrow.used] != old[narrow.used]).mean() > 0.9


def test_a_step_is_that_of_the_network_alone(small, recipe, batch):
    model = SharedModel(small)
    step = SharedStep(model, loss_of, recipe)
    path = small.path(small.smallest)
    alone = model.child(path)
    apply, _ = make_apply(recipe.optimizer, alone.trainable_variables, recipe.weight_decay)
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = loss_of(tf.constant(batch[1]), alone(batch[0], training=True))
        apply(tape.gradient(loss, alone.trainable_variables), tf.constant(0.05))
        assert step(*batch, [model.route(path)], 0.05) == pytest.approx(float(loss), abs=1e-5)
    for one, other in zip(model.child(path).trainable_variables, alone.trainable_variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_several_networks_make_one_step(small, recipe, batch):
    routes = [SharedModel(small).route(small.path(one)) for one in (small.largest, small.smallest)]
    both, one = SharedModel(small), SharedModel(small)
    SharedStep(both, loss_of, recipe)(*batch, [routes[0], routes[0]], 0.1)
    SharedStep(one, loss_of, recipe)(*batch, [routes[0]], 0.1)
    np.testing.assert_allclose(both.weights.numpy(), one.weights.numpy(), atol=1e-6)
    SharedStep(both, loss_of, recipe)(*batch, routes, 0.1)
    assert not np.allclose(both.weights.numpy(), one.weights.numpy())


def test_in_a_sandwich_the_first_teaches_the_others(small, recipe, batch):
    """Taught by itself a network has the entropy of its outputs as its loss, whatever the labels are."""
    model = SharedModel(small)
    route = model.route(small.path(small.largest))
    images, labels = batch
    step = SharedStep(model, loss_of, recipe)
    taught = step(images, labels, [route, route], 0.0, taught=True)
    other = step(images, 1 - labels, [route, route], 0.0, taught=True)
    own = [step(images, one, [route], 0.0) for one in (labels, 1 - labels)]
    assert 2 * taught - own[0] == pytest.approx(2 * other - own[1], abs=1e-5)


def test_weights_are_told_by_name(small):
    one, other = SharedModel(small, seed=1), SharedModel(small, seed=2)
    assert not np.array_equal(one.weights, other.weights)
    other.load(one.named())
    np.testing.assert_array_equal(one.weights, other.weights)
    named = one.named()
    named["stem/kernel"] = named["stem/kernel"][:1]
    with pytest.raises(ValueError, match="another shared graph"):
        other.load(named)


def test_the_mean_of_operators_is_taken_where_a_switch_is_mixed(small, batch):
    """By hand: what each operator makes alone, then their mean through the rest."""
    model = SharedModel(small)
    conv, separable = (Tiny(op, 8, False) for op in ("conv", "separable"))
    mixed = model.route(small.path(conv), small.path(separable))
    assert mixed.used.sum() > max(model.route(small.path(one)).used.sum() for one in (conv, separable))
    images = tf.constant(batch[0])
    logits = [np.log(through(model, model.route(small.path(one)), images)) for one in (conv, separable)]
    mean = np.mean(logits, axis=0)
    found = np.log(through(model, mixed, images))
    np.testing.assert_allclose(found - found[:, :1], mean - mean[:, :1], atol=1e-5)  # the head is linear


def through(model, route, images):
    return model.apply(images, model.pieces(), *route.inputs, "batch").numpy()


def test_a_smaller_kernel_is_the_centre_of_the_larger_one():
    """Cai et al., Once-for-All: of five rows and columns those from 1 to 3."""
    model = SharedModel(CHOICE.shared(SHAPE, Classifier(CLASSES)))
    wish = {"op": "sepconv", "kernel": 3, "se_ratio": 0.0, "skip": "none", "filters": 1.25, "layers": 0}
    arch = SPACE.decode([decision.token(wish[decision.tag]) for decision in SPACE.decisions])
    child = model.child(model.graph.path(arch))
    own = child.get_layer("block2.layer1.depthwise").get_weights()[0]
    np.testing.assert_array_equal(own, model.named()["block2.layer1.sepconv.depthwise/kernel"][1:4, 1:4])
