"""Metadata and signatures of TFLite files, read back by ourselves, by LiteRT, and by the tools that time a file."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from tiny_model import tiny_model

from device_bench.conversion.convert import to_tflite
from device_bench.errors import BadRequest
from device_bench.latency_table.signature import signatures
from device_bench.tflite.apps import check_for_apps, finished
from device_bench.tflite.metadata import Metadata, read_metadata, with_metadata
from device_bench.tflite.model_file import model_precision
from device_bench.tflite.model_inputs import choose
from device_bench.tflite.packing import packed, unpacked
from device_bench.tflite.signature import with_signature

_ABOUT = Metadata(
    labels=("Käse", "猫", "crane", "crane"),
    name="tiny",
    description="Four things, told apart badly.",
    version="1",
    author="a test",
    license="Apache-2.0",
)


def _network(channels=3):
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((8, 8, channels))
    features = tf_keras.layers.Conv2D(8, 3, activation="relu")(image)
    return tf_keras.Model(image, tf_keras.layers.Dense(4, activation="softmax")(tf_keras.layers.Flatten()(features)))


@pytest.fixture(scope="module")
def files():
    """Converted files by precision and interface."""
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    model = _network()
    kinds = [("float32", None), ("float16", None), ("dynamic", None), *(("int8", one) for one in ("uint8", "float32"))]
    found = {kind: to_tflite(model, kind[0], images, interface=kind[1]) for kind in kinds}
    found["int8", "int8"] = to_tflite(model, "int8", images)
    return found


@pytest.fixture(scope="module")
def plain(files):
    return files["int8", "uint8"]


def _outputs(content):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    [source], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    rng = np.random.default_rng(1)
    found = []
    for _ in range(4):
        values = rng.integers(0, 256, source["shape"])
        interpreter.set_tensor(
            source["index"], (values / 255 if source["dtype"] == np.float32 else values).astype(source["dtype"])
        )
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"]))
    return np.concatenate(found)


def test_a_finished_file_computes_what_it_did(files):
    for kind, content in files.items():
        ready = finished(content, _ABOUT)
        np.testing.assert_array_equal(_outputs(ready), _outputs(content), strict=True)
        assert (model_precision(ready), signatures(ready)) == (model_precision(content), signatures(content)), kind
        assert read_metadata(ready) == _ABOUT


def test_the_same_file_twice(plain):
    ready = finished(plain, _ABOUT)
    assert ready == finished(plain, _ABOUT)
    again = with_metadata(with_metadata(ready, replace(_ABOUT, name="other")), _ABOUT)
    assert again == ready
    assert read_metadata(again) == _ABOUT


def test_the_labels_are_a_text_file_behind_the_model(plain):
    with zipfile.ZipFile(io.BytesIO(finished(plain, _ABOUT))) as archive:
        [entry] = archive.infolist()
        assert entry.compress_type == zipfile.ZIP_STORED
        assert archive.read(entry).decode() == "Käse\n猫\ncrane\ncrane\n"
        assert archive.testzip() is None


def test_a_file_that_was_never_finished(plain):
    assert read_metadata(plain) is None
    assert read_metadata(with_signature(plain)) is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("a", "b", "c"), "3 labels for the 4 outputs"),
        (("a", "b", "c", "d", "e"), "5 labels for the 4 outputs"),
        (("a", " \t", "c", "d"), "label of class 1 is blank"),
        (("a", "b", "c\nd", "e"), r"label of class 2, 'c\\nd', holds a line break"),
        (("a", "b\rc", "d", "e"), r"label of class 1, 'b\\rc', holds a line break"),
        (("a\u2028b", "c", "d", "e"), "label of class 0, .* holds a line break"),
        (("a\0", "c", "d", "e"), "holds a line break or a control character"),
        (("\ud83d", "c", "d", "e"), "holds a line break or a control character"),
    ],
)
def test_labels_that_do_not_fit(plain, labels, words):
    with pytest.raises(BadRequest, match=words) as caught:
        finished(plain, replace(_ABOUT, labels=labels))
    assert str(caught.value).isprintable()


def test_white_space_around_a_label_is_dropped(plain):
    ready = finished(plain, replace(_ABOUT, labels=(" a", "b\r", "c\r\n", "👩‍🔬")))
    assert read_metadata(ready).labels == ("a", "b", "c", "👩‍🔬")


def test_metadata_are_for_classifiers_of_images():
    numbers = tf_keras.Input((6,))
    content = to_tflite(tf_keras.Model(numbers, tf_keras.layers.Dense(4)(numbers)), "float32")
    with pytest.raises(BadRequest, match="one image as input and one list of scores"):
        with_metadata(content, _ABOUT)
    assert check_for_apps(finished(content)) == [
        "It is not an image classifier: readers take one image as input and one list of scores as output."
    ]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda ready: b"nothing", "is not a TFLite file"),
        (lambda ready: ready[: ready.index(b"PK\x03\x04")], "labels 'labels.txt' that its metadata announce are not"),
        (
            lambda ready: ready.replace(b"labels.txt", b"labelz.txt", 1),
            "labels 'labelz.txt' that its metadata announce",
        ),
    ],
)
def test_damaged_metadata(plain, damage, words):
    with pytest.raises(BadRequest, match=words):
        read_metadata(damage(finished(plain, _ABOUT)))


def test_compressed_labels_are_refused(plain):
    ready = finished(plain, _ABOUT)
    file = io.BytesIO(ready[: ready.index(b"PK\x03\x04")])
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "a\n" * 400)
    with pytest.raises(BadRequest, match=r"'labels\.txt' is compressed"):
        read_metadata(file.getvalue())


def test_a_signature_runs_by_its_names(files):
    for content in files.values():
        interpreter = Interpreter(model_content=finished(content, _ABOUT))
        assert interpreter.get_signature_list() == {
            "serving_default": {"inputs": ["image"], "outputs": ["probability"]}
        }
        run = interpreter.get_signature_runner()
        source = run.get_input_details()["image"]
        image = np.full((1, 8, 8, 3), 1, source["dtype"])
        [given] = run(image=image).values()
        assert given.shape == (1, 4)


def test_a_signature_has_the_names_of_the_tensors_by_default(plain):
    interpreter = Interpreter(model_content=with_signature(plain))
    assert interpreter.get_signature_list()["serving_default"] == {"inputs": ["images"], "outputs": ["Identity"]}


def test_signatures_that_cannot_be(plain):
    two = unpacked(plain)
    two.subgraphs = two.subgraphs * 2
    for content, names, words in [
        (plain, ["a", "b"], "2 names for the 1 inputs"),
        (finished(plain, _ABOUT), [], "give it the signature first"),
        (packed(two), [], "has 2 subgraphs"),
        (b"nothing", [], "is not a TFLite file"),
    ]:
        with pytest.raises(BadRequest, match=words):
            with_signature(content, names)


def test_a_finished_file_is_timed_as_it_is(plain):
    ready = finished(plain, _ABOUT)
    assert choose(ready, [], None, "tiny").model == ready
    assert choose(ready, [], None, "tiny").inputs == ("image",)


def test_what_the_readers_of_apps_would_refuse(files):
    for kind, content in files.items():
        ready = finished(content, _ABOUT)
        faults = check_for_apps(ready)
        assert [fault.split(":")[0] for fault in faults] == (
            [
                "Its input is int8, and readers give uint8 or float32",
                "Its output is int8, and readers take uint8 or float32",
            ]
            if kind == ("int8", "int8")
            else []
        )
        assert check_for_apps(content)[len(faults) :] == ["It has no metadata: write them with `finished`."]


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_images_than_colour(channels):
    ready = finished(to_tflite(_network(channels), "float32"), _ABOUT)
    [fault] = check_for_apps(ready)
    assert fault.startswith("It takes grey images" if channels == 1 else f"It takes images of {channels} channels")


def test_another_scale_or_normalization_is_told(plain):
    narrow = unpacked(plain)
    graph = narrow.subgraphs[0]
    graph.tensors[graph.inputs[0]].quantization.scale = [0.0031]
    [fault] = check_for_apps(finished(packed(narrow), _ABOUT))
    assert fault.startswith("The scale and zero point of its uint8 input are (0.0031")
    [fault] = check_for_apps(finished(plain, replace(_ABOUT, mean=(0, 1, 2), std=(255, 255, 255))))
    assert "normalized per channel" in fault


def test_labels_of_others_are_counted(plain):
    ready = finished(plain, _ABOUT)
    file = io.BytesIO(ready[: ready.index(b"PK\x03\x04")])
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.txt", "a\r\nb\r\n\n")
    assert check_for_apps(file.getvalue()) == [
        "It has 3 labels for 4 outputs.",
        "A label is blank, or has white space at an end.",
    ]


def test_a_file_of_several_operators_keeps_them():
    content = tiny_model()
    assert signatures(with_signature(content)) == signatures(content)
