"""The number format of a file's inputs and outputs, on both routes of the conversion."""

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter

from device_bench.conversion.colour_front import colour_front, in_colour
from device_bench.conversion.convert import to_tflite
from device_bench.conversion.interface import check_interface
from device_bench.errors import BadRequest, ConversionError
from device_bench.tflite.graph import Graph
from device_bench.tflite.model_file import model_precision

_SIDE = 12
_PIXEL = float(np.float32(1 / 255))


def _network(channels=3, *, dead=0.0):
    """A convolution, a squeeze and excitation whose ReLU can be made dead, a classifier."""
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((_SIDE, _SIDE, channels))
    features = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(features)
    squeezed = layers.Conv2D(4, 1, activation="relu", name="reduce")(squeezed)
    features = layers.Multiply()([features, layers.Conv2D(8, 1, activation="sigmoid")(squeezed)])
    scores = layers.Dense(5, activation="softmax")(layers.Flatten()(features))
    model = tf_keras.Model(image, scores)
    kernel, bias = model.get_layer("reduce").get_weights()
    model.get_layer("reduce").set_weights([kernel, bias - dead])
    return model


@pytest.fixture(scope="module")
def model():
    return _network()


@pytest.fixture(scope="module")
def pixels():
    """Pictures that do not span the range: [24, 200]."""
    return np.random.default_rng(0).integers(24, 201, (8, _SIDE, _SIDE, 3), dtype=np.uint8)


def _images(pixels):
    return pixels.astype(np.float32) / 255


def _ends(content):
    graph = Graph(content)
    return [graph.tensors[one] for one in (*graph.inputs, *graph.outputs)]


def _scores(content, given):
    """Scores as floats; `given` is handed over as it is."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [source], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in given:
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"])[0])
    scale, zero = result["quantization"]
    return (np.float32(found) - zero) * scale if scale else np.array(found)


@pytest.fixture(params=["quick", "slow"])
def route(request, monkeypatch):
    """The quick route, and that of graphs that are not plain."""
    if request.param == "slow":
        monkeypatch.setattr("device_bench.conversion.convert.freeze", lambda traced: None)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("dead", [0.0, 5.0])
def test_the_bytes_of_an_image_are_what_a_uint8_file_takes(pixels, dead):
    model = _network(dead=dead)
    content = to_tflite(model, "int8", _images(pixels), interface="uint8")
    assert [one.kind for one in _ends(content)] == ["uint8", "uint8"]
    assert _ends(content)[0].scaling == (_PIXEL, 0)
    assert model_precision(content) == "int8"
    np.testing.assert_allclose(_scores(content, pixels), model(_images(pixels)).numpy(), atol=0.02)


@pytest.mark.usefixtures("route")
def test_a_float32_interface_hides_the_quantization(model, pixels):
    content = to_tflite(model, "int8", _images(pixels), interface="float32")
    assert [one.kind for one in _ends(content)] == ["float32", "float32"]
    assert model_precision(content) == "int8"
    np.testing.assert_allclose(_scores(content, _images(pixels)), model(_images(pixels)).numpy(), atol=0.02)


def test_what_a_search_times_stays_as_it_was(model, pixels):
    content = to_tflite(model, "int8", _images(pixels))
    assert content == to_tflite(model, "int8", _images(pixels), interface="int8")
    assert _ends(content)[0].scaling[0] < _PIXEL
    assert to_tflite(model, "float32") == to_tflite(model, "float32", interface="float32")


def test_calibration_images_are_not_changed(model, pixels):
    images = _images(pixels)
    before = images.copy()
    to_tflite(model, "int8", images, interface="uint8")
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("precision", "interface", "shift", "words"),
    [
        ("int8", "uint4", 0, "unknown interface 'uint4'; use one of uint8, float32, int8"),
        ("float16", "uint8", 0, "a float16 file takes and gives float32, not uint8; only int8 files can"),
        ("int8", "uint8", 1, r"calibration images in \[0, 1\]; these run from 1.09\d* to 1.78"),
    ],
)
def test_an_interface_that_cannot_be(model, pixels, precision, interface, shift, words):
    with pytest.raises(BadRequest, match=words):
        to_tflite(model, precision, _images(pixels) + shift, interface=interface)


def test_only_an_image_has_bytes():
    numbers = tf_keras.Input((6,))
    model = tf_keras.Model(numbers, tf_keras.layers.Dense(4)(numbers))
    with pytest.raises(BadRequest, match="only input is an image"):
        to_tflite(model, "int8", np.zeros((4, 6), np.float32), interface="uint8")


def test_a_file_is_held_to_its_interface(model, pixels):
    narrow = to_tflite(model, "int8", _images(pixels), interface="int8")
    with pytest.raises(ConversionError, match="'images' of the converted file is int8, not uint8"):
        check_interface(narrow, "uint8")


def test_another_scale_is_refused(model, pixels, monkeypatch):
    monkeypatch.setattr("device_bench.conversion.convert.spanning", lambda examples: examples)
    with pytest.raises(ConversionError, match=r"scale and zero point \(0.00\d+, 0\), where the bytes of an image need"):
        to_tflite(model, "int8", _images(pixels), interface="uint8")


@pytest.fixture(scope="module")
def grey():
    return _network(1)


def test_a_front_gives_what_the_grey_network_gives(grey, pixels):
    shades = pixels[..., :1]
    fronted = colour_front(grey)
    for precision, interface in [("float32", None), ("int8", "uint8")]:
        given = shades if interface else _images(shades)
        plain = to_tflite(grey, precision, _images(shades), interface=interface)
        colour = to_tflite(fronted, precision, in_colour(_images(shades)), interface=interface)
        difference = np.abs(_scores(colour, in_colour(given)) - _scores(plain, given)).max()
        assert difference <= (0 if interface else 1e-6), precision


def test_a_front_sees_colours_as_pillow_does(grey, pixels):
    from PIL import Image

    shares = np.ravel(colour_front(grey).get_layer("luma").get_weights()[0])
    edges = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    for picture in (*pixels, edges):
        shades = np.asarray(Image.fromarray(picture).convert("L"), np.float32)
        # Half a step is Pillow's own rounding.
        assert np.abs(picture @ shares - shades).max() < 0.5 + 1
    assert shares.sum() == pytest.approx(1, abs=2e-7)


def test_only_grey_networks_get_a_front(model):
    with pytest.raises(BadRequest, match=r"network of grey images, not of inputs of the shapes \[\(12, 12, 3\)\]"):
        colour_front(model)
