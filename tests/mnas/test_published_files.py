"""The float32 file of every published network computes what Keras does (at 224 pixels: bench/published_nets.py)."""

import numpy as np
import pytest

from device_bench.conversion.convert import to_tflite
from mnas.training.outputs import tflite_predict
from search_spaces import as_if_trained, build_model, published, published_names, scale

IMAGE, CLASSES = (32, 32, 3), 10


@pytest.mark.parametrize("name", published_names())
def test_keras_and_float32_agree(name: str) -> None:
    model = build_model(scale(published(name), 0.25, 0.25), IMAGE, CLASSES)
    as_if_trained(model)
    classifier = model.get_layer("classifier")
    classifier.set_weights([10 * one for one in classifier.get_weights()])  # scores that differ
    images = np.random.default_rng(0).random((6, *IMAGE), np.float32)
    expected = model(images).numpy()
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(tflite_predict(to_tflite(model, "float32"))(images), expected, rtol=0, atol=1e-4)
