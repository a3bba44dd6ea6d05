import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from faulty_network import SHAPE, faulty_network
from random_graphs import KINDS, random_graph
from tiny_graph import chain, tiny_graph
from varied import VARIED

from device_bench.conversion.bias import mean_shifts, with_corrected_biases
from device_bench.conversion.compare import compare
from device_bench.conversion.convert import to_tflite
from device_bench.conversion.dequantized import dequantized
from device_bench.conversion.pairs import CONVERSIONS, paired
from device_bench.conversion.selective import calibrated, quantized, to_keep
from device_bench.errors import BadRequest
from device_bench.tflite.graph import Graph
from search_spaces import build_model, published, scale
from search_spaces.keras_models import as_if_trained, build_graph


def _files(model, images):
    return to_tflite(model, "float32"), to_tflite(model, "int8", images)


def _run(content, images):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [entry], [end] = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        scale, zero = entry["quantization"]
        values = np.clip(np.round(image / scale) + zero, -128, 127) if scale else image
        interpreter.set_tensor(entry["index"], values[np.newaxis].astype(entry["dtype"]))
        interpreter.invoke()
        scale, zero = end["quantization"]
        values = interpreter.get_tensor(end["index"])[0].astype(np.float32)
        found.append((values - zero) * scale if scale else values)
    return np.array(found)


def _error(content, plain, images):
    meant = _run(plain, images)
    return float(np.sqrt(np.square(_run(content, images) - meant).sum() / np.square(meant).sum()))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).random((12, *SHAPE), dtype=np.float32)


@pytest.fixture(scope="module")
def faulty(images):
    return _files(faulty_network(1000.0), images)


@pytest.fixture(scope="module")
def findings(faulty, images):
    return compare(*faulty, images[:6])


def _worst(findings):
    return max(findings, key=lambda one: one.cost)


def test_the_operator_that_was_made_bad_costs_most(findings):
    worst = _worst(findings)
    assert worst.kind == "DEPTHWISE_CONV_2D"
    assert "depthwise" in worst.name
    assert worst.cost**2 > 0.9 * sum(one.cost**2 for one in findings)
    assert worst.weights < worst.own / 2, "its output's step is too coarse, not its weights"


def test_a_good_network_has_no_such_operator(images):
    findings = compare(*_files(faulty_network(), images), images[:6])
    assert max(one.cost for one in findings) < 0.02
    assert [one.kind for one in findings][:2] == ["INPUT", "CONV_2D"]


def test_what_is_inherited_is_not_blamed_on_the_heir(findings):
    by_kind = {one.kind: one for one in findings}
    heir, culprit = by_kind["MEAN"], by_kind["DEPTHWISE_CONV_2D"]
    assert heir.error > 10 * heir.own
    assert culprit.own == pytest.approx(culprit.error, rel=0.2)


def test_costs_add_up_to_the_error_of_thefaulty_network(findings, faulty, images):
    total = np.sqrt(sum(one.cost**2 for one in findings))
    assert findings[-1].error == pytest.approx(_error(faulty[1], faulty[0], images[:6]), rel=1e-3)
    assert total == pytest.approx(findings[-1].error, rel=0.5)


def test_operators_that_are_kept_in_float_mend_it(findings, faulty, images):
    plain, int8 = faulty
    kept = to_keep(plain, [_worst(findings)])
    assert ["depthwise" in one or "project" in one for one in kept] == [True, True], "with what reads it"
    mended = quantized(calibrated(plain, images), int8, kept)
    assert _error(mended, plain, images) < _error(int8, plain, images) / 3
    again = compare(plain, mended, images[:6])
    assert [one.kind for one in again if one.kept] == ["DEPTHWISE_CONV_2D", "CONV_2D"]
    assert max(one.own for one in again if one.kept) < 1e-5


def test_quantized_in_two_steps_is_quantized_as_in_one(faulty, images):
    plain, int8 = faulty
    again = quantized(calibrated(plain, images), int8)
    np.testing.assert_array_equal(_run(again, images), _run(int8, images))


def test_the_step_of_the_input_stays(faulty, images):
    again = quantized(calibrated(faulty[0], images / 3), faulty[1])
    scalings = [graph.tensors[graph.inputs[0]].scaling for graph in (Graph(faulty[1]), Graph(again))]
    assert scalings[0] == scalings[1]


@pytest.mark.parametrize("kind", ["UINT8", "FLOAT32"])
def test_the_ends_are_those_of_another_file(faulty, images, kind):
    like = tiny_graph(chain([kind, kind]))
    graph = Graph(quantized(calibrated(faulty[0], images), like))
    assert {graph.tensors[one].kind for one in (*graph.inputs, *graph.outputs)} == {kind.lower()}
    assert len(paired(graph, Graph(faulty[0]))) == 5


def test_corrected_biases_take_back_what_rounding_shifts(images):
    plain, int8 = _files(faulty_network(shifted=0.0035), images)
    shifts = mean_shifts(plain, int8, images)
    [depthwise] = [name for name in shifts if "depthwise" in name]
    assert np.abs(shifts[depthwise]).max() > 0
    corrected = quantized(with_corrected_biases(calibrated(plain, images), shifts), int8)
    assert _error(corrected, plain, images) < 0.8 * _error(int8, plain, images)
    kept = quantized(with_corrected_biases(calibrated(plain, images), shifts, tuple(shifts)), int8)
    np.testing.assert_array_equal(_run(kept, images), _run(int8, images))


def test_a_dead_activation_does_not_stop_it(images):
    model = faulty_network()
    kernel, bias = model.get_layer("block1.layer1.project").get_weights()
    model.get_layer("block1.layer1.project").set_weights([kernel * 1e-9, bias])
    plain, int8 = _files(model, images)
    assert np.isfinite([one.cost for one in compare(plain, int8, images[:2])]).all()
    assert len(_run(quantized(calibrated(plain, images), int8), images)) == len(images)


@pytest.mark.parametrize("seed", range(6))
def test_every_kind_of_operator_has_its_twin(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, KINDS)
    model = build_graph(graph)
    as_if_trained(model)
    images = rng.random((6, *graph.inputs[0][1]), dtype=np.float32)
    plain, int8 = _files(model, images)
    _check_twins(plain, int8)
    findings = compare(plain, int8, images[:3])
    assert max(one.own for one in findings) < 0.2


@pytest.mark.parametrize("name", VARIED)
def test_every_operator_of_every_family_has_its_twin(name):
    shape = (32, 32, 3)
    model = build_model(scale(published(name), 0.25, 0.25), shape, 10)
    _check_twins(*_files(model, np.random.default_rng(0).random((2, *shape), dtype=np.float32)))


def _check_twins(plain, int8):
    """By name, which both routes of the converter keep; `paired` goes by the data first."""
    own, plain, int8 = Graph(dequantized(int8)), Graph(plain), Graph(int8)
    assert [one.name for one in own.operators] == [one.name for one in plain.operators]
    assert len(paired(int8, own)) == len(plain.operators)
    pairs = paired(int8, plain)
    assert len(pairs) == len([one for one in int8.operators if one.name not in CONVERSIONS]) == len(plain.operators)
    for pair in pairs:
        for theirs, ours in pair.outputs:
            assert int8.tensors[theirs].name == plain.tensors[ours].name


def _trained_for_int8(image):
    """A convolution and a pool as a quantization-aware training leaves them: its files have names of their own."""
    import tensorflow as tf

    class Limited(tf_keras.layers.Layer):
        def call(self, tensor):
            return tf.quantization.fake_quant_with_min_max_args(tensor, 0.0, 3.0)

    features = tf_keras.layers.Conv2D(4, 3, activation="relu", name="first")(Limited()(image))
    features = tf_keras.layers.AveragePooling2D(2)(Limited()(features))
    return Limited()(tf_keras.layers.Conv2D(4, 1, activation="relu", name="second")(features))


def test_the_float_network_of_a_file_has_its_operators(images):
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input(SHAPE)
    int8 = to_tflite(tf_keras.Model(image, _trained_for_int8(image)), "int8", images)
    plain = dequantized(int8)
    pairs = paired(Graph(int8), Graph(plain))
    assert [pair.plain.name for pair in pairs] == ["CONV_2D", "AVERAGE_POOL_2D", "CONV_2D"]
    assert 0 < _error(int8, plain, images) < 0.1
    findings = compare(plain, int8, images[:3])
    assert max(one.weights for one in findings) < 1e-4, "the weights are the file's own"
    assert max(one.own for one in findings) < 0.1


def test_the_float_network_of_a_repaired_file_loses_its_conversions(findings, faulty, images):
    plain, int8 = faulty
    mended = quantized(calibrated(plain, images), int8, to_keep(plain, [_worst(findings)]))
    names = [operator.name for operator in Graph(dequantized(mended)).operators]
    assert names == [operator.name for operator in Graph(plain).operators]
    assert _error(dequantized(mended), plain, images) < 0.05


def test_files_of_other_networks_are_refused(faulty, images):
    other = tf_keras.Sequential([tf_keras.Input(SHAPE), tf_keras.layers.Conv2D(4, 3, name="other")])
    with pytest.raises(BadRequest, match=r"not of the same network: the float32 one has nothing like CONV_2D"):
        compare(to_tflite(other, "float32"), faulty[1], images)
    whole = faulty_network()
    shorter = to_tflite(tf_keras.Model(whole.input, whole.get_layer("stem").output), "int8", images)
    with pytest.raises(BadRequest, match="the quantized one lacks DEPTHWISE_CONV_2D"):
        compare(faulty[0], shorter, images)
    with pytest.raises(BadRequest, match="the float32 file is not a TFLite file"):
        compare(b"no", faulty[1], images)


def test_nothing_to_compare_on_is_refused(faulty):
    with pytest.raises(BadRequest, match="on inputs for which the network gives something"):
        compare(*faulty, [])
    with pytest.raises(BadRequest, match="needs typical inputs"):
        mean_shifts(*faulty, [])


def test_an_operator_that_is_not_there_cannot_be_kept(faulty, images):
    with pytest.raises(BadRequest, match="no operator 'nowhere'"):
        quantized(calibrated(faulty[0], images), faulty[1], ["nowhere"])
