"""Dropout without a state: what it drops is a function of its seed and of its inputs."""

import numpy as np
import pytest

from search_spaces.keras_models import build_model
from search_spaces.keras_models.layers import SeededDropout
from search_spaces.mnasnet.block_strings import from_block_strings

INPUTS = np.random.default_rng(0).normal(1, 0.1, (40, 100)).astype(np.float32)
ARCH = from_block_strings(["r1_k3_s11_e1_i8_o8"], stem_filters=8, head_filters=16)


def test_it_drops_the_share_and_scales_the_rest():
    dropped = SeededDropout(0.2, 3)(INPUTS, training=True).numpy()
    kept = dropped != 0
    assert (~kept).mean() == pytest.approx(0.2, abs=0.03)
    assert dropped[kept] == pytest.approx(INPUTS[kept] / 0.8)


def test_it_has_no_state_and_draws_anew_for_other_inputs_or_seeds():
    layer = SeededDropout(0.5, 3)
    first, again = (layer(INPUTS, training=True).numpy() for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, SeededDropout(0.5, 3)(INPUTS, training=True).numpy())
    changed = INPUTS.copy()
    changed[0, 0] = np.nextafter(changed[0, 0], 2, dtype=np.float32)
    for other in (SeededDropout(0.5, 4)(INPUTS, training=True), layer(changed, training=True)):
        assert ((other.numpy() == 0) != (first == 0)).mean() == pytest.approx(0.5, abs=0.05)


def test_nothing_is_dropped_in_inference():
    layer = SeededDropout(0.5, 3)
    assert np.array_equal(layer(INPUTS).numpy(), INPUTS)
    assert np.array_equal(layer(INPUTS, training=False).numpy(), INPUTS)


def test_weights_fit_networks_with_and_without_it():
    """It has no variables: stored weights, and files, are the same with it and without."""
    plain, dropping = (build_model(ARCH, (12, 12, 1), 10, dropout=rate) for rate in (0.0, 0.3))
    assert [one.name for one in plain.weights] == [one.name for one in dropping.weights]
    again = type(dropping).from_config(dropping.get_config(), custom_objects={"SeededDropout": SeededDropout})
    again.set_weights(plain.get_weights())
    images = np.random.default_rng(0).random((3, 12, 12, 1), np.float32)
    assert np.array_equal(again(images, training=False), plain(images, training=False))
