"""Files as they ship, opened by the client of apps: MediaPipe Tasks, in an environment of its own (`make test`)."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_bench.conversion.colour_front import colour_front, in_colour
from device_bench.conversion.convert import to_tflite
from device_bench.tflite.apps import check_for_apps, finished
from device_bench.tflite.metadata import Metadata
from device_bench.tflite.packing import packed, unpacked
from mnas.training.outputs import tflite_predict

pytestmark = pytest.mark.xdist_group("apps")

_ENVIRONMENT = Path(__file__).parents[2] / ".venv-mediapipe"
_SIDE, _GREY = 24, 4
_ABOUT = Metadata(("Käse", "猫", "crane", "crane", "a b, c", "👩‍🔬", '"'), "tiny", "Told apart badly.", license="MIT")
_KINDS = {
    "float32": ("float32", None, 1e-5),
    "float16": ("float16", None, 1e-5),
    # Its activations are quantized as it runs, so the last bit of a normalized pixel may move one by a step.
    "dynamic": ("dynamic", None, 0.02),
    "int8-uint8": ("int8", "uint8", 0.0),
    "int8-float32": ("int8", "float32", 0.0),
}


def _network(channels=3):
    """MnasNet-A1, thin, with statistics as after a training and scores that differ."""
    from search_spaces import as_if_trained, build_model, published, scale

    model = build_model(scale(published("mnasnet-a1"), 0.25), (_SIDE, _SIDE, channels), len(_ABOUT.labels))
    as_if_trained(model)
    kernel = model.get_layer("classifier").kernel
    kernel.assign(kernel * 20)
    return model


@pytest.fixture(scope="module")
def pixels():
    """Pictures of colour, and `_GREY` at the end that are grey."""
    spots = np.random.default_rng(0).integers(0, 256, (12 + _GREY, 4, 4, 3), dtype=np.uint8)
    spots[-_GREY:] = spots[-_GREY:, ..., :1]
    return np.repeat(np.repeat(spots, _SIDE // 4, axis=1), _SIDE // 4, axis=2)


@pytest.fixture(scope="module")
def shipped(pixels):
    """Files that open, by name."""
    images, model, grey = np.float32(pixels) / 255, _network(), colour_front(_network(1))
    files = {
        name: to_tflite(model, precision, images, interface=interface)
        for name, (precision, interface, _) in _KINDS.items()
    }
    files |= {
        f"grey-{name}": to_tflite(grey, precision, in_colour(images[..., :1]), interface=interface)
        for name, (precision, interface, _) in _KINDS.items()
        if name in ("float32", "int8-uint8")
    }
    return {name: finished(content, _ABOUT) for name, content in files.items()}


@pytest.fixture(scope="module")
def refused(pixels):
    """Files that readers refuse, by name."""
    images, model = np.float32(pixels) / 255, _network()
    files = {f"channels-{count}": to_tflite(_network(count), "float32") for count in (1, 2, 4)}
    files["int8"] = to_tflite(model, "int8", images)
    ready = {name: finished(content, _ABOUT) for name, content in files.items()}
    ready["unfinished"] = to_tflite(model, "float32")
    per_channel = replace(_ABOUT, mean=(0, 1, 2), std=(255, 255, 255))
    ready["per-channel"] = finished(to_tflite(model, "float32"), per_channel)
    return ready


@pytest.fixture(scope="module")
def mistaken(pixels):
    """A uint8 file calibrated as if the brightest pixel were darker than it is: readers cannot know."""
    model = unpacked(to_tflite(_network(), "int8", np.float32(pixels) / 255, interface="uint8"))
    [graph] = model.subgraphs
    graph.tensors[graph.inputs[0]].quantization.scale = [0.7 / 255]
    return finished(packed(model), _ABOUT)


@pytest.fixture(scope="module")
def answers(shipped, refused, mistaken, pixels, tmp_path_factory):
    """What MediaPipe says of each file; one process, for its start is what costs."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in {**shipped, **refused, "mistaken": mistaken}.items():
        (folder / f"{name}.tflite").write_bytes(content)
    np.save(folder / "pixels.npy", pixels)
    if not (_ENVIRONMENT / "ready").exists():
        _lacking(f"{_ENVIRONMENT.name} is not there; `make {_ENVIRONMENT.name}/ready` makes it")
    command = [_ENVIRONMENT / "bin" / "python", "-I", Path(__file__).with_name("classify.py"), folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "cannot open shared object file" in done.stderr:
        _lacking(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _lacking(reason):
    if os.environ.get("MNAS_NO_SKIP") == "1":
        raise RuntimeError(f"no MediaPipe here: {reason}")
    pytest.skip(f"no MediaPipe here: {reason}")


def _scores(answer):
    """MediaPipe's scores `[images, classes]`, sorted back by class."""
    found = np.zeros((len(answer), len(_ABOUT.labels)), np.float32)
    for scores, image in zip(found, answer, strict=True):
        for index, _, score in image:
            scores[index] = score
    return found


def _file_names():
    return [*_KINDS, "grey-float32", "grey-int8-uint8"]


@pytest.mark.parametrize("name", _file_names())
def test_scores_are_those_of_litert(answers, shipped, pixels, name):
    *_, tolerance = _KINDS[name.removeprefix("grey-")]
    expected = tflite_predict(shipped[name])(np.float32(pixels) / 255)
    found = _scores(answers[name])
    assert np.abs(found - expected).max() <= tolerance
    # Scores of int8 may be equal; the first that MediaPipe gives is one of the best.
    first = [image[0][0] for image in answers[name]]
    best = expected.max(axis=1)
    assert (expected[np.arange(len(first)), first] >= best - tolerance).all()
    assert len(set(first)) > 1, "a network that always answers the same proves nothing"


@pytest.mark.parametrize("name", _file_names())
def test_labels_are_those_of_the_classes(answers, name):
    for image in answers[name]:
        assert {index: label for index, label, _ in image} == dict(enumerate(_ABOUT.labels))


def test_a_grey_network_gives_its_own_scores_in_colour(answers, pixels):
    grey, shades = _network(1), np.float32(pixels[..., :1]) / 255
    for name, tolerance in [("float32", 1e-5), ("int8-uint8", 0.0)]:
        precision, interface, _ = _KINDS[name]
        plain = tflite_predict(to_tflite(grey, precision, shades, interface=interface))(shades)
        assert np.abs(_scores(answers[f"grey-{name}"]) - plain)[-_GREY:].max() <= tolerance


@pytest.mark.parametrize("name", ["channels-1", "channels-2", "channels-4", "int8", "unfinished", "per-channel"])
def test_what_is_refused_was_foretold(answers, refused, name):
    assert isinstance(answers[name], str)
    assert check_for_apps(refused[name])


def test_what_opens_has_no_fault(shipped):
    assert {name: check_for_apps(content) for name, content in shipped.items()} == {name: [] for name in shipped}


def test_a_wrong_scale_opens_and_gives_other_scores(answers, mistaken, pixels):
    assert np.abs(_scores(answers["mistaken"]) - tflite_predict(mistaken)(np.float32(pixels) / 255)).max() > 0.01
    [fault] = check_for_apps(mistaken)
    assert "not 1/255 and 0" in fault
