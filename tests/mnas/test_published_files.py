"""Files of every published network: what float32 and int8 compute (at 224 pixels: bench/published_nets.py)."""

from functools import cache

import numpy as np
import pytest
from quantized_networks import assert_same, aware_of, images, model_of, operators
from varied import VARIED

from device_bench.conversion.convert import to_tflite
from mnas.training.outputs import tflite_predict
from search_spaces import lower, published, scale


@cache
def network(name: str):
    """A narrow and shallow one, with scores that differ."""
    graph = lower(scale(published(name), 0.25, 0.25), (32, 32, 3), 10)
    model = model_of(graph)
    classifier = model.get_layer("classifier")
    classifier.set_weights([10 * one for one in classifier.get_weights()])
    return graph, model


@pytest.mark.parametrize("name", VARIED)
def test_float32_computes_what_keras_does(name: str) -> None:
    graph, model = network(name)
    expected = model(images(graph)).numpy()
    assert np.ptp(expected) > 0.002
    found = tflite_predict(to_tflite(model, "float32"))(images(graph))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", VARIED)
def test_int8_computes_what_a_network_of_quantization_aware_training_does(name: str) -> None:
    graph, model = network(name)
    aware = aware_of(graph, model)
    content = to_tflite(aware, "int8", images(graph))
    assert_same(aware, content, images(graph))
    assert operators(content) == operators(to_tflite(model, "int8", images(graph)))
