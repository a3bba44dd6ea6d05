import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter

from device_bench.conversion.convert import to_tflite
from device_bench.conversion.dead_activations import refused_operators, widen_ranges
from device_bench.conversion.frozen_graph import freeze, trace
from device_bench.errors import BadRequest, ConversionError
from device_bench.tflite.model_file import model_precision

_SHAPE = (16, 16, 3)


def _squeezed(dead=0.0, *, shape=_SHAPE):
    """A convolution, a squeeze-and-excitation whose ReLU can be made dead, batch normalization, a classifier."""
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input(shape)
    features = layers.Conv2D(16, 3, padding="same", use_bias=False)(image)
    features = layers.ReLU()(layers.BatchNormalization()(features))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(features)
    squeezed = layers.Conv2D(4, 1, activation="relu", name="reduce")(squeezed)
    excited = layers.Conv2D(16, 1, activation="sigmoid", name="expand")(squeezed)
    features = layers.Multiply()([features, excited])
    scores = layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(features))
    model = tf_keras.Model(image, scores)
    kernel, bias = model.get_layer("reduce").get_weights()
    model.get_layer("reduce").set_weights([kernel, bias - dead])
    kernel, bias = model.get_layer("expand").get_weights()
    # A dead ReLU makes the bias all that is left, so it must not be lost.
    model.get_layer("expand").set_weights([kernel, np.linspace(-3, 3, 16)])
    return model


@pytest.fixture(scope="module")
def model():
    return _squeezed()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((8, *_SHAPE), dtype=np.float32)


def _outputs(converted, images):
    interpreter = Interpreter(model_content=converted)
    interpreter.allocate_tensors()
    [source], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        values = image[np.newaxis]
        if source["dtype"] == np.int8:
            scale, zero = source["quantization"]
            values = np.clip(np.round(values / scale + zero), -128, 127).astype(np.int8)
        interpreter.set_tensor(source["index"], values)
        interpreter.invoke()
        values = interpreter.get_tensor(result["index"])[0]
        if result["dtype"] == np.int8:
            scale, zero = result["quantization"]
            values = (values.astype(np.float32) - zero) * scale
        found.append(values)
    return np.array(found)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("float16", 2e-3), ("dynamic", 0.02), ("int8", 0.02)]
)
def test_each_precision_computes_what_the_model_does(model, images, precision, tolerance):
    converted = to_tflite(model, precision, images)
    # The dynamic range quantizer leaves tensors of fewer than 1024 elements alone.
    assert model_precision(converted) == (precision if precision != "dynamic" else "float32")
    np.testing.assert_allclose(_outputs(converted, images), model(images).numpy(), atol=tolerance)


def test_int8_is_int8_at_both_ends(model, images):
    interpreter = Interpreter(model_content=to_tflite(model, "int8", images))
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    assert interpreter.get_output_details()[0]["dtype"] == np.int8


def test_large_weights_are_quantized_in_the_dynamic_model():
    image = tf_keras.Input((64,))
    model = tf_keras.Model(image, tf_keras.layers.Dense(64)(image))
    assert model_precision(to_tflite(model, "dynamic")) == "dynamic"


def test_the_same_model_gives_the_same_bytes(model, images):
    assert to_tflite(model, "int8", images) == to_tflite(model, "int8", images)


@pytest.mark.parametrize(
    ("precision", "calibration", "words"),
    [
        ("int4", None, "unknown precision 'int4'"),
        ("int8", None, "int8 needs calibration images"),
        ("int8", np.zeros((0, *_SHAPE), np.float32), "int8 needs calibration images"),
        ("int8", np.zeros((2, 8, 8, 3), np.float32), r"\(8, 8, 3\), the model takes \(16, 16, 3\)"),
        ("int8", np.full((2, *_SHAPE), np.nan, np.float32), "not finite"),
    ],
)
def test_bad_requests(model, precision, calibration, words):
    with pytest.raises(BadRequest, match=words):
        to_tflite(model, precision, calibration)


def test_a_model_of_an_open_shape_is_refused():
    opened = tf_keras.Input((None, None, 3))
    with pytest.raises(BadRequest, match="open shape"):
        to_tflite(tf_keras.Model(opened, tf_keras.layers.Conv2D(2, 1)(opened)), "float32")


@pytest.fixture(scope="module")
def pair():
    """A network of two inputs and two outputs, which could be mistaken for each other only by their values."""
    tf_keras.utils.set_random_seed(1)
    layers, image, note = tf_keras.layers, tf_keras.Input((8, 8, 3), name="image"), tf_keras.Input((6,), name="note")
    read = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, activation="relu")(image))
    together = layers.Add()([read, note])
    return tf_keras.Model([image, note], [layers.Dense(4)(together), layers.Dense(4, activation="sigmoid")(read)])


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float16", 5e-3), ("int8", 0.06)])
def test_inputs_and_outputs_keep_their_order(pair, precision, tolerance):
    rng = np.random.default_rng(2)
    given = [rng.random((16, 8, 8, 3), dtype=np.float32), rng.random((16, 6), dtype=np.float32) - 0.5]
    interpreter = Interpreter(model_content=to_tflite(pair, precision, given))
    interpreter.allocate_tensors()
    sources, results = interpreter.get_input_details(), interpreter.get_output_details()
    assert [tuple(one["shape"][1:]) for one in sources] == [(8, 8, 3), (6,)]
    for source, values in zip(sources, given, strict=True):
        scale, zero = source["quantization"]
        whole = np.clip(np.round(values[:1] / scale + zero), -128, 127) if scale else values[:1]
        interpreter.set_tensor(source["index"], whole.astype(source["dtype"]))
    interpreter.invoke()
    for result, expected in zip(results, pair([one[:1] for one in given]), strict=True):
        scale, zero = result["quantization"]
        values = interpreter.get_tensor(result["index"]).astype(np.float32)
        np.testing.assert_allclose((values - zero) * scale if scale else values, expected.numpy(), atol=tolerance)


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        ([np.zeros((2, 8, 8, 3))], "1 arrays, the model 2 inputs"),
        ([np.zeros((2, 6)), np.zeros((2, 8, 8, 3))], r"\(6,\), the model takes \(8, 8, 3\)"),
        ([np.zeros((2, 8, 8, 3)), np.zeros((3, 6))], r"different lengths: \[2, 3\]"),
    ],
)
def test_each_input_needs_calibration(pair, calibration, words):
    with pytest.raises(BadRequest, match=words):
        to_tflite(pair, "int8", calibration)


def test_what_the_converter_refuses_is_one_line(images):
    image = tf_keras.Input(_SHAPE)
    import tensorflow as tf

    unsupported = tf_keras.Model(image, tf_keras.layers.Lambda(lambda x: tf.raw_ops.Betainc(a=x, b=x, x=x))(image))
    with pytest.raises(ConversionError, match="Betainc") as caught:
        to_tflite(unsupported, "float32")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_it_says_nothing(model, images, capfd):
    to_tflite(model, "int8", images)
    assert capfd.readouterr() == ("", "")


def test_a_graph_that_is_not_plain_takes_the_slower_way(images):
    import tensorflow as tf

    class Asked(tf_keras.layers.Layer):
        def build(self, shape):
            self.weight = self.add_weight("weight", initializer="ones")

        def call(self, x):
            return tf.cond(tf.reduce_sum(x) > 0, lambda: x * self.weight, lambda: x)

    image = tf_keras.Input(_SHAPE)
    model = tf_keras.Model(image, Asked()(image))
    assert freeze(trace(model, [_SHAPE])) is None
    np.testing.assert_allclose(_outputs(to_tflite(model, "float32"), images[:1]), images[:1], atol=1e-6)


def test_a_plain_graph_holds_no_variable(model):
    graph = freeze(trace(model, [_SHAPE]))
    operators = {node.op for node in graph.definition.node}
    assert not operators & {"ReadVariableOp", "VarHandleOp"}
    assert [tuple(one.shape) for one in (*graph.inputs, *graph.outputs)] == [(1, *_SHAPE), (1, 5)]


@pytest.mark.parametrize("dead", [5.0, 50.0])
def test_a_dead_activation_is_repaired(images, dead):
    model = _squeezed(dead)
    converted = to_tflite(model, "int8", images)
    assert refused_operators(converted) == ()
    np.testing.assert_allclose(_outputs(converted, images), model(images).numpy(), atol=0.02)


def test_the_repair_is_needed(images, monkeypatch):
    monkeypatch.setattr("device_bench.conversion.convert.widen_ranges", lambda calibrated: calibrated)
    with pytest.raises(ConversionError, match="constant over the calibration images"):
        to_tflite(_squeezed(5.0), "int8", images)
    monkeypatch.setattr("device_bench.conversion.convert.refused_operators", lambda model: ())
    converted = to_tflite(_squeezed(5.0), "int8", images)
    monkeypatch.undo()
    assert len(refused_operators(converted)) == 1
    with pytest.raises(RuntimeError, match="failed to create XNNPACK runtime"):
        Interpreter(model_content=converted).allocate_tensors()


def test_a_live_model_has_nothing_to_repair(model, images):
    assert refused_operators(to_tflite(model, "int8", images)) == ()
    assert refused_operators(to_tflite(model, "float32")) == ()
    converted = to_tflite(model, "float32")
    np.testing.assert_array_equal(_outputs(widen_ranges(converted), images), _outputs(converted, images))
