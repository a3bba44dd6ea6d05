import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter

from device_bench.conversion.convert import to_tflite
from device_bench.conversion.joined_ranges import join_ranges
from device_bench.conversion.selective import calibrated, quantized
from device_bench.latency_table.signature import signatures
from device_bench.tflite.graph import Graph
from search_spaces import as_if_trained, build_model, from_notation
from search_spaces.signatures import signatures as foreseen

SHAPE = (10, 10, 3)
IMAGES = np.random.default_rng(0).random((12, *SHAPE), np.float32)
layers = tf_keras.layers


@pytest.fixture(scope="module")
def joined():
    """A wide and a narrow map, joined; the wide one is also pooled, padded and read by a convolution."""
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input(SHAPE)
    wide = layers.Rescaling(20.0)(layers.Conv2D(4, 3, padding="same")(image))
    narrow = layers.Conv2D(4, 3, padding="same")(image)
    pooled = layers.MaxPooling2D(3, 1, "same")(wide)
    averaged = layers.AveragePooling2D(3, 1, "same")(wide)
    gate = layers.Activation("sigmoid")(narrow)
    first = layers.Concatenate()([wide, narrow, averaged])
    second = layers.Concatenate()([gate, pooled])
    both = layers.Add()([layers.Conv2D(4, 1)(first), layers.Conv2D(4, 1)(second)])
    return tf_keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(both)))


@pytest.fixture(scope="module")
def file(joined):
    return Graph(to_tflite(joined, "int8", IMAGES))


def _scales(file, operator):
    return {file.tensors[one].scaling for one in (*operator.inputs, *operator.outputs)}


def test_all_that_is_joined_has_one_step(file):
    joins = [one for one in file.operators if one.name == "CONCATENATION"]
    pools = [one for one in file.operators if one.name.endswith("POOL_2D")]
    assert len(joins) == len(pools) == 2
    assert {len(_scales(file, one)) for one in (*joins, *pools)} == {1}
    assert len(set.union(*(_scales(file, one) for one in (*joins, *pools)))) == 1


def test_only_what_has_a_step_of_its_own_is_converted(file):
    [conversion] = [one for one in file.operators if one.name == "QUANTIZE"]
    [sigmoid] = [one for one in file.operators if one.name == "LOGISTIC"]
    assert conversion.inputs[0] == sigmoid.outputs[0]


def test_all_of_it_computes_in_int8(file):
    assert {one.kind for one in file.tensors} <= {"int8", "int32"}


def test_it_computes_what_the_network_does(joined):
    interpreter = Interpreter(model_content=to_tflite(joined, "int8", IMAGES))
    interpreter.allocate_tensors()
    [source], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    (scale, zero), (step, offset) = source["quantization"], result["quantization"]
    expected = joined(IMAGES).numpy()
    for image, exact in zip(IMAGES, expected, strict=True):
        values = np.clip(np.round(image[np.newaxis] / scale + zero), -128, 127).astype(np.int8)
        interpreter.set_tensor(source["index"], values)
        interpreter.invoke()
        found = (interpreter.get_tensor(result["index"]).astype(np.float32) - offset) * step
        np.testing.assert_allclose(found[0], exact, atol=0.05 * np.abs(expected).max())


def test_a_file_that_is_quantized_in_parts_has_the_same_steps(joined, file):
    plain, whole = to_tflite(joined, "float32"), to_tflite(joined, "int8", IMAGES)
    again = Graph(quantized(calibrated(plain, IMAGES), whole))
    assert sorted(one.name for one in again.operators) == sorted(one.name for one in file.operators)


def test_what_joins_nothing_is_left_as_it_is():
    image = tf_keras.Input(SHAPE)
    plain = to_tflite(tf_keras.Model(image, layers.MaxPooling2D()(layers.Conv2D(4, 3)(image))), "float32")
    ranged = calibrated(plain, IMAGES)
    assert next(join_ranges(ranged)) is ranged


@pytest.mark.parametrize(
    "notation",
    [
        "enas-macro filters 8 0 2 0 0 1 0 2 0 1 1 2 0 0 1 1 0 0 1 1 0 1",
        "enas-macro filters 8 separable 5 5 0 1 1 1 0 1 0 1 5 1 1 0 0 3 0 0 1 0 1",
        "nas-cnn pools 3 7x5 12 3x3 6 0 1x1 16 1 1 5x5 16 1 1 1 5x7 9 1 1 0 0 7x5 6 1 1 1 0 0",
        "nas-cnn pools 3 3x7 9 5x7 6 0 3x5 9 0 1 5x3 9 1 1 0 7x7 6 1 1 1 0 1x3 9 0 0 1 0 0",
    ],
)
def test_pools_and_slices_of_joined_maps_are_quantized_too(notation):
    """Skips across a halving: slices of a join that nothing joins again, and joins of nothing but pools."""
    arch = from_notation(notation)
    model = build_model(arch, (16, 16, 1), 10)
    as_if_trained(model)
    content = to_tflite(model, "int8", np.random.default_rng(0).random((4, 16, 16, 1), np.float32))
    assert sorted(signatures(content)) == sorted(foreseen(arch, (16, 16, 1), 10, "int8"))
